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
    ANSWER_MAX = 4096,
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

/* A line without its newline; false: none came. */
static bool read_command(int fd, char command[COMMAND_MAX])
{
    const int64_t until = clock_mono(clock_system()) + CALLER_S * 1000;
    size_t len = 0;
    ssize_t n;

    while (len < COMMAND_MAX && clock_mono(clock_system()) < until &&
           (n = recv(fd, command + len, COMMAND_MAX - len, 0)) > 0) {
        char *newline = memchr(command + len, '\n', (size_t)n);
        if (newline) {
            *newline = '\0';
            return true;
        }
        len += (size_t)n;
    }
    return false;
}

static void serve_caller(struct control *control, int fd)
{
    char command[COMMAND_MAX];
    struct buf text, answer;

    set_timeouts(fd, CALLER_S);
    if (!read_command(fd, command))
        return;
    buf_init(&text, ANSWER_MAX);
    buf_init(&answer, 2 * ANSWER_MAX);
    buf_str(&answer, control->fn(control->ctx, command, &text) ? "ok " : "error ");
    buf_add(&answer, text.data, text.len);
    if (!buf_ok(&answer) || send(fd, answer.data, answer.len, MSG_NOSIGNAL) < 0)
        log_warn("control", "the caller did not hear what came of `%s`", command);
    buf_finish(&answer);
    buf_finish(&text);
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
        close(fd);
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

static enum studio_err call(int fd, const char *command, struct buf *answer)
{
    char text[256];
    ssize_t n;

    snprintf(text, sizeof(text), "%s\n", command);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return STUDIO_ERR_IO;
    while ((n = recv(fd, text, sizeof(text), 0)) > 0)
        buf_add(answer, text, (size_t)n);
    return n == 0 && buf_ok(answer) ? STUDIO_OK : STUDIO_ERR_IO;
}

enum studio_err control_ask(const char *dir, const char *command, bool *ok, struct buf *answer,
                            struct studio_error *error)
{
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = address_in(dir_fd);
    enum studio_err err = STUDIO_ERR_IO;
    struct buf whole;

    buf_init(&whole, 4 * ANSWER_MAX);
    set_timeouts(fd, AGENT_S);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        config_fail(error, err,
                    errno == EACCES ? "%s: not allowed; ask as its owner" : "no agent runs on %s",
                    dir);
    else if (call(fd, command, &whole) != STUDIO_OK ||
             (strncmp(whole.data ? whole.data : "", "ok ", 3) != 0 &&
              strncmp(whole.data ? whole.data : "", "error ", 6) != 0))
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
