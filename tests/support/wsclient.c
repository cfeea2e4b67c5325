/* wsclient.c - frames in and out of a raw socket. */
#include "support/wsclient.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/capture.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/port.h"

/* RFC 6455 section 1.3: this key and its one right answer. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { HEADER_MAX = 14, HTTP_MAX = 16384 };

struct bytes {
    char *data;
    size_t len, cap;
};

struct wsclient {
    int fd;
    bool ignore_pings;
    bool heard;            /* a text came already */
    struct bytes in;       /* received, not yet consumed */
    struct bytes message;  /* the message being put together, then handed out */
    struct bytes queue;    /* frames for wsclient_flush */
    enum ws_opcode opcode; /* of a fragmented message; WS_CONT when none is open */
};

static void bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (b->cap - b->len <= len) {
        size_t cap = (b->len + len + 64) * 2;
        char *bigger = realloc(b->data, cap);
        if (!bigger)
            test_fail("out of memory in the test");
        b->data = bigger;
        b->cap = cap;
    }
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

static void bytes_drop(struct bytes *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

enum fill { FILL_MORE, FILL_END, FILL_QUIET };

/* Waits for bytes and adds them to `in`. */
static enum fill fill(struct wsclient *c, int64_t deadline)
{
    char bytes[65536];
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
    int n;
    do
        n = poll(&pfd, 1, deadline_left(deadline));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return FILL_QUIET;
    ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        return FILL_END;
    bytes_add(&c->in, bytes, (size_t)got);
    return FILL_MORE;
}

static void release(struct wsclient *c)
{
    close(c->fd);
    free(c->in.data);
    free(c->message.data);
    free(c->queue.data);
    free(c);
}

static int upgrade(const char *host, uint16_t port, const char *path, const char *headers,
                   struct wsclient **out)
{
    struct wsclient *c = test_alloc(sizeof *c);
    *out = NULL;
    c->fd = port_connect_to(host, port);
    if (c->fd < 0)
        test_fail("nothing accepts on port %u", port);
    char *request = test_printf("GET %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: " KEY "\r\n%s\r\n",
                                path, port, headers ? headers : "");
    bool sent = wsclient_send_raw(c, request, strlen(request));
    free(request);
    int64_t deadline = now_ms() + WAIT_MS;
    char *end = NULL;
    while (sent && !(end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL)) {
        enum fill f = fill(c, deadline);
        if (f == FILL_QUIET || c->in.len > HTTP_MAX)
            test_fail("no answer to the upgrade of %s on port %u", path, port);
        if (f == FILL_END)
            break;
    }
    int status = 0;
    if (end && sscanf(c->in.data, "HTTP/1.%*1d %3d", &status) != 1)
        test_fail("not an HTTP answer: %s", c->in.data);
    if (status != 101) {
        release(c);
        return status;
    }
    *end = '\0';
    if (!strstr(c->in.data, ACCEPT))
        test_fail("wrong Sec-WebSocket-Accept in: %s", c->in.data);
    bytes_drop(&c->in, (size_t)(end - c->in.data) + 4);
    capture("upgrade", path, "", 0);
    *out = c;
    return status;
}

int wsclient_upgrade(uint16_t port, const char *path, const char *headers, struct wsclient **out)
{
    return upgrade("127.0.0.1", port, path, headers, out);
}

static struct wsclient *connect_to(const char *host, uint16_t port, const char *path)
{
    struct wsclient *c;
    int status = upgrade(host, port, path, NULL, &c);
    if (!c)
        test_fail("the upgrade of %s was answered %d", path, status);
    return c;
}

struct wsclient *wsclient_connect(uint16_t port, const char *path)
{
    return connect_to("127.0.0.1", port, path);
}

void wsclient_close(struct wsclient *c)
{
    if (!c)
        return;
    static const unsigned char normal[2] = {1000 >> 8, 1000 & 0xff};
    wsclient_send_frame(c, WS_CLOSE, true, normal, sizeof normal);
    release(c);
}

void wsclient_drop(struct wsclient *c)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    release(c);
}

