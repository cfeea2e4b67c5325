/*
 * link_main.c - the process of one MQTT connection, the child of link_process.c.
 *
 *     sending thread:      socket ──► publish, subscribe, verdict ──► library
 *     both its threads:    reports ──► `out` ──► socket, before they sleep
 *
 * The main thread starts the library, whose sending thread then does our work where it would sleep:
 * so no thread is woken between what the agent says and what the broker is sent.
 *
 * It lives as long as its connection: nothing of one can leak into the next, and no acknowledgement
 * can come too late. It ends with _exit, for there is nothing to tidy up; when its socket ends, so does
 * it, and the kernel kills it when the agent dies.
 */
#include "link_main.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_acks.h"
#include "link_confine.h"
#include "link_gather.h"
#include "link_paho.h"
#include "link_process.h"
#include "studio/version.h"

enum {
    OUT_MAX = 96 << 20, /* more than all commands that may be under way */
    IN_CHUNK = 64 << 10,
    RETRY_MS = 20
};

static struct {
    pthread_mutex_t lock;    /* guards `out` */
    struct buf out;          /* frames for the agent */
    int wake;                /* eventfd: the serving thread has something to do */
    pthread_mutex_t writing; /* taken before `lock`; guards these two: */
    struct buf sending;      /* taken from `out`, written from `sent` on */
    size_t sent;
    atomic_bool started; /* the library: its sending thread serves, till then the main thread */
    /* the serving thread's: */
    char *in; /* bytes read, frames not yet complete */
    size_t have, size;
    bool connected;  /* CONNECT was here */
    bool connecting; /* and the library has taken it */
    bool closing, closed, will;
} child = {.lock = PTHREAD_MUTEX_INITIALIZER, .writing = PTHREAD_MUTEX_INITIALIZER};

bool link_main_wanted(int argc, char **argv)
{
    return argc == 1 && strncmp(argv[0], LINK_ARGV0, sizeof(LINK_ARGV0) - 1) == 0;
}

/* The agent says when it is over: a signal for everybody (a terminal's, a service manager's) must not
 * take the connection away before `stopped` is said. Should the agent have died before this, its end of
 * the socket is closed, and we notice. */
