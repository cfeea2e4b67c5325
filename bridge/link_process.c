#include "link_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "link_wire.h"
#include "studio/version.h"

enum {
    OUT_FULL = 8 << 20, /* bytes not yet written: no more publishing */
    OUT_MAX = 16 << 20,
    CONNECT_MAX = 8 << 10, /* what it is told first: written without moving, and cleared */
    OUT_WRITTEN = 2 << 20, /* bytes that are written give their room back */
    READ_CHUNK = 64 << 10,
    READ_STEP = 1 << 20, /* bytes taken in one step, so that others have their turn */
    NEVER_MS = 3600 * 1000
};

/*
 *     no child (fd -1) ── connect ──► attempting ── UP ──► up
 *            ▲                            │                │
 *            └──────── close, over ───────┴────────────────┘
 *
 * `over` is set when the child has ended, hangs or talks nonsense: the next step reports it, as the
 * link's functions must not.
 */
struct link_process {
    struct link link; /* first */
    struct link_options o;
    pid_t pid;
    int fd;
    uint64_t generation;
    bool up;
    const char *over; /* why the connection is to be reported as ended; NULL: it is not */
    struct buf out;   /* frames to be written, from `written` on */
    size_t written;
    bool secret; /* a password stands in what is to be written */
    char *in;    /* bytes read, frames from `begin` to `end` */
    size_t begin, end, size;
    int64_t ping_ms; /* the next one */
    unsigned
        unanswered; /* pings in a row: time that passed while we ourselves stood still says nothing */
};

static const char *const names[LINK_COUNT] = {"publisher", "commands", "probe"};

static struct link_process *process(struct link *link)
{
    return (struct link_process *)link;
}

/* --- the child ------------------------------------------------------------------------------- */

/* Our settings are no business of the child's: a password may be among them; nor is what a service manager tells
 * and hands over to the agent. The others would be followed by the library: by way of a proxy for HTTP, or
 * writing what it is told, the password with it, to a file. */
static bool is_kept(const char *variable)
{
    static const char *const not [] = {"STUDIO_",      "NOTIFY_SOCKET=",         "WATCHDOG_",
                                       "LISTEN_",      "CREDENTIALS_DIRECTORY=", "http_proxy=",
                                       "https_proxy=", "MQTT_C_CLIENT_"};

    for (size_t i = 0; i < sizeof(not ) / sizeof(*not ); i++)
        if (strncmp(variable, not [i], strlen(not [i])) == 0)
            return false;
    return true;
}

/* What the child may see of our environment. NULL without memory; free() it. */
static char **child_environment(void)
{
    size_t count = 0, kept = 0;
    char **list;

    while (environ[count])
        count++;
    list = calloc(count + 1, sizeof(*list));
    for (size_t i = 0; list && i < count; i++)
        if (is_kept(environ[i]))
            list[kept++] = environ[i];
    return list;
}

/* Standard error stays, for the last words of a library; everything else is closed. */
static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int fd)
{
    sigset_t set;
    int rc;

    if ((rc = posix_spawn_file_actions_adddup2(files, fd, LINK_FD)) != 0 || /* fd may be 0 or 1 */
        (rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0)) != 0 ||
        (rc = posix_spawn_file_actions_adddup2(files, 0, 1)) != 0 ||
        (rc = posix_spawn_file_actions_addclosefrom_np(files, LINK_FD + 1)) != 0)
        return rc;
    sigemptyset(&set);
    if ((rc = posix_spawnattr_setsigmask(attr, &set)) != 0)
        return rc;
    sigfillset(&set);
    if ((rc = posix_spawnattr_setsigdefault(attr, &set)) != 0)
        return rc;
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* An errno, or 0. */
static int spawn(struct link_process *l, int fd)
{
    char name[64];
    char *argv[] = {name, NULL};
    char **environment = child_environment();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int rc;

    if (!environment)
        return ENOMEM;
    snprintf(name, sizeof(name), "%s%s", LINK_ARGV0, names[l->o.id]);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    rc = prepare(&files, &attr, fd);
    if (rc == 0)
        rc = posix_spawn(&l->pid, l->o.program, &files, &attr, argv, environment);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(environment);
    return rc;
}

/* Ends the child and waits for it: after SIGKILL that is a moment. Its status, -1 if it is not known:
 * where SIGCHLD is ignored, or others wait for every child, its number may be another's by now. */
static int reap(struct link_process *l)
{
    pid_t pid;
    int status;

    if (l->fd < 0)
        return -1;
    close(l->fd);
    l->fd = -1;
    pid = waitpid(l->pid, &status, WNOHANG);
    if (pid == 0)
        kill(l->pid, SIGKILL);
    while (pid == 0 || (pid < 0 && errno == EINTR))
        pid = waitpid(l->pid, &status, 0);
    return pid < 0 ? -1 : status;
}

