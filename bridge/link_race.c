#include "link_race.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

size_t race_order(const struct addrinfo *list, const struct addrinfo *order[RACE_MAX])
{
    const struct addrinfo *same = list, *other = list, **pick;
    size_t count = 0;

    while (count < RACE_MAX) {
        while (same && same->ai_family != list->ai_family)
            same = same->ai_next;
        while (other && other->ai_family == list->ai_family)
            other = other->ai_next;
        if (!same && !other)
            break;
        pick = same && (count % 2 == 0 || !other) ? &same : &other;
        order[count++] = *pick;
        *pick = (*pick)->ai_next;
    }
    return count;
}

struct race {
    struct pollfd fds[RACE_MAX]; /* those under way are the first `running` */
    nfds_t running;
    int error; /* of the last that failed */
    int won;
};

static void start(struct race *r, const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
        r->won = fd;
    } else if (fd >= 0 && errno == EINPROGRESS) {
        r->fds[r->running++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    } else {
        r->error = errno;
        if (fd >= 0)
            close(fd);
    }
}

/* Those that have come to an end since. */
static void settle(struct race *r)
{
    for (nfds_t i = 0; i < r->running && r->won < 0;) {
        int fd = r->fds[i].fd, error = 0;
        socklen_t len = sizeof(error);

        if (r->fds[i].revents == 0) {
            i++;
            continue;
        }
        r->fds[i] = r->fds[--r->running];
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
            error = errno;
        if (error == 0) {
            r->won = fd;
        } else {
            r->error = error;
            close(fd);
        }
    }
}

int race_run(const struct addrinfo *const *order, size_t count, int ms)
{
    const struct clock *clock = clock_system();
    const int64_t end = clock_mono(clock) + ms;
    int64_t next = 0, now;
    struct race r = {.error = ETIMEDOUT, .won = -1};
    size_t started = 0;

    while (r.won < 0 && (now = clock_mono(clock)) < end) {
        if (started < count && (now >= next || r.running == 0)) {
            start(&r, order[started++]);
            next = now + RACE_STEP_MS;
            continue;
        }
        if (r.running == 0)
            break;
        if (started == count || next > end)
            next = end;
        if (poll(r.fds, r.running, (int)(next - now)) > 0)
            settle(&r);
    }
    if (r.running > 0)
        r.error = ETIMEDOUT;
    while (r.running > 0)
        close(r.fds[--r.running].fd);
    errno = r.error;
    return r.won;
}
