#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

void output_init(struct output *output, int fd, int stop_fd)
{
    *output = (struct output){.fd = fd, .stop_fd = stop_fd};
    if (!isatty(fd))
        return;
    /* A terminal that is ready may still block in the middle of a write: opened once more, it can
     * be told not to, without telling those who share the first. */
    char path[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (own >= 0)
        *output = (struct output){.fd = own, .stop_fd = stop_fd, .owned = true};
}

void output_finish(struct output *output)
{
    if (output->owned)
        close(output->fd);
}

/* True when something can be written or has failed, false when it is time to stop. */
static bool wait_for_reader(const struct output *output)
{
    struct pollfd fds[] = {{.fd = output->fd, .events = POLLOUT},
                           {.fd = output->stop_fd, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    return fds[0].revents != 0;
}

bool output_write(const struct output *output, const char *text, size_t len)
{
    while (len > 0) {
        if (!wait_for_reader(output))
            return false;
        /* A pipe that is ready takes this much without blocking. */
        ssize_t n = write(output->fd, text, len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}
