/* load.c - one thread, one epoll, many clients. */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/listener.h"
#include "support/deadline.h"
#include "support/tokens.h"

enum {
    CONNS_MAX = 16384,
    CONNECTING_MAX = 64, /* handshakes at once: below everyone's backlog */
    IN_FLIGHT = 256,     /* per writer; so few that the socket always takes them */
    ANSWERED = 4096,     /* revisions per writer whose event may still be on its way */
    READ_MAX = 1 << 18,
    FRAME_MAX = 64,
    EVENTS = 256,
};
static const int64_t SECOND = 1000000000;

enum state { HANDSHAKE, DOCUMENT, READY };

/* What only writers have. */
struct writer {
    uint64_t sent, answered;
    uint64_t first_rev; /* the revision before the first update */
    uint64_t arrived;
    int64_t sent_at[IN_FLIGHT];
    int64_t answered_at[ANSWERED];
};

struct conn {
    int fd;
    enum state state;
    enum load_role role;
    struct writer *writer;
    unsigned char *rest; /* the start of a frame whose end has not come */
    size_t rest_len;
};

struct load {
    uint16_t port;
    pid_t pid;
    int epoll;
    size_t count, ready;
    size_t writers[CONNS_MAX], writer_count;
    struct listener *listener;
    const struct load_plan *plan; /* NULL while nobody writes */
    struct load_result *result;   /* NULL while nothing is measured */
    unsigned char frames[2][FRAME_MAX];
    size_t frame_len[2];
    struct conn conns[CONNS_MAX];
    unsigned char buf[READ_MAX];
};

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* A masked frame as every client must send it. */
static size_t frame_build(unsigned char *out, unsigned char opcode, const void *data, size_t len)
{
    static const unsigned char mask[4] = {0x5a, 0xc3, 0x17, 0x9e};
    if (len + 6 > FRAME_MAX)
        test_fail("a frame of %zu bytes", len);
    out[0] = (unsigned char)(0x80 | opcode);
    out[1] = (unsigned char)(0x80 | len);
    memcpy(out + 2, mask, sizeof mask);
    for (size_t i = 0; i < len; i++)
        out[6 + i] = (unsigned char)(((const unsigned char *)data)[i] ^ mask[i % 4]);
    return len + 6;
}

struct load *load_create(uint16_t port, pid_t pid)
{
    static const char *const updates[2] = {"{\"sdp\":\"up\",\"roulette\":\"down\"}",
                                           "{\"sdp\":\"standby\",\"roulette\":\"up\"}"};
    struct load *l = test_alloc(sizeof *l);
    memset(l, 0, sizeof *l);
    l->port = port;
    l->pid = pid;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        test_fail("epoll_create1: %s", strerror(errno));
    for (size_t i = 0; i < 2; i++)
        l->frame_len[i] = frame_build(l->frames[i], 1, updates[i], strlen(updates[i]));
    return l;
}

