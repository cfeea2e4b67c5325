/* siege.c - each kind is a table's row: what is said first, what again and again, and what it waits for. */
#include "support/siege.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"

enum { HELLO_MAX = 2048, SPARE = 128 };

const char *const siege_names[SIEGE_KINDS] = {
    [SIEGE_HEADERS] = "headers that drip",
    [SIEGE_BODIES] = "bodies that drip",
    [SIEGE_SILENT] = "sockets that never say who they are",
    [SIEGE_MESSAGES] = "messages that drip",
    [SIEGE_HANDSHAKES] = "TLS handshakes that drip",
    [SIEGE_FLOOD] = "handshakes again and again",
    [SIEGE_TLS_FLOOD] = "TLS handshakes again and again",
};

#define UPGRADE                                                                                    \
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
#define SAID(text) .said = (text), .said_len = sizeof(text) - 1
#define DRIP(text) .drip = (text), .drip_len = sizeof(text) - 1

static const struct habit {
    const char *said, *drip; /* at once; then this again and again */
    size_t said_len, drip_len;
    bool leaves; /* when it is answered */
    bool tls;    /* says hello instead */
} habits[SIEGE_KINDS] = {
    [SIEGE_HEADERS] = {SAID("GET / HTTP/1.1\r\nHost: x\r\nX: "), DRIP("x")},
    [SIEGE_BODIES] = {SAID("POST /api/v1/tables/ARO-001/status HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 16000\r\n\r\n"),
                      DRIP("x")},
    [SIEGE_SILENT] = {SAID(UPGRADE)},
    /* Not the last, one byte, masked with zeros; the first one begins a text. */
    [SIEGE_MESSAGES] = {SAID(UPGRADE "\x01\x81\0\0\0\0{"), DRIP("\x00\x81\0\0\0\0 ")},
    /* A record of 512 bytes, nothing of which is looked at before the last is there. */
    [SIEGE_HANDSHAKES] = {SAID("\x16\x03\x01\x02\x00"), DRIP("\x01")},
    [SIEGE_FLOOD] = {SAID(UPGRADE), .leaves = true},
    [SIEGE_TLS_FLOOD] = {.leaves = true, .tls = true},
};

struct besieger {
    int fd; /* -1: it has yet to come */
    size_t said;
    int64_t next_ms;
    bool again; /* it has been here before */
};

struct siege {
    struct siege_plan plan;
    struct habit habit;
    char hello[HELLO_MAX];
    size_t came, cut, served, first_left;
    size_t next; /* whose turn it is */
    struct besieger besiegers[];
};

/* What a client of TLS says first. The same for all: no server remembers it. */
static void make_hello(struct siege *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    int len;

    if (!ssl || !in || !out)
        test_fail("no TLS");
    SSL_set_bio(ssl, in, out);
    (void)SSL_connect(ssl);
    len = BIO_read(out, s->hello, HELLO_MAX);
    if (len <= 0 || len == HELLO_MAX)
        test_fail("no TLS hello");
    s->habit.said = s->hello;
    s->habit.said_len = (size_t)len;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

struct siege *siege_lay(const struct siege_plan *plan)
{
    size_t size = sizeof(struct siege) + plan->sockets * sizeof(struct besieger);
    struct siege *s = test_alloc(size);

    memset(s, 0, size);
    s->plan = *plan;
    s->habit = habits[plan->kind];
    s->first_left = plan->sockets;
    for (size_t i = 0; i < plan->sockets; i++)
        s->besiegers[i].fd = -1;
    if (s->habit.tls)
        make_hello(s);
    return s;
}

static void leave(struct besieger *b)
{
    /* No trace of it shall keep its address from being used again. */
    const struct linger reset = {.l_onoff = 1};

    (void)setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(b->fd);
    b->fd = -1;
}

void siege_raise(struct siege *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->plan.sockets; i++)
        if (s->besiegers[i].fd >= 0)
            leave(&s->besiegers[i]);
    free(s);
}

/* From 127.<site>.1, beyond those that tests use for themselves. */
static void come(struct siege *s, struct besieger *b, size_t number)
{
    const uint32_t site = (uint32_t)(number % s->plan.sites) + 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001 + (site << 8))};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->plan.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(b->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        test_fail("from site %u: %s", (unsigned)site, strerror(errno));
    b->said = 0;
    b->next_ms = 0;
    s->came++;
}

/* It is gone; who was here for the first time is not any more. */
static void gone(struct siege *s, struct besieger *b)
{
    leave(b);
    s->first_left -= !b->again;
    b->again = true;
}

/* Says what is to be said now. False: it cannot, as it was cut off. */
static bool say(const struct siege *s, struct besieger *b, int64_t now)
{
    const struct habit *h = &s->habit;
    const bool first = b->said < h->said_len;
    ssize_t n;

    if (!first && (h->drip_len == 0 || now < b->next_ms))
        return true;
    n = first ? send(b->fd, h->said + b->said, h->said_len - b->said, MSG_NOSIGNAL)
              : send(b->fd, h->drip, h->drip_len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    b->said += first ? (size_t)n : 0;
    b->next_ms = now + s->plan.pace_ms;
    return true;
}

/* Reads what it is told. */
static void look(struct siege *s, struct besieger *b)
{
    char bytes[4096];
    ssize_t n = recv(b->fd, bytes, sizeof bytes, 0);

    if (n > 0 && s->habit.leaves) {
        s->served++;
        gone(s, b);
    } else if (n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN)) {
        s->cut++;
        gone(s, b);
    }
}

void siege_turn(struct siege *s)
{
    const size_t step = s->plan.step ? s->plan.step : s->plan.sockets;
    int64_t now = now_ms();

    for (size_t i = 0; i < step; i++) {
        const size_t number = s->next++ % s->plan.sockets;
        struct besieger *b = &s->besiegers[number];
        if (b->fd < 0)
            come(s, b, number);
        if (!say(s, b, now)) {
            s->cut++;
            gone(s, b);
        } else {
            look(s, b);
        }
    }
}

size_t siege_came(const struct siege *s)
{
    return s->came;
}

size_t siege_cut(const struct siege *s)
{
    return s->cut;
}

size_t siege_served(const struct siege *s)
{
    return s->served;
}

size_t siege_first_left(const struct siege *s)
{
    return s->first_left;
}

size_t siege_there(struct siege *s)
{
    size_t there = 0;

    for (size_t i = 0; i < s->plan.sockets; i++) {
        if (s->besiegers[i].fd >= 0)
            look(s, &s->besiegers[i]);
        there += s->besiegers[i].fd >= 0;
    }
    return there;
}

size_t siege_allow(size_t sockets)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        test_fail("no limits: %s", strerror(errno));
    if (limit.rlim_cur < sockets + SPARE) {
        limit.rlim_cur = limit.rlim_max < sockets + SPARE ? limit.rlim_max : sockets + SPARE;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            test_fail("no room for sockets: %s", strerror(errno));
    }
    return limit.rlim_cur < sockets + SPARE ? (size_t)limit.rlim_cur - SPARE : sockets;
}
