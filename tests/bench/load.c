/* load.c - one thread, one epoll, many clients. */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load_inside.h"
#include "support/deadline.h"

enum { EVENTS = 256 };

int64_t load_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

struct load *load_create(uint16_t port, pid_t pid, const struct wire *wire)
{
    struct load *l = test_alloc(sizeof *l);
    memset(l, 0, sizeof *l);
    l->port = port;
    l->pid = pid;
    l->wire = wire;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        test_fail("epoll_create1: %s", strerror(errno));
    for (size_t i = 0; i < CONNS_MAX; i++)
        l->conns[i].fd = -1;
    return l;
}

void load_close(struct load *l, struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    l->ready -= c->state == READY;
    c->state = CONNECTING;
    c->fd = -1;
    free(c->rest);
    c->rest = NULL;
    c->rest_len = 0;
}

void load_destroy(struct load *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < CONNS_MAX; i++) {
        load_close(l, &l->conns[i]);
        free(l->conns[i].writer);
    }
    listener_close(l->listener);
    close(l->epoll);
    free(l);
}

static void conn_send(const struct conn *c, const void *data, size_t len)
{
    if (send(c->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        test_fail("the server takes no more: %s", strerror(errno));
}

void load_send(struct load *l, struct conn *c, unsigned n)
{
    unsigned char out[IN_FLIGHT * WIRE_MAX];
    struct writer *w = c->writer;
    size_t len = 0;
    int64_t now = load_now();
    for (; n > 0 && w->sent - w->answered < IN_FLIGHT; n--) {
        w->sent++;
        w->sent_at[w->sent % SENT] = now;
        len += l->wire->update(out + len, &c->client, w->sent, false);
    }
    if (len > 0)
        conn_send(c, out, len);
}

/* listener_fn: the k-th update of a writer is revision first_rev + k. */
static void event_arrived(void *user, unsigned long table, uint64_t rev)
{
    struct load *l = user;
    if (table >= l->writer_count)
        test_fail("an event of a table that nobody writes");
    struct writer *w = l->conns[l->writers[table]].writer;
    if (rev <= w->first_rev)
        return;
    uint64_t k = rev - w->first_rev;
    w->arrived++;
    if (!l->result)
        return;
    l->result->events++;
    if (w->sent - k < SENT)
        histogram_add(&l->result->arrival, load_now() - w->sent_at[k % SENT]);
}

static void say(const struct load *l, struct conn *c)
{
    unsigned char out[WIRE_MAX];
    conn_send(c, out, l->wire->update(out, &c->client, 1, true));
}

static void became_ready(struct load *l, struct conn *c, uint64_t rev)
{
    c->state = READY;
    l->ready++;
    if (c->writer)
        c->writer->first_rev = rev;
    if (c->tabled)
        say(l, c);
    if (c->client.board) {
        unsigned char out[WIRE_MAX];
        conn_send(c, out, wire_board(out));
    }
}

/* The messages in one frame; returns the number of answers. */
static unsigned conn_frame(struct load *l, struct conn *c, const unsigned char *at, size_t len,
                           int64_t now)
{
    unsigned answers = 0;
    if (c->client.board && c->state == READY)
        return 0; /* a person reads it */
    while (len > 0) {
        enum wire_said said;
        uint64_t rev = 0;
        size_t size = l->wire->heard(at, len, &c->client, c->state == READY, &said, &rev);
        if (said == WIRE_BAD)
            test_fail("the server says %.*s", (int)len, (const char *)at);
        if (said == WIRE_READY)
            became_ready(l, c, rev);
        l->pushes += said == WIRE_PUSH;
        answers += said == WIRE_ANSWER;
        at += size;
        len -= size;
    }
    l->tables_done += c->tabled ? answers : 0;
    if (!c->writer)
        return answers;
    for (unsigned i = 0; i < answers; i++) {
        if (c->writer->answered == c->writer->sent)
            test_fail("an answer nobody asked for");
        c->writer->answered++;
        if (l->result)
            histogram_add(&l->result->answer, now - c->writer->sent_at[c->writer->answered % SENT]);
    }
    if (l->result)
        l->result->answers += answers;
    return answers;
}

/* Who is refused comes again at once, if there is a storm. */
static void refused(struct load *l, struct conn *c, const char *how)
{
    if (!l->storming)
        test_fail("the server dropped a connection: %s", how);
    l->refused++;
    load_close(l, c);
    load_open(l, c, INADDR_LOOPBACK + 1 + (uint32_t)c->number);
}

/* The answer to the upgrade: its size, or 0 when it is not all there. */
static size_t conn_upgraded(struct load *l, struct conn *c, const unsigned char *at, size_t len)
{
    static const char upgraded[] = "HTTP/1.1 101";
    unsigned char hello[WIRE_MAX];
    const unsigned char *end = memmem(at, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(at, upgraded, sizeof upgraded - 1) != 0) {
        if (!l->storming)
            test_fail("no upgrade: %.*s", (int)len, (const char *)at);
        return SIZE_MAX;
    }
    c->state = GREETING;
    size_t n = l->wire->hello(hello, &c->client);
    if (n > 0)
        conn_send(c, hello, n);
    return (size_t)(end - at) + 4;
}

/* What starts at `at`: its size, 0 when it is not all there, SIZE_MAX when the server ends it. */
static size_t conn_take(struct load *l, struct conn *c, const unsigned char *at, size_t len,
                        int64_t now, unsigned *answers)
{
    unsigned char pong[WIRE_MAX];
    size_t size = 0;
    if (c->state == HANDSHAKE)
        return conn_upgraded(l, c, at, len);
    size_t head = wire_head(at, len, &size);
    if (head == 0)
        return 0;
    switch (at[0]) {
    case 0x81:
    case 0x82:
        *answers += conn_frame(l, c, at + head, size, now);
        break;
    case 0x89:
        conn_send(c, pong, wire_frame(pong, 10, at + head, size));
        break;
    case 0x88:
        return SIZE_MAX;
    default:
        test_fail("a frame of type 0x%02x", at[0]);
    }
    return head + size;
}

static void conn_read(struct load *l, struct conn *c)
{
    unsigned answers = 0;
    if (c->rest)
        memcpy(l->buf, c->rest, c->rest_len);
    ssize_t n = recv(c->fd, l->buf + c->rest_len, READ_MAX - c->rest_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        refused(l, c, n == 0 ? "end" : strerror(errno));
        return;
    }
    size_t len = c->rest_len + (size_t)n, at = 0, size = 0;
    int64_t now = load_now();
    do {
        size = conn_take(l, c, l->buf + at, len - at, now, &answers);
        if (size == SIZE_MAX) {
            refused(l, c, "close or no upgrade");
            return;
        }
        at += size;
    } while (size > 0 && at < len);

    free(c->rest);
    c->rest = NULL;
    c->rest_len = len - at;
    if (c->rest_len > 0) {
        c->rest = test_alloc(c->rest_len);
        memcpy(c->rest, l->buf + at, c->rest_len);
    }
    if (answers > 0 && c->tabled)
        load_close(l, c);
    else if (answers > 0 && l->window > 0)
        load_send(l, c, answers);
}

static void watch(const struct load *l, int how, int fd, void *ptr, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = ptr};
    if (epoll_ctl(l->epoll, how, fd, &event) != 0)
        test_fail("epoll_ctl: %s", strerror(errno));
}

static void conn_connected(struct load *l, struct conn *c)
{
    char request[WIRE_REQUEST_MAX];
    int err = 0;
    socklen_t size = sizeof err;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0 || err != 0) {
        refused(l, c, strerror(err));
        return;
    }
    watch(l, EPOLL_CTL_MOD, c->fd, c, EPOLLIN);
    c->state = HANDSHAKE;
    conn_send(c, request, wire_request(l->wire, request, &c->client));
}