void load_destroy(struct load *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        close(l->conns[i].fd);
        free(l->conns[i].rest);
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

/* Sends `n` updates at once. */
static void writer_send(struct load *l, struct conn *c, unsigned n)
{
    unsigned char out[IN_FLIGHT * FRAME_MAX];
    struct writer *w = c->writer;
    size_t len = 0;
    int64_t now = now_ns();
    for (; n > 0 && w->sent - w->answered < IN_FLIGHT; n--) {
        size_t which = w->sent & 1;
        memcpy(out + len, l->frames[which], l->frame_len[which]);
        len += l->frame_len[which];
        w->sent_at[w->sent++ % IN_FLIGHT] = now;
    }
    if (len > 0)
        conn_send(c, out, len);
}

static void writer_answered(struct load *l, struct conn *c, int64_t now)
{
    struct writer *w = c->writer;
    if (!w || w->answered == w->sent)
        test_fail("an answer nobody asked for");
    if (l->result) {
        l->result->answers++;
        histogram_add(&l->result->answer, now - w->sent_at[w->answered % IN_FLIGHT]);
    }
    w->answered++;
    w->answered_at[w->answered % ANSWERED] = now;
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
    if (k > w->answered)
        histogram_add(&l->result->arrival, 0); /* here before its answer */
    else if (w->answered - k < ANSWERED)
        histogram_add(&l->result->arrival, now_ns() - w->answered_at[k % ANSWERED]);
}

static bool starts_with(const unsigned char *text, size_t len, const char *start)
{
    size_t n = strlen(start);
    return len >= n && memcmp(text, start, n) == 0;
}

/* One text message; returns 1 for an answer. Python puts blanks into its JSON. */
static unsigned conn_text(struct load *l, struct conn *c, const unsigned char *text, size_t len,
                          int64_t now)
{
    if (c->state == DOCUMENT) {
        const char *key = "\"UPTIME\":";
        const unsigned char *at = memmem(text, len, key, strlen(key));
        if (!at)
            test_fail("not a document: %.*s", (int)len, (const char *)text);
        if (c->writer)
            c->writer->first_rev = strtoull((const char *)at + strlen(key), NULL, 10);
        c->state = READY;
        l->ready++;
        return 0;
    }
    if (starts_with(text, len, "{\"event\":")) {
        if (l->result)
            l->result->pushes++;
        return 0;
    }
    if (!starts_with(text, len, "{\"status\":\"updated\"") &&
        !starts_with(text, len, "{\"status\": \"updated\""))
        test_fail("the server says %.*s", (int)len, (const char *)text);
    writer_answered(l, c, now);
    return 1;
}

/* One frame at `at`: its size, or 0 when it is not all there. */
static size_t conn_frame(struct load *l, struct conn *c, const unsigned char *at, size_t len,
                         int64_t now, unsigned *answers)
{
    if (len < 2)
        return 0;
    size_t head = 2, size = at[1];
    if (size == 126) {
        head = 4;
        if (len < head)
            return 0;
        size = (size_t)at[2] << 8 | at[3];
    } else if (size > 126) {
        test_fail("a masked frame, or one over 64 KiB");
    }
    if (len < head + size)
        return 0;
    unsigned char pong[FRAME_MAX];
    switch (at[0]) {
    case 0x81:
        *answers += conn_text(l, c, at + head, size, now);
        break;
    case 0x89:
        conn_send(c, pong, frame_build(pong, 10, at + head, size));
        break;
    case 0x88:
        test_fail("the server closes: %.*s", (int)(size > 2 ? size - 2 : 0),
                  (const char *)at + head + 2);
    default:
        test_fail("a frame of type 0x%02x", at[0]);
    }
    return head + size;
}

/* The answer to the upgrade: its size, or 0 when it is not all there. */
static size_t conn_handshake(struct conn *c, const unsigned char *at, size_t len)
{
    const unsigned char *end = memmem(at, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (!starts_with(at, len, "HTTP/1.1 101"))
        test_fail("no upgrade: %.*s", (int)len, (const char *)at);
    c->state = DOCUMENT;
    return (size_t)(end - at) + 4;
}

static void conn_read(struct load *l, struct conn *c)
{
    unsigned answers = 0;
    if (c->rest)
        memcpy(l->buf, c->rest, c->rest_len);
    ssize_t n = recv(c->fd, l->buf + c->rest_len, READ_MAX - c->rest_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        test_fail("the server dropped a connection: %s", n == 0 ? "end" : strerror(errno));
    size_t len = c->rest_len + (size_t)n, at = 0, size = 0;
    int64_t now = now_ns();
    do {
        size = c->state == HANDSHAKE ? conn_handshake(c, l->buf + at, len - at)
                                     : conn_frame(l, c, l->buf + at, len - at, now, &answers);
        at += size;
    } while (size > 0 && at < len);

    free(c->rest);
    c->rest = NULL;
    c->rest_len = len - at;
    if (c->rest_len > 0) {
        c->rest = test_alloc(c->rest_len);
        memcpy(c->rest, l->buf + at, c->rest_len);
    }
    if (answers > 0 && l->plan && l->plan->window > 0)
        writer_send(l, c, answers);
}

/* Waits at most so long for something and serves what there is. */
static void serve(struct load *l, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            conn_read(l, events[i].data.ptr);
        else
            listener_read(l->listener);
    }
}

static void watch(const struct load *l, int fd, void *ptr)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ptr};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        test_fail("epoll_ctl: %s", strerror(errno));
}

