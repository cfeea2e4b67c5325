#include "support/wsfake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "support/deadline.h"

enum { HEAD_MAX = 8192, MESSAGE_MAX = 1 << 20, OP_TEXT = 1, OP_CLOSE = 8, OP_PONG = 10 };

struct wsfake {
    int fd;
    uint16_t port;
};

struct wsfake_conn {
    int fd;
    char head[HEAD_MAX + 1];
    char path[HEAD_MAX + 1];
    char *message;
};

struct wsfake *wsfake_create(void)
{
    struct wsfake *fake = test_alloc(sizeof(*fake));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    fake->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->fd < 0 || bind(fake->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        listen(fake->fd, 16) != 0 || getsockname(fake->fd, (struct sockaddr *)&a, &len) != 0)
        test_fail("no port for a server: %s", strerror(errno));
    fake->port = ntohs(a.sin_port);
    return fake;
}

void wsfake_destroy(struct wsfake *fake)
{
    if (fake == NULL)
        return;
    close(fake->fd);
    free(fake);
}

uint16_t wsfake_port(const struct wsfake *fake)
{
    return fake->port;
}

static void wait_readable(int fd, int64_t deadline, const char *what)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (poll(&p, 1, deadline_left(deadline)) <= 0)
        test_fail("nothing came while waiting for %s", what);
}

static void read_all(struct wsfake_conn *conn, void *out, size_t len, int64_t deadline)
{
    for (size_t done = 0; done < len;) {
        wait_readable(conn->fd, deadline, "the rest of a frame");
        ssize_t n = recv(conn->fd, (char *)out + done, len - done, 0);
        if (n <= 0)
            test_fail("the client cut the connection");
        done += (size_t)n;
    }
}

static void write_all(struct wsfake_conn *conn, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(conn->fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            test_fail("the client does not take what is sent: %s", strerror(errno));
        done += (size_t)n;
    }
}

static struct wsfake_conn *accept_head(struct wsfake *fake)
{
    struct wsfake_conn *conn = test_alloc(sizeof(*conn));
    int64_t deadline = now_ms() + WAIT_MS;
    size_t len = 0;
    int on = 1;

    memset(conn, 0, sizeof(*conn));
    wait_readable(fake->fd, deadline, "a connection");
    conn->fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC);
    if (conn->fd < 0)
        test_fail("accept: %s", strerror(errno));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (strstr(conn->head, "\r\n\r\n") == NULL) {
        if (len == HEAD_MAX)
            test_fail("the request is too long");
        read_all(conn, conn->head + len++, 1, deadline);
    }
    if (sscanf(conn->head, "GET %8191s HTTP/1.1\r\n", conn->path) != 1)
        test_fail("this is no request: %s", conn->head);
    return conn;
}

/* RFC 6455, 4.2.2: the proof that the key was read. */
static void accept_key(const char *head, char out[64])
{
    static const char name[] = "Sec-WebSocket-Key: ";
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[128];
    const char *key = strcasestr(head, name);

    if (key == NULL)
        test_fail("no %sin: %s", name, head);
    key += strlen(name);
    snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(key, "\r"), key, guid);
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
        test_fail("SHA-1 failed");
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

struct wsfake_conn *wsfake_accept(struct wsfake *fake)
{
    struct wsfake_conn *conn = accept_head(fake);
    char key[64], answer[256];

    accept_key(conn->head, key);
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             key);
    write_all(conn, answer, strlen(answer));
    return conn;
}

struct wsfake_conn *wsfake_asked(struct wsfake *fake)
{
    return accept_head(fake);
}

void wsfake_write(struct wsfake_conn *conn, const char *bytes)
{
    write_all(conn, bytes, strlen(bytes));
}

void wsfake_answer(struct wsfake *fake, const char *http)
{
    struct wsfake_conn *conn = accept_head(fake);

    write_all(conn, http, strlen(http));
    shutdown(conn->fd, SHUT_WR);
    wsfake_drop(conn);
}

void wsfake_drop(struct wsfake_conn *conn)
{
    if (conn == NULL)
        return;
    close(conn->fd);
    free(conn->message);
    free(conn);
}

const char *wsfake_path(const struct wsfake_conn *conn)
{
    return conn->path;
}

const char *wsfake_head(const struct wsfake_conn *conn)
{
    return conn->head;
}