bool wsclient_send_raw(struct wsclient *c, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Appends one masked frame to `to`. */
static void frame(struct bytes *to, enum ws_opcode opcode, bool final, const void *data, size_t len)
{
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char head[HEADER_MAX] = {(unsigned char)((final ? 0x80 : 0) | opcode)};
    size_t n = 2;
    if (len < 126) {
        head[1] = (unsigned char)(0x80 | len);
    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[n++] = (unsigned char)(len >> 8);
        head[n++] = (unsigned char)(len & 0xff);
    } else {
        head[1] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            head[n++] = (unsigned char)((uint64_t)len >> shift & 0xff);
    }
    memcpy(head + n, mask, sizeof mask);
    bytes_add(to, head, n + sizeof mask);
    bytes_add(to, data, len);
    for (size_t i = 0; i < len; i++)
        to->data[to->len - len + i] = (char)(to->data[to->len - len + i] ^ mask[i % 4]);
}

void wsclient_send_frame(struct wsclient *c, enum ws_opcode opcode, bool final, const void *data,
                         size_t len)
{
    struct bytes one = {0};
    frame(&one, opcode, final, data, len);
    /* A failed write is no failure of the test: the close that caused it is what it looks for. */
    (void)wsclient_send_raw(c, one.data, one.len);
    free(one.data);
}

void wsclient_send(struct wsclient *c, const char *text)
{
    wsclient_send_frame(c, WS_TEXT, true, text, strlen(text));
}

void wsclient_sendf(struct wsclient *c, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        test_fail("out of memory in the test");
    va_end(args);
    wsclient_send(c, text);
    free(text);
}

void wsclient_queue(struct wsclient *c, const char *text)
{
    frame(&c->queue, WS_TEXT, true, text, strlen(text));
}

void wsclient_flush(struct wsclient *c)
{
    (void)wsclient_send_raw(c, c->queue.data, c->queue.len);
    c->queue.len = 0;
}

/* Takes one frame out of `in` if it is there whole. */
static bool take_frame(struct wsclient *c, enum ws_opcode *opcode, bool *final, struct bytes *data)
{
    const unsigned char *p = (const unsigned char *)c->in.data;
    size_t head = 2;
    if (c->in.len < head)
        return false;
    uint64_t len = p[1] & 0x7f;
    if (p[1] & 0x80)
        test_fail("a server must not mask its frames");
    if (p[0] & 0x70)
        test_fail("a reserved bit is set in a frame: %02x", p[0]);
    size_t extra = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (c->in.len < head + extra)
        return false;
    if (extra)
        len = 0;
    for (size_t i = 0; i < extra; i++)
        len = len << 8 | p[head + i];
    head += extra;
    if (c->in.len - head < len)
        return false;
    *opcode = p[0] & 0x0f;
    *final = p[0] & 0x80;
    data->len = 0;
    bytes_add(data, c->in.data + head, (size_t)len);
    bytes_drop(&c->in, head + (size_t)len);
    return true;
}

/* A close frame's code and reason. */
static struct ws_message close_message(struct bytes *data)
{
    struct ws_message m = {.kind = WS_GOT_CLOSE, .data = data->data};
    if (data->len >= 2) {
        const unsigned char *p = (const unsigned char *)data->data;
        m.code = p[0] << 8 | p[1];
        m.data += 2;
        m.len = data->len - 2;
    }
    return m;
}

struct ws_message wsclient_next(struct wsclient *c, int timeout_ms)
{
    static const enum ws_kind kinds[] = {[WS_TEXT] = WS_GOT_TEXT,
                                         [WS_BINARY] = WS_GOT_BINARY,
                                         [WS_PING] = WS_GOT_PING,
                                         [WS_PONG] = WS_GOT_PONG};
    int64_t deadline = now_ms() + timeout_ms;
    enum ws_opcode opcode;
    bool final;
    for (;;) {
        if (take_frame(c, &opcode, &final, &c->message)) {
            if (opcode == WS_CLOSE)
                return close_message(&c->message);
            if (opcode == WS_PING && !c->ignore_pings)
                wsclient_send_frame(c, WS_PONG, true, c->message.data, c->message.len);
            if (!final || opcode == WS_CONT)
                test_fail("the agent sends its messages in one frame, not in fragments");
            if (opcode > WS_PONG || (opcode > WS_BINARY && opcode < WS_PING))
                test_fail("unknown opcode %d", opcode);
            if (opcode == WS_TEXT)
                capture("websocket", c->heard ? "later" : "first", c->message.data, c->message.len);
            c->heard = c->heard || opcode == WS_TEXT;
            return (struct ws_message){
                .kind = kinds[opcode], .data = c->message.data, .len = c->message.len};
        }
        switch (fill(c, deadline)) {
        case FILL_MORE:
            break;
        case FILL_END:
            return (struct ws_message){.kind = WS_GOT_END, .data = ""};
        case FILL_QUIET:
            return (struct ws_message){.kind = WS_GOT_QUIET, .data = ""};
        }
    }
}

static const char *kind_name(enum ws_kind kind)
{
    static const char *const names[] = {"a text",  "a binary message",          "a ping", "a pong",
                                        "a close", "the end of the connection", "silence"};
    return names[kind];
}

/* The next message that is not a ping. */
static struct ws_message next_real(struct wsclient *c)
{
    struct ws_message m;
    int64_t deadline = now_ms() + WAIT_MS;
    do
        m = wsclient_next(c, deadline_left(deadline));
    while (m.kind == WS_GOT_PING);
    return m;
}

const char *wsclient_text(struct wsclient *c)
{
    struct ws_message m = next_real(c);
    if (m.kind != WS_GOT_TEXT)
        test_fail("expected a text, got %s (%d %s)", kind_name(m.kind), m.code, m.data);
    return m.data;
}

void wsclient_expect(struct wsclient *c, const char *expected)
{
    const char *text = wsclient_text(c);
    if (strcmp(text, expected) != 0)
        test_fail("expected %s\n     got %s", expected, text);
}

void wsclient_ask(struct wsclient *c, const char *text, const char *expected)
{
    wsclient_send(c, text);
    wsclient_expect(c, expected);
}

const char *wsclient_until(struct wsclient *c, const char *path, const char *value)
{
    int64_t deadline = now_ms() + WAIT_MS;
    const char *text;
    do {
        text = wsclient_text(c);
        if (deadline_left(deadline) == 0)
            test_fail("no message with %s = %s in time; the last: %s", path, value, text);
    } while (!json_is(text, path, value));
    return text;
}

void wsclient_expect_close(struct wsclient *c, int code, const char *reason)
{
    struct ws_message m = next_real(c);
    if (m.kind != WS_GOT_CLOSE || m.code != code || (reason && strcmp(m.data, reason) != 0))
        test_fail("expected a close %d %s, got %s (%d %s)", code, reason ? reason : "",
                  kind_name(m.kind), m.code, m.data);
}

void wsclient_expect_nothing(struct wsclient *c)
{
    wsclient_send_frame(c, WS_PING, true, "anything?", 9);
    struct ws_message m = next_real(c);
    if (m.kind != WS_GOT_PONG || strcmp(m.data, "anything?") != 0)
        test_fail("expected nothing but a pong, got %s (%d %s)", kind_name(m.kind), m.code, m.data);
}

void wsclient_ignore_pings(struct wsclient *c)
{
    c->ignore_pings = true;
}

struct wsclient *wsclient_login_at(const char *host, uint16_t port, const char *id,
                                   const char *token)
{
    char *path = test_printf("/?id=%s&token=%s", id, token);
    struct wsclient *c = connect_to(host, port, path);
    free(path);
    if (!strstr(wsclient_text(c), "\"TABLE_ID\""))
        test_fail("the first message to %s is not its document", id);
    return c;
}

struct wsclient *wsclient_login(uint16_t port, const char *id, const char *token)
{
    return wsclient_login_at("127.0.0.1", port, id, token);
}