static void conn_path(char *out, size_t size, enum load_role role, size_t n, size_t writer)
{
    switch (role) {
    case LOAD_WRITER:
        snprintf(out, size, "/?id=B-%zu_writer&token=" TOKEN_DEVICE, writer);
        break;
    case LOAD_IDLE:
        snprintf(out, size, "/?id=IDLE-%zu_d%zu&token=" TOKEN_DEVICE, n / 100, n);
        break;
    case LOAD_FAN_WRITER:
        snprintf(out, size, "/?id=FAN-001_writer&token=" TOKEN_DEVICE);
        break;
    case LOAD_SUBSCRIBER:
        snprintf(out, size, "/?id=FAN-001_s%zu&token=" TOKEN_DEVICE "&subscribe=FAN-001", n);
        break;
    }
}

static void conn_open(struct load *l, enum load_role role)
{
    if (l->count == CONNS_MAX)
        test_fail("over %d connections", CONNS_MAX);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(l->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct conn *c = &l->conns[l->count];
    char path[128], request[512];
    int on = 1;
    *c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .role = role};
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        test_fail("connection %zu: %s", l->count, strerror(errno));
    conn_path(path, sizeof path, role, l->count, l->writer_count);
    if (role == LOAD_WRITER || role == LOAD_FAN_WRITER) {
        c->writer = test_alloc(sizeof *c->writer);
        memset(c->writer, 0, sizeof *c->writer);
        l->writers[l->writer_count++] = l->count;
    }
    l->count++;
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       path, l->port);
    conn_send(c, request, (size_t)len);
    watch(l, c->fd, c);
}

void load_connect(struct load *l, enum load_role role, size_t count)
{
    size_t wanted = l->count + count;
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    while (l->ready < wanted) {
        while (l->count < wanted && l->count - l->ready < CONNECTING_MAX)
            conn_open(l, role);
        serve(l, 100);
        if (now_ms() > deadline)
            test_fail("only %zu of %zu connections in a minute", l->ready, wanted);
    }
}

void load_listen(struct load *l, uint16_t broker_port)
{
    l->listener = listener_open(broker_port, event_arrived, l);
    watch(l, listener_fd(l->listener), NULL);
}

/* Serves until `end`; without a window, sends what is due by then. */
static void drive(struct load *l, int64_t end)
{
    const struct load_plan *plan = l->plan;
    int64_t start = now_ns();
    uint64_t sent = 0;
    for (int64_t now = start; now < end; now = now_ns()) {
        uint64_t due = (uint64_t)((double)(now - start) / (double)SECOND * plan->rate);
        for (; plan->window == 0 && sent < due; sent++)
            writer_send(l, &l->conns[l->writers[sent % l->writer_count]], 1);
        serve(l, 1);
    }
}

static bool all_here(const struct load *l)
{
    for (size_t i = 0; i < l->writer_count; i++) {
        const struct writer *w = l->conns[l->writers[i]].writer;
        if (w->answered < w->sent || (l->listener && w->arrived < w->sent))
            return false;
    }
    return true;
}

void load_run(struct load *l, const struct load_plan *plan, struct load_result *result)
{
    memset(result, 0, sizeof *result);
    l->plan = plan;
    for (size_t i = 0; i < l->writer_count; i++)
        writer_send(l, &l->conns[l->writers[i]], plan->window);
    drive(l, now_ns() + SECOND / 2);

    int64_t start = now_ns();
    double cpu = load_cpu(l->pid);
    l->result = result;
    drive(l, start + (int64_t)(plan->seconds * (double)SECOND));
    l->result = NULL;
    result->cpu_seconds = load_cpu(l->pid) - cpu;
    result->seconds = (double)(now_ns() - start) / (double)SECOND;

    l->plan = NULL;
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    while (!all_here(l)) {
        serve(l, 100);
        if (now_ms() > deadline)
            test_fail("answers or events are missing a minute after the last update");
    }
}

void load_settle(struct load *l)
{
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    double before, after = load_cpu(l->pid);
    do {
        int64_t until = now_ms() + 500;
        while (now_ms() < until)
            serve(l, 50);
        before = after;
        after = load_cpu(l->pid);
    } while (after - before > 0.015 && now_ms() < deadline);
}
