#include "net/floor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

struct floor {
    const struct floor_ops *ops;
    int epoll;
    struct speaker *speaking, *again;
    bool heard; /* some of those who wait */
    /* By their descriptor: one that has been closed is still heard of while a process that is just being started has it. */
    struct speaker **waiting;
    size_t waiting_cap;
};

struct floor *floor_create(const struct floor_ops *ops)
{
    struct floor *floor = calloc(1, sizeof(*floor));

    if (!floor)
        return NULL;
    floor->ops = ops;
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (floor->epoll < 0) {
        free(floor);
        return NULL;
    }
    return floor;
}

void floor_destroy(struct floor *floor)
{
    if (!floor)
        return;
    close(floor->epoll);
    free(floor->waiting);
    free(floor);
}

int floor_fd(const struct floor *floor)
{
    return floor->epoll;
}

/* False: out of memory. */
static bool reserve(struct floor *floor, size_t fd)
{
    const size_t cap = fd < 64 ? 64 : 2 * fd;
    struct speaker **bigger;

    if (fd < floor->waiting_cap)
        return true;
    bigger = realloc(floor->waiting, cap * sizeof(struct speaker *));
    if (!bigger)
        return false;
    memset(bigger + floor->waiting_cap, 0, (cap - floor->waiting_cap) * sizeof(struct speaker *));
    floor->waiting = bigger;
    floor->waiting_cap = cap;
    return true;
}

/* It is heard of once. False: it cannot be. */
static bool listen_to(struct floor *floor, struct speaker *speaker)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                                .data.fd = speaker->fd};

    if (!reserve(floor, (size_t)speaker->fd) ||
        epoll_ctl(floor->epoll, speaker->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, speaker->fd,
                  &event) != 0)
        return false;
    speaker->watched = true;
    floor->waiting[speaker->fd] = speaker;
    speaker->state = SPEAKER_WAITING;
    return true;
}

/* Out of whatever it is in. */
static void take_out(struct floor *floor, struct speaker *speaker)
{
    if (speaker->state == SPEAKER_WAITING)
        floor->waiting[speaker->fd] = NULL;
    else if (speaker->state == SPEAKER_SPEAKING)
        DL_DELETE(floor->speaking, speaker);
    else if (speaker->state == SPEAKER_AGAIN)
        DL_DELETE(floor->again, speaker);
    speaker->state = SPEAKER_OUT;
}

/* Of whom the library may have more it gets the floor again, as nothing would tell. Without memory it stays out. */
static void wait_again(struct floor *floor, struct speaker *speaker, bool behind)
{
    if (behind) {
        speaker->state = SPEAKER_AGAIN;
        DL_APPEND(floor->again, speaker);
    } else if (!listen_to(floor, speaker)) {
        return;
    }
    floor->ops->hold(speaker->connection, true);
}

void floor_enter(struct floor *floor, struct speaker *speaker, void *connection, int fd)
{
    if (speaker->state != SPEAKER_OUT)
        return;
    speaker->connection = connection;
    speaker->fd = fd;
    speaker->state = SPEAKER_SPEAKING;
    DL_APPEND(floor->speaking, speaker);
}

void floor_forget(struct floor *floor, struct speaker *speaker)
{
    if (!speaker->connection)
        return;
    take_out(floor, speaker);
    if (speaker->watched) /* in vain where the descriptor has been closed */
        (void)epoll_ctl(floor->epoll, EPOLL_CTL_DEL, speaker->fd, NULL);
    speaker->watched = false;
    speaker->connection = NULL;
}

void floor_leave(struct floor *floor, struct speaker *speaker)
{
    void *connection = speaker->connection;
    const bool held = speaker->state == SPEAKER_WAITING || speaker->state == SPEAKER_AGAIN;

    floor_forget(floor, speaker);
    if (held)
        floor->ops->hold(connection, false);
}

static void give(struct floor *floor, struct speaker *speaker)
{
    take_out(floor, speaker);
    speaker->state = SPEAKER_SPEAKING;
    DL_APPEND(floor->speaking, speaker);
    floor->ops->hold(speaker->connection, false);
}

/* So few, and of those who get it again only half, for others to have their turn. */
static void give_to_some(struct floor *floor)
{
    struct epoll_event events[FLOOR_MAX];
    int given = 0, count;

    for (; floor->again && given < FLOOR_MAX / 2; given++)
        give(floor, floor->again);
    count = epoll_wait(floor->epoll, events, FLOOR_MAX - given, 0);
    for (int i = 0; i < count; i++) {
        const size_t fd = (size_t)events[i].data.fd;

        if (fd < floor->waiting_cap && floor->waiting[fd])
            give(floor, floor->waiting[fd]);
    }
}

void floor_hear(struct floor *floor)
{
    floor->heard = true;
}

bool floor_step(struct floor *floor)
{
    const bool behind = floor->speaking && floor->ops->behind(floor->speaking->connection);
    struct speaker *speaker;

    while ((speaker = floor->speaking) != NULL) {
        DL_DELETE(floor->speaking, speaker);
        speaker->state = SPEAKER_OUT;
        if (floor->ops->may_wait(speaker->connection))
            wait_again(floor, speaker, behind);
    }
    if (floor->heard || floor->again)
        give_to_some(floor);
    floor->heard = false;
    return floor->again != NULL;
}