static void live_with_the_agent(const char *name)
{
    static const int others[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    char thread[16] = "mqtt-";

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        signal(others[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    strncat(thread, name, sizeof(thread) - strlen(thread) - 1);
    prctl(PR_SET_NAME, thread, 0, 0, 0);
}

/* --- to the agent ----------------------------------------------------------------------------- */

static _Thread_local bool said; /* by this thread, and it has not looked after it yet */

/* It leaves when the thread goes to sleep, with what else it has to say: a connection that comes up and
 * is ended at once is told in one. */
static void put(const struct wire_message *message)
{
    said = true;
    pthread_mutex_lock(&child.lock);
    wire_put(&child.out, message);
    if (!buf_ok(&child.out))
        _exit(LINK_EXIT_MEMORY);
    pthread_mutex_unlock(&child.lock);
}

static void report_event(const struct link_event *event)
{
    struct wire_message m = {.kind = WIRE_EVENT};

    m.event = *event;
    put(&m);
}

static void report_command(const struct link_command *command)
{
    struct wire_message m = {.kind = WIRE_COMMAND};

    m.command = *command;
    put(&m);
}

static void report_log(enum log_level level, const char *text)
{
    struct wire_message m = {.kind = WIRE_LOG};

    m.log.level = level;
    m.log.text = text;
    put(&m);
}

static void failed(enum link_event_kind kind, const char *text)
{
    struct link_event event = {.kind = kind};

    strncpy(event.text, text, sizeof(event.text) - 1);
    report_event(&event);
}

/* With `writing` held. Writes what can be written without waiting; what the library says meanwhile comes
 * next. False: some is left. */
static bool write_out(void)
{
    for (;;) {
        ssize_t n;

        if (child.sent == child.sending.len) {
            struct buf empty = child.sending;

            buf_clear(&empty);
            child.sent = 0;
            pthread_mutex_lock(&child.lock);
            child.sending = child.out;
            child.out = empty;
            pthread_mutex_unlock(&child.lock);
            if (child.sending.len == 0)
                return true;
        }
        n = send(LINK_FD, child.sending.data + child.sent, child.sending.len - child.sent,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0 && errno != EINTR)
            _exit(0);
        if (n > 0)
            child.sent += (size_t)n;
    }
}

static bool flush(void)
{
    bool all;

    pthread_mutex_lock(&child.writing);
    all = write_out();
    pthread_mutex_unlock(&child.writing);
    return all;
}

/* On the library's threads; the serving one writes what cannot be written without waiting. */
static void on_idle(void)
{
    const bool any = said;

    said = false;
    if (any && !flush() && eventfd_write(child.wake, 1) != 0)
        _exit(1);
}

/* --- from the agent --------------------------------------------------------------------------- */

static void sleep_at_work(int blocked, int ms);

/* The strings of CONNECT stay: this moves the frame to memory of its own. */
static void connect_now(const char *frame, size_t size)
{
    static struct paho_reports reports = {.event = report_event,
                                          .command = report_command,
                                          .log = report_log,
                                          .idle = on_idle,
                                          .sleep = sleep_at_work};
    static struct wire_message m;
    char text[LINK_TEXT_MAX] = "out of memory";
    char *copy = malloc(size);

    if (!copy)
        _exit(LINK_EXIT_MEMORY);
    memcpy(copy, frame, size);
    if (child.connected || wire_get(copy, size, &m) != (ssize_t)size)
        _exit(1);
    child.connected = true;
    reports.wake = child.wake;
    if (strcmp(m.connect.version, STUDIO_VERSION) != 0)
        failed(LINK_FAILED, "the studio-agent that holds the connection is of another version");
    else if (paho_connect(&m, &reports, text))
        child.connecting = true;
    else
        failed(LINK_FAILED, text);
}

static void carry_out(const struct wire_message *m)
{
    bool done = true;

    if (!child.connected)
        _exit(1);
    switch (m->kind) {
    case WIRE_PUBLISH:
        done = paho_publish(m->publish.slot, &m->publish.message);
        break;
    case WIRE_SUBSCRIBE:
        done = paho_subscribe(m->subscribe.slot, m->subscribe.filters, m->subscribe.count,
                              m->subscribe.watch, m->subscribe.own);
        break;
    case WIRE_VERDICT:
        acks_verdict(m->token);
        break;
    case WIRE_DISCONNECT:
        child.closing = true;
        child.will = m->will;
        acks_close();
        break;
    case WIRE_PING:
        paho_touch();
        put(&(struct wire_message){.kind = WIRE_PONG});
        break;
    default:
        _exit(1);
    }
    if (!done)
        failed(LINK_LOST, "the MQTT library takes nothing more");
}

static void take_frames(void)
{
    size_t used = 0;
    ssize_t size;
    struct wire_message m;

    while ((size = wire_get(child.in + used, child.have - used, &m)) > 0) {
        if (m.kind == WIRE_CONNECT)
            connect_now(child.in + used, (size_t)size);
        else
            carry_out(&m);
        used += (size_t)size;
    }
    if (size < 0)
        _exit(1);
    memmove(child.in, child.in + used, child.have - used);
    child.have -= used;
}

static void take(void)
{
    ssize_t n;

    if (child.size < child.have + IN_CHUNK) {
        child.size = 2 * (child.have + IN_CHUNK);
        child.in = realloc(child.in, child.size);
        if (!child.in)
            _exit(LINK_EXIT_MEMORY);
    }
    n = recv(LINK_FD, child.in + child.have, child.size - child.have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        _exit(0); /* the agent has gone, or is done with us */
    if (n <= 0)
        return;
    child.have += (size_t)n;
    take_frames();
}

/* Acknowledges what may be, and leaves once everything is. False: to be tried again soon. */
static bool tend(void)
{
    bool all = !child.connected || acks_send();

    if (child.closing && !child.closed && acks_all_sent()) {
        child.closed = true;
        if (!paho_disconnect(child.will))
            failed(LINK_LOST, "the connection broke off");
    }
    return all;
}

/* Waits for something to do: until `blocked` takes more, if it is a socket, and `ms` at most. */
static void wait_for(struct pollfd *socket, int blocked, int ms)
{
    struct pollfd fds[3] = {
        *socket, {.fd = child.wake, .events = POLLIN}, {.fd = blocked, .events = POLLOUT}};
    eventfd_t count;

    if (poll(fds, 3, ms) < 0 && errno != EINTR)
        _exit(1);
    if (fds[1].revents)
        (void)eventfd_read(child.wake, &count);
    *socket = fds[0];
}

static void serve(int blocked, int ms)
{
    struct pollfd socket = {.fd = LINK_FD, .events = POLLIN};

    if (!tend() && ms > RETRY_MS)
        ms = RETRY_MS;
    if (!flush())
        socket.events |= POLLOUT;
    wait_for(&socket, blocked, gather_asleep() ? ms : 0);
    gather_awake();
    if (socket.revents & ~POLLOUT)
        take();
}

/* The library's sending thread, which may come here before the main thread has gone. */
static void sleep_at_work(int blocked, int ms)
{
    struct pollfd nothing = {.fd = -1};

    if (atomic_load(&child.started)) {
        serve(blocked, ms);
        return;
    }
    wait_for(&nothing, blocked, gather_asleep() ? ms : 0);
    gather_awake();
}

void link_main(const char *name)
{
    const char *unfiltered;

    live_with_the_agent(name + sizeof(LINK_ARGV0) - 1);
    unfiltered = link_confine();
    buf_init(&child.out, OUT_MAX);
    buf_init(&child.sending, OUT_MAX);
    child.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (child.wake < 0)
        _exit(1);
    if (unfiltered)
        report_log(LOG_DEBUG, unfiltered);
    while (!child.connecting)
        serve(-1, INT_MAX);
    atomic_store(&child.started, true);
    if (eventfd_write(child.wake, 1) != 0)
        _exit(1);
    for (;;)
        pause();
}