void load_serve(struct load *l, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (!c)
            listener_read(l->listener);
        else if (c->state == CONNECTING)
            conn_connected(l, c);
        else
            conn_read(l, c);
    }
}

void load_open(struct load *l, struct conn *c, uint32_t from)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(l->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    /* SO_REUSEADDR: what is left of it keeps no later server from its number. */
    int on = 1;
    c->state = CONNECTING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (from != 0 && bind(c->fd, (struct sockaddr *)&own, sizeof own) != 0) ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        test_fail("connection %zu: %s", c->number, strerror(errno));
    watch(l, EPOLL_CTL_ADD, c->fd, c, EPOLLOUT);
}

static void conn_add(struct load *l, enum load_role role)
{
    if (l->count == CONNS_MAX)
        test_fail("over %d connections", CONNS_MAX);
    struct conn *c = &l->conns[l->count];
    struct wire_client *client = &c->client;
    c->number = l->count;
    client->watches = role == LOAD_SUBSCRIBER;
    client->board = role == LOAD_BOARD;
    if (role == LOAD_WRITER)
        snprintf(client->table, sizeof client->table, "B-%zu", l->writer_count);
    else if (role == LOAD_IDLE)
        snprintf(client->table, sizeof client->table, "IDLE-%zu", c->number / 100);
    else
        snprintf(client->table, sizeof client->table, "FAN-001");
    snprintf(client->device, sizeof client->device, "d%zu", c->number);
    if (role == LOAD_WRITER || role == LOAD_FAN_WRITER) {
        c->writer = test_alloc(sizeof *c->writer);
        memset(c->writer, 0, sizeof *c->writer);
        l->writers[l->writer_count++] = l->count;
    }
    l->count++;
    load_open(l, c, 0);
}

void load_connect(struct load *l, enum load_role role, size_t count)
{
    size_t wanted = l->count + count;
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    while (l->ready < wanted) {
        while (l->count < wanted && l->count - l->ready < CONNECTING_MAX)
            conn_add(l, role);
        load_serve(l, 100);
        if (now_ms() > deadline)
            test_fail("only %zu of %zu connections in a minute", l->ready, wanted);
    }
}

void load_listen(struct load *l, uint16_t broker_port)
{
    l->listener = listener_open(broker_port, event_arrived, l);
    watch(l, EPOLL_CTL_ADD, listener_fd(l->listener), NULL, EPOLLIN);
}