void wsfake_send_frame(struct wsfake_conn *conn, int opcode, bool final, const void *data,
                       size_t len)
{
    unsigned char head[10] = {(unsigned char)((final ? 0x80 : 0) | opcode)};
    size_t n = 2;

    if (len < 126) {
        head[1] = (unsigned char)len;
    } else if (len < 65536) {
        head[1] = 126;
        head[2] = (unsigned char)(len >> 8);
        head[3] = (unsigned char)len;
        n = 4;
    } else {
        head[1] = 127;
        for (size_t i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        n = 10;
    }
    write_all(conn, head, n);
    write_all(conn, data, len);
}

void wsfake_send(struct wsfake_conn *conn, const char *text)
{
    wsfake_send_frame(conn, OP_TEXT, true, text, strlen(text));
}

void wsfake_send_all(struct wsfake_conn *conn, const char *const *texts, size_t count)
{
    enum { SHORT = 126 };
    unsigned char *all = test_alloc(count * (SHORT + 2));
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(texts[i]);

        if (n >= SHORT)
            test_fail("too long: %s", texts[i]);
        all[len++] = 0x80 | OP_TEXT;
        all[len++] = (unsigned char)n;
        memcpy(all + len, texts[i], n);
        len += n;
    }
    write_all(conn, all, len);
    free(all);
}

/* One unfragmented frame; clients under test send no others. Returns its opcode. */
static int read_frame(struct wsfake_conn *conn, size_t *len)
{
    int64_t deadline = now_ms() + WAIT_MS;
    unsigned char head[2], more[8], mask[4];

    read_all(conn, head, 2, deadline);
    if ((head[0] & 0x80) == 0 || (head[1] & 0x80) == 0)
        test_fail("the client sent a fragment or an unmasked frame");
    *len = head[1] & 0x7f;
    if (*len >= 126) {
        size_t n = *len == 126 ? 2 : 8;
        read_all(conn, more, n, deadline);
        *len = 0;
        for (size_t i = 0; i < n; i++)
            *len = *len << 8 | more[i];
    }
    if (*len > MESSAGE_MAX)
        test_fail("the client sent %zu bytes", *len);
    read_all(conn, mask, 4, deadline);
    free(conn->message);
    conn->message = test_alloc(*len + 1);
    read_all(conn, conn->message, *len, deadline);
    for (size_t i = 0; i < *len; i++)
        conn->message[i] = (char)((unsigned char)conn->message[i] ^ mask[i % 4]);
    conn->message[*len] = '\0';
    return head[0] & 0x0f;
}

const char *wsfake_receive(struct wsfake_conn *conn)
{
    size_t len;
    int opcode;

    do
        opcode = read_frame(conn, &len);
    while (opcode == OP_PONG);
    if (opcode != OP_TEXT)
        test_fail("expected a text, got opcode %d", opcode);
    return conn->message;
}

const char *wsfake_receive_or_end(struct wsfake_conn *conn)
{
    size_t len;
    int opcode;

    do
        opcode = read_frame(conn, &len);
    while (opcode == OP_PONG);
    if (opcode == OP_TEXT)
        return conn->message;
    wsfake_drop(conn);
    return NULL;
}

void wsfake_expect(struct wsfake_conn *conn, const char *text)
{
    const char *got = wsfake_receive(conn);

    if (strcmp(got, text) != 0)
        test_fail("expected from the client: %s\ngot: %s", text, got);
}

void wsfake_expect_close(struct wsfake_conn *conn, int code)
{
    size_t len;
    int opcode, got = 1005;

    do
        opcode = read_frame(conn, &len);
    while (opcode == OP_PONG);
    if (opcode != OP_CLOSE)
        test_fail("expected a close frame, got opcode %d: %s", opcode, conn->message);
    if (len >= 2)
        got = (unsigned char)conn->message[0] << 8 | (unsigned char)conn->message[1];
    if (got != code)
        test_fail("expected close code %d, got %d", code, got);
    wsfake_drop(conn);
}

void wsfake_close(struct wsfake_conn *conn, int code, const char *reason)
{
    unsigned char body[125] = {(unsigned char)(code >> 8), (unsigned char)code};
    size_t len = strlen(reason);
    struct pollfd p = {.fd = conn->fd, .events = POLLIN};
    char rest[256];

    if (len > sizeof(body) - 2)
        test_fail("the reason is too long");
    memcpy(body + 2, reason, len);
    wsfake_send_frame(conn, OP_CLOSE, true, body, len + 2);
    shutdown(conn->fd, SHUT_WR);
    /* Whatever it still sends, up to its end: closing earlier could reset what it has to read. */
    while (poll(&p, 1, WAIT_MS) > 0 && recv(conn->fd, rest, sizeof(rest), 0) > 0)
        ;
    wsfake_drop(conn);
}
