#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"

enum {
    COMMAND_MAX = 64,
    ANSWER_MAX = 8 << 20,
    BACKLOG = 8,
    CALLER_S = 2,   /* for a caller to say what it wants */
    PAUSE_MS = 100, /* where a caller cannot be accepted: no file may be opened */
    AGENT_S = 60    /* for the agent to answer */
};

static const char name[] = "control";

struct control {
    control_fn *fn;
    void *ctx;
    const struct log *log;
    pthread_t thread;
    int dir, socket, stop; /* -1 where not open */
};

/* A path of any length fits into an address by way of its directory's descriptor. */
static struct sockaddr_un address_in(int dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
    return address;
}

static void set_timeouts(int fd, time_t seconds)
{
    const struct timeval limit = {.tv_sec = seconds};

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* --- the agent's side ------------------------------------------------------------------------ */

/* As recv, with the file that may come along; *file is the last one. */
static ssize_t receive(int fd, char *to, size_t cap, int *file)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))]; /* what is more is closed by the system */
    } extra;
    struct iovec bytes = {.iov_base = to, .iov_len = cap};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof(extra)};
    const ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int))) {
        close_fd(*file);
        memcpy(file, CMSG_DATA(head), sizeof(*file));
    }
    return n;
}

/* A line without its newline; false: none came. */
static bool read_command(int fd, char command[COMMAND_MAX], int *file)
{
    const int64_t until = clock_mono(clock_system()) + CALLER_S * 1000;
    size_t len = 0;
    ssize_t n;

    while (len < COMMAND_MAX && clock_mono(clock_system()) < until &&
           (n = receive(fd, command + len, COMMAND_MAX - len, file)) > 0) {
        char *newline = memchr(command + len, '\n', (size_t)n);
        if (newline) {
            *newline = '\0';
            return true;
        }
        len += (size_t)n;
    }
    return false;
}

static void answer_call(struct control *control, struct control_call *call)
{
    struct buf text, answer;

    buf_init(&text, ANSWER_MAX);
    buf_init(&answer, 2 * ANSWER_MAX);
    buf_str(&answer, control->fn(control->ctx, call, &text) ? "ok " : "error ");
    buf_add(&answer, text.data, text.len);
    if (!call->taken &&
        (!buf_ok(&answer) || send(call->caller, answer.data, answer.len, MSG_NOSIGNAL) < 0))
        log_warn("control", "the caller did not hear what came of `%s`", call->command);
    buf_finish(&answer);
    buf_finish(&text);
}

/* Closes the connection, unless it was taken over. */
static void serve_caller(struct control *control, int fd)
{
    char command[COMMAND_MAX];
    struct control_call call = {.command = command, .caller = fd, .file = -1};

    set_timeouts(fd, CALLER_S);
    if (read_command(fd, command, &call.file))
        answer_call(control, &call);
    if (call.taken)
        return;
    close_fd(call.file);
    close(fd);
}

static void *serve(void *arg)
{
    struct control *control = arg;
    struct pollfd fds[] = {{.fd = control->stop, .events = POLLIN},
                           {.fd = control->socket, .events = POLLIN}};

    log_use(control->log);
    for (;;) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        int fd = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            (void)poll(fds, 1, PAUSE_MS);
            continue;
        }
        serve_caller(control, fd);
    }
}

