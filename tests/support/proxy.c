/* proxy.c - one thread, poll, and for each connection two one-way pipes of bytes. */
#include "support/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/port.h"

enum { PAIRS_MAX = 64, PIPE_BYTES = 65536 };

/* Bytes on their way in one direction. */
struct pipe {
    char *bytes;
    size_t len;
    int64_t due_ms; /* not before */
};

struct pair {
    int fd[2]; /* client, server; -1: closed */
    bool ended[2];
    bool lost;   /* bytes vanished: it cannot go on */
    void *heard; /* the tap's */
    struct oddity_stream packets;
    struct pipe to[2]; /* to fd[i] */
};

struct proxy {
    struct port port;
    uint16_t target;
    pthread_t thread;
    int wake[2];
    pthread_mutex_t mutex; /* guards the lines up to the next blank one */
    enum proxy_mode mode;
    unsigned delay_ms;
    bool cut, half_open, stop;
    const char *poison;
    struct oddity oddity;
    bool odd; /* it was set */
    size_t taken;
    struct proxy_tap tap; /* zeroed: none */

    struct pair pairs[PAIRS_MAX]; /* the thread's */
    size_t count;
};

static void reset(int *fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (*fd < 0)
        return;
    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(*fd);
    *fd = -1;
}

static void remove_pair(struct proxy *p, size_t i)
{
    for (int side = 0; side < 2; side++) {
        reset(&p->pairs[i].fd[side]);
        free(p->pairs[i].to[side].bytes);
    }
    if (p->tap.end)
        p->tap.end(p->pairs[i].heard);
    p->pairs[i] = p->pairs[--p->count];
}

