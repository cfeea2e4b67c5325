#include "link_race.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

void race_numbers(const struct addrinfo *info, char out[LINK_ADDRESS_MAX])
{
    if (getnameinfo(info->ai_addr, info->ai_addrlen, out, LINK_ADDRESS_MAX, NULL, 0,
                    NI_NUMERICHOST) != 0)
        out[0] = '\0';
}

/* Its place in `last`, from 1 on; 0: it is not there. */
static size_t place_in(const char *last, const struct addrinfo *info)
{
    char numbers[LINK_ADDRESS_MAX];
    size_t len, place = 1;

    race_numbers(info, numbers);
    for (len = strlen(numbers); len > 0 && last; place++) {
        if (strncmp(last, numbers, len) == 0 && (last[len] == ',' || last[len] == '\0'))
            return place;
        last = strchr(last, ',');
        last += last != NULL;
    }
    return 0;
}

/* By their places; those of the same keep their order. */
static size_t put_last(const char *last, const struct addrinfo **order, size_t count)
{
    size_t places[RACE_MAX], late = 0;

    for (size_t i = 0; i < count; i++) {
        const struct addrinfo *info = order[i];
        size_t place = place_in(last, info), k = i;

        late += place > 0;
        for (; k > 0 && places[k - 1] > place; k--) {
            places[k] = places[k - 1];
            order[k] = order[k - 1];
        }
        places[k] = place;
        order[k] = info;
    }
    return late;
}

static size_t take_turns(const struct addrinfo *list, const struct addrinfo *order[RACE_MAX])
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

size_t race_order(const struct addrinfo *list, const char *last,
                  const struct addrinfo *order[RACE_MAX], size_t *late)
{
    size_t count = take_turns(list, order);

    *late = put_last(last, order, count);
    return count;
}

struct race {
    struct pollfd fds[RACE_MAX]; /* those under way are the first `running` */
    const struct addrinfo *to[RACE_MAX];
    nfds_t running;
    int error; /* of the last that failed */
    int won;
    const struct addrinfo *winner;
};

static void start(struct race *r, const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
        r->won = fd;
        r->winner = to;
    } else if (fd >= 0 && errno == EINPROGRESS) {
        r->to[r->running] = to;
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
        const struct addrinfo *to = r->to[i];
        int fd = r->fds[i].fd, error = 0;
        socklen_t len = sizeof(error);

        if (r->fds[i].revents == 0) {
            i++;
            continue;
        }
        r->fds[i] = r->fds[--r->running];
        r->to[i] = r->to[r->running];
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
            error = errno;
        if (error == 0) {
            r->won = fd;
            r->winner = to;
        } else {
            r->error = error;
            close(fd);
        }
    }
}

int race_run(const struct addrinfo *const *order, size_t count, int ms,
             const struct addrinfo **winner)
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
    *winner = r.winner;
    errno = r.error;
    return r.won;
}
