#include "support/pty.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/deadline.h"

enum { SEEN_MAX = 1 << 20 };

struct pty {
    int fd;
    pid_t pid;
    bool ended;
    int exit_code;
    char *seen; /* with a NUL for each NUL that came turned to a blank */
    size_t len, waited_to;
};

static _Noreturn void become(const char *const argv[], const char *const env[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; env != NULL && env[i] != NULL; i++)
        putenv((char *)env[i]);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

struct pty *pty_spawn(const char *const argv[], const char *const env[], int columns, int lines)
{
    struct pty *pty = test_alloc(sizeof(*pty));
    const struct winsize size = {.ws_col = (unsigned short)columns,
                                 .ws_row = (unsigned short)lines};

    *pty = (struct pty){.seen = test_alloc(SEEN_MAX + 1)};
    pty->seen[0] = '\0';
    pty->pid = forkpty(&pty->fd, NULL, NULL, &size);
    if (pty->pid < 0)
        test_fail("no terminal could be had");
    if (pty->pid == 0)
        become(argv, env);
    return pty;
}

static void reap(struct pty *pty)
{
    int status;

    if (waitpid(pty->pid, &status, 0) != pty->pid)
        test_fail("the program on the terminal cannot be waited for");
    pty->ended = true;
    pty->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void pty_destroy(struct pty *pty)
{
    if (pty == NULL)
        return;
    if (!pty->ended) {
        kill(pty->pid, SIGKILL);
        reap(pty);
    }
    close(pty->fd);
    free(pty->seen);
    free(pty);
}

/* Reads what there is; false at the end of the terminal or of the time. */
static bool read_more(struct pty *pty, int64_t deadline)
{
    struct pollfd p = {.fd = pty->fd, .events = POLLIN};

    if (pty->len == SEEN_MAX || poll(&p, 1, deadline_left(deadline)) <= 0)
        return false;
    ssize_t n = read(pty->fd, pty->seen + pty->len, SEEN_MAX - pty->len);
    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++)
        if (pty->seen[pty->len + (size_t)i] == '\0')
            pty->seen[pty->len + (size_t)i] = ' ';
    pty->len += (size_t)n;
    pty->seen[pty->len] = '\0';
    return true;
}

void pty_type(struct pty *pty, const char *text)
{
    size_t len = strlen(text);

    if (write(pty->fd, text, len) != (ssize_t)len)
        test_fail("the terminal does not take what is typed");
}

void pty_resize(struct pty *pty, int columns, int lines)
{
    const struct winsize size = {.ws_col = (unsigned short)columns,
                                 .ws_row = (unsigned short)lines};

    if (ioctl(pty->fd, TIOCSWINSZ, &size) != 0)
        test_fail("the terminal cannot be resized");
}

void pty_expect(struct pty *pty, const char *text)
{
    int64_t deadline = now_ms() + WAIT_MS;
    const char *at;

    while ((at = strstr(pty->seen + pty->waited_to, text)) == NULL)
        if (!read_more(pty, deadline))
            test_fail("the terminal did not get '%s', but\n%s", text, pty->seen + pty->waited_to);
    pty->waited_to = (size_t)(at - pty->seen) + strlen(text);
}

const char *pty_seen(const struct pty *pty)
{
    return pty->seen;
}

int pty_wait(struct pty *pty)
{
    int64_t deadline = now_ms() + WAIT_MS;

    if (pty->ended)
        return pty->exit_code;
    while (read_more(pty, deadline))
        ;
    if (deadline_left(deadline) <= 0)
        test_fail("the program on the terminal did not end:\n%s", pty->seen);
    reap(pty);
    return pty->exit_code;
}
