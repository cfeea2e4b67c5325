#include "fault/storm/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHORT_MAX = 125, OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

bool wire_connect_to(struct wire *w, const char *address, uint16_t port, const char *path)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    w->in_len = w->out_len = 0;
    w->state = WIRE_CONNECTING;
    snprintf(w->path, sizeof w->path, "%s", path);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0 || inet_pton(AF_INET, address, &in.sin_addr) != 1 ||
        (connect(w->fd, (struct sockaddr *)&in, sizeof in) != 0 && errno != EINPROGRESS)) {
        wire_close(w);
        return false;
    }
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return true;
}

bool wire_connect(struct wire *w, uint16_t port, const char *path)
{
    return wire_connect_to(w, "127.0.0.1", port, path);
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->state = WIRE_CLOSED;
}

void wire_abort(struct wire *w)
{
    static const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (w->fd >= 0)
        setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    wire_close(w);
}

short wire_wants(const struct wire *w)
{
    return (short)(POLLIN | (w->state == WIRE_CONNECTING || w->out_len > 0 ? POLLOUT : 0));
}

static void ask_for_upgrade(struct wire *w)
{
    int n = snprintf(w->out, sizeof w->out,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     w->path);
    w->out_len = (size_t)n;
    w->state = WIRE_UPGRADING;
}

static bool flush(struct wire *w)
{
    ssize_t n = send(w->fd, w->out, w->out_len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    w->out_len -= (size_t)n;
    memmove(w->out, w->out + n, w->out_len);
    return true;
}

static bool fill(struct wire *w)
{
    ssize_t n = recv(w->fd, w->in + w->in_len, sizeof w->in - w->in_len - 1, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    w->in_len += (size_t)n;
    return n > 0;
}

static void drop(struct wire *w, size_t n)
{
    w->in_len -= n;
    memmove(w->in, w->in + n, w->in_len);
}

/* The end of the answer to the upgrade; false if it is no. */
static bool upgraded(struct wire *w)
{
    w->in[w->in_len] = '\0';
    char *end = strstr(w->in, "\r\n\r\n");
    if (!end)
        return true;
    if (strncmp(w->in, "HTTP/1.1 101", 12) != 0)
        return false;
    drop(w, (size_t)(end - w->in) + 4);
    w->state = WIRE_OPEN;
    return true;
}

bool wire_service(struct wire *w, short events)
{
    bool ok = true;
    if (w->state == WIRE_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        ok = error == 0;
        if (ok && events & POLLOUT)
            ask_for_upgrade(w);
    }
    if (ok && events & POLLOUT && w->out_len > 0)
        ok = flush(w);
    if (ok && events & (POLLIN | POLLHUP | POLLERR))
        ok = fill(w);
    if (ok && w->state == WIRE_UPGRADING)
        ok = upgraded(w);
    if (!ok)
        wire_close(w);
    return ok;
}

static bool send_frame(struct wire *w, int opcode, const char *data, size_t len)
{
    if (len > SHORT_MAX || w->out_len + len + 6 > sizeof w->out)
        return false;
    char *at = w->out + w->out_len;
    at[0] = (char)(0x80 | opcode);
    at[1] = (char)(0x80 | (int)len);
    memset(at + 2, 0, 4); /* a mask of zeros leaves the bytes as they are */
    memcpy(at + 6, data, len);
    w->out_len += len + 6;
    return flush(w) || true; /* an error shows when reading */
}

bool wire_send(struct wire *w, const char *text)
{
    return w->state == WIRE_OPEN && send_frame(w, OP_TEXT, text, strlen(text));
}

enum wire_event wire_next(struct wire *w, const char **text)
{
    static char message[WIRE_IN]; /* the writers' thread's */
    while (w->state == WIRE_OPEN) {
        const unsigned char *p = (const unsigned char *)w->in;
        size_t head = 2, len = w->in_len < 2 ? 0 : p[1] & 0x7f;
        if (len == 126)
            head = 4;
        if (w->in_len < head)
            return WIRE_NOTHING;
        if (len == 126)
            len = (size_t)p[2] << 8 | p[3];
        if (len > sizeof w->in - 16 ||
            (p[1] & 0x80)) { /* a server like that is no server of ours */
            wire_close(w);
            return WIRE_END;
        }
        if (w->in_len < head + len)
            return WIRE_NOTHING;
        int opcode = p[0] & 0x0f;
        memcpy(message, w->in + head, len);
        message[len] = '\0';
        drop(w, head + len);
        if (opcode == OP_PING)
            send_frame(w, OP_PONG, message, len);
        if (opcode == OP_CLOSE) {
            wire_close(w);
            return WIRE_END;
        }
        if (opcode == OP_TEXT) {
            *text = message;
            return WIRE_TEXT;
        }
    }
    return w->state == WIRE_CLOSED ? WIRE_END : WIRE_NOTHING;
}