/* No copy of the password is left where it was written. */
static void clear_secret(struct link_process *l)
{
    if (l->secret && l->out.data)
        explicit_bzero(l->out.data, l->out.cap);
    l->secret = false;
}

static void forget(struct link_process *l)
{
    clear_secret(l);
    buf_clear(&l->out);
    l->written = 0;
    l->up = false;
    l->over = NULL;
    l->unanswered = 0;
}

static void link_close(struct link *link)
{
    (void)reap(process(link));
    forget(process(link));
}

/* --- writing --------------------------------------------------------------------------------- */

static void drop_written(struct link_process *l)
{
    struct buf *out = &l->out;

    if (l->written == out->len)
        clear_secret(l);
    out->len -= l->written;
    if (out->len > 0)
        memmove(out->data, out->data + l->written, out->len);
    l->written = 0;
}

void link_process_flush(struct link *link)
{
    struct link_process *l = process(link);

    while (l->fd >= 0 && l->written < l->out.len) {
        ssize_t n = send(l->fd, l->out.data + l->written, l->out.len - l->written,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && !l->over)
            l->over = "its process ended";
        if (n < 0)
            break;
        l->written += (size_t)n;
    }
    if (l->written == l->out.len || l->written >= OUT_WRITTEN)
        drop_written(l);
}

/* False: there is no child, or too much waits to be written. */
static bool tell(struct link_process *l, const struct wire_message *message)
{
    if (l->fd < 0 || l->over)
        return false;
    wire_put(&l->out, message);
    if (!buf_ok(&l->out)) /* half a frame may stand there */
        l->over = "no memory for what it is to be told";
    return !l->over;
}

static bool room(const struct link_process *l)
{
    return l->out.len - l->written < OUT_FULL;
}

/* --- struct link ----------------------------------------------------------------------------- */

static bool fail(char text[LINK_TEXT_MAX], const char *what, int error)
{
    snprintf(text, LINK_TEXT_MAX, "cannot start %.60s: %s", what, strerror(error));
    return false;
}

static bool link_connect(struct link *link, uint64_t generation, const struct link_target *target,
                         char text[LINK_TEXT_MAX])
{
    struct link_process *l = process(link);
    struct wire_message m = {.kind = WIRE_CONNECT};
    int pair[2], rc;

    link_close(link);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail(text, "the process of a connection", errno);
    rc = spawn(l, pair[1]);
    close(pair[1]);
    if (rc != 0) {
        close(pair[0]);
        return fail(text, l->o.program, rc);
    }
    l->fd = pair[0];
    l->generation = generation;
    l->begin = l->end = 0;
    m.connect.version = STUDIO_VERSION;
    m.connect.id = l->o.id;
    m.connect.agent_id = l->o.agent_id;
    m.connect.epoch = l->o.epoch;
    m.connect.target = *target;
    l->secret = true;
    if (buf_reserve(&l->out, CONNECT_MAX) && tell(l, &m))
        return true;
    link_close(link);
    return fail(text, "the process of a connection", ENOMEM);
}

static bool link_publish(struct link *link, unsigned slot, const struct link_message *message)
{
    struct wire_message m = {.kind = WIRE_PUBLISH};

    m.publish.slot = slot;
    m.publish.message = *message;
    return room(process(link)) && tell(process(link), &m);
}

static bool link_subscribe(struct link *link, unsigned slot, const char *const *filters,
                           size_t count, enum link_watch watch, const char *own)
{
    struct wire_message m = {.kind = WIRE_SUBSCRIBE};

    if (count == 0 || count > WIRE_FILTERS_MAX)
        return false;
    m.subscribe.slot = slot;
    m.subscribe.watch = watch;
    m.subscribe.own = own;
    m.subscribe.count = count;
    memcpy(m.subscribe.filters, filters, count * sizeof(*filters));
    return room(process(link)) && tell(process(link), &m);
}

static void link_verdict(struct link *link, uint64_t generation, uint64_t token)
{
    struct wire_message m = {.kind = WIRE_VERDICT};

    m.token = token;
    if (generation == process(link)->generation)
        (void)tell(process(link), &m);
}

static bool link_disconnect(struct link *link, bool will)
{
    struct wire_message m = {.kind = WIRE_DISCONNECT};

    m.will = will;
    return tell(process(link), &m);
}

static const struct link_ops process_ops = {.connect = link_connect,
                                            .publish = link_publish,
                                            .subscribe = link_subscribe,
                                            .verdict = link_verdict,
                                            .disconnect = link_disconnect,
                                            .close = link_close};

