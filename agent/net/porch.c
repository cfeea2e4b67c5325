#include "net/porch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"

enum { STEP_MAX = 64 /* sockets looked at in one step */ };

struct waiting {
    int fd;
    void *door;
    int64_t until_ms;
    struct waiting *prev, *next;
    char proxy[PEER_TEXT_MAX + 1];
    size_t len; /* of the header so far */
    unsigned char bytes[PREFACE_MAX];
};

struct porch {
    const struct clock *clock;
    porch_enter_fn *enter;
    void *ctx;
    int epoll;
    struct waiting *oldest;
    size_t count;
    struct log_limit complaints;
};

struct porch *porch_create(const struct clock *clock, porch_enter_fn *enter, void *ctx)
{
    struct porch *porch = calloc(1, sizeof(*porch));

    if (!porch)
        return NULL;
    *porch = (struct porch){.clock = clock, .enter = enter, .ctx = ctx};
    porch->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (porch->epoll >= 0)
        return porch;
    free(porch);
    return NULL;
}

int porch_fd(const struct porch *porch)
{
    return porch->epoll;
}

/* It waits no longer; its socket is the caller's. */
static int leave(struct porch *porch, struct waiting *w)
{
    int fd = w->fd;

    (void)epoll_ctl(porch->epoll, EPOLL_CTL_DEL, fd, NULL);
    DL_DELETE(porch->oldest, w);
    porch->count--;
    free(w);
    return fd;
}

static void turn_away(struct porch *porch, struct waiting *w, const char *why)
{
    if (why)
        log_limited(&porch->complaints, LOG_WARN, "server",
                    "a connection from %s is closed, as %s (websocket.proxy_protocol = yes)",
                    w->proxy, why);
    close(leave(porch, w));
}

void porch_clear(struct porch *porch)
{
    while (porch->oldest)
        turn_away(porch, porch->oldest, NULL);
}

void porch_destroy(struct porch *porch)
{
    if (!porch)
        return;
    porch_clear(porch);
    close(porch->epoll);
    free(porch);
}

void porch_add(struct porch *porch, int fd, void *door, const char *proxy)
{
    struct waiting *w = calloc(1, sizeof(*w));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};

    if (!w || epoll_ctl(porch->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(w);
        close(fd);
        return;
    }
    w->fd = fd;
    w->door = door;
    w->until_ms = clock_mono(porch->clock) + PORCH_MS;
    strncpy(w->proxy, proxy, PEER_TEXT_MAX);
    DL_APPEND(porch->oldest, w);
    if (++porch->count > PORCH_MAX)
        turn_away(porch, porch->oldest, "too many wait for their PROXY header");
}

/* Of what lies there only the header is taken: what follows is the client's. */
static void look(struct porch *porch, struct waiting *w)
{
    char peer[PEER_TEXT_MAX + 1];
    size_t used = 0, had = w->len;
    ssize_t n = recv(w->fd, w->bytes + had, sizeof(w->bytes) - had, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* to connect and go is how some look whether anybody is there */
        turn_away(porch, w, had > 0 ? "its PROXY header has no end" : NULL);
        return;
    }
    w->len += (size_t)n;
    enum preface found = preface_read(w->bytes, w->len, &used, peer);
    if (found == PREFACE_WHOLE)
        w->len = used;
    if (found == PREFACE_WRONG || recv(w->fd, w->bytes + had, w->len - had, MSG_DONTWAIT) < 0) {
        turn_away(porch, w, "it does not begin with a PROXY header");
    } else if (found == PREFACE_WHOLE) {
        void *door = w->door;
        porch->enter(porch->ctx, leave(porch, w), door, peer);
    }
}

void porch_step(struct porch *porch)
{
    struct epoll_event events[STEP_MAX];
    int count = epoll_wait(porch->epoll, events, STEP_MAX, 0);

    for (int i = 0; i < count; i++)
        look(porch, events[i].data.ptr);
}

void porch_tick(struct porch *porch)
{
    int64_t now = clock_mono(porch->clock);

    while (porch->oldest && now >= porch->oldest->until_ms)
        turn_away(porch, porch->oldest, "no PROXY header came");
}