static void accept_one(struct proxy *p, enum proxy_mode mode)
{
    int client = accept4(p->port.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return;
    int server = mode == PROXY_REFUSE || p->count == PAIRS_MAX ? -1 : port_connect(p->target);
    if (server < 0) {
        reset(&client);
        return;
    }
    fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
    pthread_mutex_lock(&p->mutex);
    p->taken++;
    pthread_mutex_unlock(&p->mutex);
    struct pair *pair = &p->pairs[p->count++];
    *pair = (struct pair){.fd = {client, server}};
    if (p->tap.begin)
        pair->heard = p->tap.begin(p->tap.ctx);
    for (int side = 0; side < 2; side++)
        pair->to[side].bytes = test_alloc(PIPE_BYTES);
}

static bool poisoned(struct proxy *p, const char *bytes, size_t n)
{
    const char *poison;

    pthread_mutex_lock(&p->mutex);
    poison = p->poison;
    pthread_mutex_unlock(&p->mutex);
    return poison && memmem(bytes, n, poison, strlen(poison));
}

/* False: the broker hangs up. */
static bool pass(struct proxy *p, struct pair *pair, char *bytes, size_t n)
{
    bool passes = true;

    pthread_mutex_lock(&p->mutex);
    if (p->odd)
        passes = oddity_pass(&p->oddity, &pair->packets, bytes, n);
    pthread_mutex_unlock(&p->mutex);
    return passes;
}

/* Reads from one side; false when the pair is over. */
static bool take(struct proxy *p, struct pair *pair, int side, enum proxy_mode mode,
                 unsigned delay_ms)
{
    struct pipe *out = &pair->to[!side];
    char waste[4096];
    bool swallow = mode == PROXY_BLACKHOLE || pair->fd[!side] < 0;
    void *to = swallow ? waste : out->bytes + out->len;
    size_t room = swallow ? sizeof waste : PIPE_BYTES - out->len;
    ssize_t n = recv(pair->fd[side], to, room, 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
        pair->ended[side] = true;
        return false;
    }
    if (swallow) {
        pair->lost = true;
        return true;
    }
    if (side == 0 && poisoned(p, to, (size_t)n))
        return false;
    if (p->tap.hear)
        p->tap.hear(pair->heard, side == 0, to, (size_t)n);
    if (side == 0 && !pass(p, pair, to, (size_t)n))
        return false;
    if (out->len == 0)
        out->due_ms = now_ms() + delay_ms;
    out->len += (size_t)n;
    return true;
}

static bool give(struct pair *pair, int side)
{
    struct pipe *in = &pair->to[side];
    ssize_t n = send(pair->fd[side], in->bytes, in->len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    in->len -= (size_t)n;
    memmove(in->bytes, in->bytes + n, in->len);
    return true;
}

/* What poll is to wait for on one side. */
static short wanted(const struct pair *pair, int side, enum proxy_mode mode, int64_t now)
{
    const struct pipe *in = &pair->to[side], *out = &pair->to[!side];
    bool forward = mode == PROXY_FORWARD;
    short events = 0;
    if (out->len < PIPE_BYTES || !forward)
        events |= POLLIN;
    if (forward && in->len > 0 && in->due_ms <= now)
        events |= POLLOUT;
    return events;
}

/* How long until the next delayed bytes are due; -1: none. */
static int until_due(const struct proxy *p, int64_t now)
{
    int64_t wait = -1;
    for (size_t i = 0; i < p->count; i++) {
        for (int side = 0; side < 2; side++) {
            const struct pipe *in = &p->pairs[i].to[side];
            int64_t left = in->due_ms - now;
            if (in->len > 0 && left > 0 && (wait < 0 || left < wait))
                wait = left;
        }
    }
    return (int)wait;
}

static void move_bytes(struct proxy *p, const struct pollfd *fds, size_t polled,
                       enum proxy_mode mode, unsigned delay_ms)
{
    /* From the end, because removing moves the last one here. */
    for (size_t i = polled; i-- > 0;) {
        struct pair *pair = &p->pairs[i];
        bool alive = true;
        for (int side = 0; alive && side < 2; side++) {
            short events = fds[2 * i + (size_t)side].revents;
            if (events & POLLOUT)
                alive = give(pair, side);
            if (alive && events & (POLLIN | POLLHUP | POLLERR))
                alive = take(p, pair, side, mode, delay_ms);
        }
        /* A side that has ended: what it sent before still arrives. */
        for (int side = 0; side < 2; side++)
            if (pair->ended[side] && pair->fd[!side] >= 0 && pair->to[!side].len > 0)
                (void)give(pair, !side);
        if (!alive)
            remove_pair(p, i);
    }
}

static void obey(struct proxy *p, bool cut, bool half_open, enum proxy_mode mode)
{
    for (size_t i = p->count; i-- > 0;) {
        struct pair *pair = &p->pairs[i];
        if (half_open)
            reset(&pair->fd[1]);
        if (cut || (pair->lost && pair->fd[1] >= 0 && mode != PROXY_BLACKHOLE))
            remove_pair(p, i);
    }
}

static void *run(void *arg)
{
    struct proxy *p = arg;
    for (;;) {
        struct pollfd fds[2 * PAIRS_MAX + 2];
        pthread_mutex_lock(&p->mutex);
        enum proxy_mode mode = p->mode;
        unsigned delay_ms = p->delay_ms;
        bool cut = p->cut, half_open = p->half_open, stop = p->stop;
        p->cut = p->half_open = false;
        pthread_mutex_unlock(&p->mutex);
        if (stop)
            return NULL;
        obey(p, cut, half_open, mode);
        int64_t now = now_ms();
        size_t polled = p->count;
        for (size_t i = 0; i < 2 * polled; i++) {
            const struct pair *pair = &p->pairs[i / 2];
            fds[i] = (struct pollfd){.fd = pair->fd[i % 2],
                                     .events = wanted(pair, (int)(i % 2), mode, now)};
        }
        fds[2 * polled] = (struct pollfd){.fd = p->port.fd, .events = POLLIN};
        fds[2 * polled + 1] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
        if (poll(fds, 2 * polled + 2, until_due(p, now)) < 0)
            continue;
        char byte[64];
        if (fds[2 * polled + 1].revents)
            (void)!read(p->wake[0], byte, sizeof byte);
        move_bytes(p, fds, polled, mode, delay_ms);
        if (fds[2 * polled].revents)
            accept_one(p, mode);
    }
}

struct proxy *proxy_create(uint16_t target)
{
    struct proxy *p = test_alloc(sizeof *p);
    p->target = target;
    port_reserve(&p->port);
    if (listen(p->port.fd, PAIRS_MAX) != 0)
        test_fail("listen on %u: %s", p->port.number, strerror(errno));
    fcntl(p->port.fd, F_SETFL, fcntl(p->port.fd, F_GETFL) | O_NONBLOCK);
    pthread_mutex_init(&p->mutex, NULL);
    if (pipe2(p->wake, O_CLOEXEC | O_NONBLOCK) != 0 ||
        pthread_create(&p->thread, NULL, run, p) != 0)
        test_fail("a proxy cannot be started: %s", strerror(errno));
    return p;
}

/* Tells the thread that something has changed, and lets go of the mutex. */
static void changed(struct proxy *p)
{
    pthread_mutex_unlock(&p->mutex);
    (void)!write(p->wake[1], "", 1); /* full: it is awake */
}

void proxy_set_poison(struct proxy *p, const char *text)
{
    pthread_mutex_lock(&p->mutex);
    p->poison = text;
    changed(p);
}

void proxy_set_oddity(struct proxy *p, const struct oddity *oddity)
{
    pthread_mutex_lock(&p->mutex);
    p->oddity = *oddity;
    p->odd = true;
    changed(p);
}

void proxy_destroy(struct proxy *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    changed(p);
    pthread_join(p->thread, NULL);
    while (p->count > 0)
        remove_pair(p, 0);
    port_release(&p->port);
    close(p->wake[0]);
    close(p->wake[1]);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

uint16_t proxy_port(const struct proxy *p)
{
    return p->port.number;
}

void proxy_set_mode(struct proxy *p, enum proxy_mode mode)
{
    pthread_mutex_lock(&p->mutex);
    p->mode = mode;
    changed(p);
}

void proxy_set_delay(struct proxy *p, unsigned ms)
{
    pthread_mutex_lock(&p->mutex);
    p->delay_ms = ms;
    changed(p);
}

void proxy_cut(struct proxy *p)
{
    pthread_mutex_lock(&p->mutex);
    p->cut = true;
    changed(p);
}

void proxy_half_open(struct proxy *p)
{
    pthread_mutex_lock(&p->mutex);
    p->half_open = true;
    changed(p);
}

void proxy_set_tap(struct proxy *p, const struct proxy_tap *tap)
{
    pthread_mutex_lock(&p->mutex);
    p->tap = *tap;
    pthread_mutex_unlock(&p->mutex);
}

size_t proxy_connections(struct proxy *p)
{
    pthread_mutex_lock(&p->mutex);
    size_t taken = p->taken;
    pthread_mutex_unlock(&p->mutex);
    return taken;
}