struct link *link_process_create(const struct link_options *options)
{
    struct link_process *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->link.ops = &process_ops;
    l->o = *options;
    l->fd = -1;
    buf_init(&l->out, OUT_MAX);
    return &l->link;
}

void link_process_destroy(struct link *link)
{
    if (!link)
        return;
    link_close(link);
    buf_finish(&process(link)->out);
    free(process(link)->in);
    free(link);
}

int link_process_fd(const struct link *link, bool *writing)
{
    const struct link_process *l = (const struct link_process *)link;

    *writing = l->written < l->out.len;
    return l->fd;
}

/* --- reading --------------------------------------------------------------------------------- */

static void hand_over(struct link_process *l, struct wire_message *m)
{
    l->unanswered = 0; /* whatever it says, it is alive */
    switch (m->kind) {
    case WIRE_EVENT:
        m->event.link = l->o.id;
        m->event.generation = l->generation;
        if (m->event.kind == LINK_UP) {
            l->up = true;
            l->ping_ms = clock_mono(l->o.clock) + LINK_PING_MS;
        }
        l->o.on_event(l->o.ctx, &m->event);
        break;
    case WIRE_COMMAND:
        m->command.generation = l->generation;
        if (l->o.on_command)
            l->o.on_command(l->o.ctx, &m->command);
        break;
    case WIRE_LOG:
        log_write(m->log.level, "bridge", "the MQTT library (%s): %s", names[l->o.id], m->log.text);
        break;
    case WIRE_PONG:
        break;
    default:
        l->over = "its process talks nonsense";
        break;
    }
}

/* Hands over the frames that are complete. The receiver may close or renew the connection. */
static void take_frames(struct link_process *l)
{
    const uint64_t generation = l->generation;
    struct wire_message m;
    ssize_t size = 1;

    while (size > 0 && !l->over) {
        size = wire_get(l->in + l->begin, l->end - l->begin, &m);
        if (size < 0)
            l->over = "its process talks nonsense";
        if (size <= 0)
            return;
        l->begin += (size_t)size;
        hand_over(l, &m);
        if (l->fd < 0 || l->generation != generation)
            return;
    }
}

/* Room for another chunk behind what is there. */
static bool make_room(struct link_process *l)
{
    size_t have = l->end - l->begin, size = l->size;
    char *bigger;

    if (have > 0 && l->begin > 0)
        memmove(l->in, l->in + l->begin, have);
    l->begin = 0;
    l->end = have;
    while (size < have + READ_CHUNK)
        size = size ? 2 * size : 2 * READ_CHUNK;
    if (size == l->size)
        return true;
    bigger = realloc(l->in, size);
    if (!bigger)
        return false;
    l->in = bigger;
    l->size = size;
    return true;
}

static void take(struct link_process *l)
{
    const uint64_t generation = l->generation;
    size_t taken = 0;

    while (l->fd >= 0 && l->generation == generation && !l->over && taken < READ_STEP) {
        size_t space;
        ssize_t n;

        if (!make_room(l)) {
            l->over = "no memory for what it says";
            return;
        }
        space = l->size - l->end;
        n = recv(l->fd, l->in + l->end, space, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            l->over = "its process ended";
            return;
        }
        l->end += (size_t)n;
        taken += (size_t)n;
        take_frames(l);
        if ((size_t)n < space) /* that was all */
            return;
    }
}

/* The connection is over without a word of the child. */
static void report_end(struct link_process *l)
{
    struct link_event event = {.link = l->o.id,
                               .kind = l->up ? LINK_LOST : LINK_FAILED,
                               .generation = l->generation,
                               .reached = true}; /* who knows */
    const char *why = l->over;
    int status = reap(l);

    forget(l);
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == LINK_EXIT_MEMORY)
        why = "its process ran out of memory";
    snprintf(event.text, sizeof(event.text), "%s", why);
    l->o.on_event(l->o.ctx, &event);
}

/* While it is up; an attempt has its own time limits. */
static void look_after(struct link_process *l)
{
    int64_t now = clock_mono(l->o.clock);

    if (!l->up || now < l->ping_ms)
        return;
    if (l->unanswered++ == LINK_HANG_MS / LINK_PING_MS) {
        l->over = "its process does not answer";
        return;
    }
    l->ping_ms = now + LINK_PING_MS;
    (void)tell(l, &(struct wire_message){.kind = WIRE_PING});
}

int64_t link_process_step(struct link *link, bool ready)
{
    struct link_process *l = process(link);

    if (ready)
        take(l);
    if (l->fd >= 0 && !l->over)
        look_after(l);
    link_process_flush(link);
    if (l->fd >= 0 && l->over)
        report_end(l);
    return l->up ? l->ping_ms : clock_mono(l->o.clock) + NEVER_MS;
}