static bool listen_in(struct control *control)
{
    struct sockaddr_un address = address_in(control->dir);

    (void)unlinkat(control->dir, name, 0);
    return bind(control->socket, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           fchmodat(control->dir, name, 0600, 0) == 0 && listen(control->socket, BACKLOG) == 0;
}

static void release(struct control *control)
{
    close_fd(control->dir);
    close_fd(control->socket);
    close_fd(control->stop);
    free(control);
}

enum studio_err control_open(const char *dir, control_fn *fn, void *ctx, struct control **out,
                             struct studio_error *error)
{
    struct control *control = calloc(1, sizeof(*control));
    int failed = 0;

    *out = NULL;
    if (!control)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    *control = (struct control){.fn = fn, .ctx = ctx, .log = log_used()};
    control->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    control->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    control->stop = eventfd(0, EFD_CLOEXEC);
    if (control->dir < 0 || control->socket < 0 || control->stop < 0 || !listen_in(control))
        failed = errno;
    else
        failed = pthread_create(&control->thread, NULL, serve, control);
    if (failed) {
        release(control);
        return studio_error_set(error, STUDIO_ERR_IO, ": %s/%s: %s", dir, name, strerror(failed));
    }
    *out = control;
    return STUDIO_OK;
}

void control_close(struct control *control)
{
    const uint64_t one = 1;

    if (!control)
        return;
    (void)!write(control->stop, &one, sizeof(one));
    pthread_join(control->thread, NULL);
    (void)unlinkat(control->dir, name, 0);
    release(control);
}

/* --- the caller's side ----------------------------------------------------------------------- */

/* The command, and the file with its first byte. */
static bool send_command(int fd, const char *command, int file)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } extra = {.space = {0}};
    char text[COMMAND_MAX + 1];
    struct iovec bytes = {.iov_base = text};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    bytes.iov_len = (size_t)snprintf(text, sizeof(text), "%s\n", command);
    if (file >= 0) {
        message.msg_control = &extra;
        message.msg_controllen = sizeof(extra);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(head), &file, sizeof(file));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)bytes.iov_len;
}

/* Takes the whole lines `at DONE TOTAL` from the beginning of what came so far. */
static void take_progress(struct buf *whole, void (*tell)(uint64_t done, uint64_t total))
{
    char *newline;

    while (whole->len > 0 && strncmp(whole->data, "at ", 3) == 0 &&
           (newline = strchr(whole->data, '\n'))) {
        char *end;
        const uint64_t done = strtoull(whole->data + 3, &end, 10);
        const size_t used = (size_t)(newline + 1 - whole->data);
        if (tell)
            tell(done, strtoull(end, NULL, 10));
        memmove(whole->data, newline + 1, whole->len - used + 1);
        whole->len -= used;
    }
}

static bool hear(int fd, struct buf *whole, void (*tell)(uint64_t done, uint64_t total))
{
    char text[256];
    ssize_t n;

    while ((n = recv(fd, text, sizeof(text), 0)) > 0) {
        buf_add(whole, text, (size_t)n);
        if (buf_ok(whole))
            take_progress(whole, tell);
    }
    return n == 0 && buf_ok(whole) && whole->data &&
           (strncmp(whole->data, "ok ", 3) == 0 || strncmp(whole->data, "error ", 6) == 0);
}

enum studio_err control_ask_long(const char *dir, const char *command, int file,
                                 void (*tell)(uint64_t done, uint64_t total), bool *ok,
                                 struct buf *answer, struct studio_error *error)
{
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = address_in(dir_fd);
    enum studio_err err = STUDIO_ERR_IO;
    struct buf whole;

    buf_init(&whole, 2 * ANSWER_MAX);
    set_timeouts(fd, AGENT_S);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        err = config_fail(
            error, errno == EACCES ? STUDIO_ERR_IO : STUDIO_ERR_NOT_CONNECTED,
            errno == EACCES ? "%s: not allowed; ask as its owner" : "no agent runs on %s", dir);
    else if (!send_command(fd, command, file) || !hear(fd, &whole, tell))
        config_fail(error, err, "the agent on %s does not answer; its log may tell more", dir);
    else
        err = STUDIO_OK;
    if (err == STUDIO_OK) {
        const char *blank = strchr(whole.data, ' ');
        *ok = whole.data[0] == 'o';
        buf_str(answer, blank + 1);
    }
    buf_finish(&whole);
    close_fd(fd);
    close_fd(dir_fd);
    return err;
}

enum studio_err control_ask(const char *dir, const char *command, bool *ok, struct buf *answer,
                            struct studio_error *error)
{
    return control_ask_long(dir, command, -1, NULL, ok, answer, error);
}
