/* listener.c - CONNECT, SUBSCRIBE, then nothing but PUBLISH packets. */
#include "bench/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/port.h"

enum { BUFFER = 1 << 20, PUBLISH = 0x30 };

struct listener {
    int fd;
    listener_fn *on_event;
    void *user;
    size_t len;
    unsigned char buf[BUFFER + 1];
};

static void send_all(int fd, const void *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        test_fail("the broker takes no packet: %s", strerror(errno));
}

/* A short answer of the broker: its type and its return code. */
static void expect(int fd, unsigned char type, size_t len)
{
    unsigned char packet[8];
    if (recv(fd, packet, len, MSG_WAITALL) != (ssize_t)len || packet[0] != type ||
        packet[len - 1] != 0)
        test_fail("the broker refused what the listener asked for");
}

struct listener *listener_open(uint16_t broker_port, listener_fn *on_event, void *user)
{
    static const char connect[] = "\x10\x11\0\x04MQTT\x04\x02\0\0\0\x05"
                                  "bench";
    static const char subscribe[] = "\x82\x1c\0\x01\0\x17studio/tables/+/changes\0";
    struct listener *l = test_alloc(sizeof *l);
    *l = (struct listener){.on_event = on_event, .user = user};
    l->fd = port_connect(broker_port);
    if (l->fd < 0)
        test_fail("no broker on port %u", broker_port);
    send_all(l->fd, connect, sizeof connect - 1);
    expect(l->fd, 0x20, 4);
    send_all(l->fd, subscribe, sizeof subscribe - 1);
    expect(l->fd, 0x90, 5);
    if (fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0)
        test_fail("fcntl: %s", strerror(errno));
    return l;
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    close(l->fd);
    free(l);
}

int listener_fd(const struct listener *l)
{
    return l->fd;
}

/* The remaining length at `at`: bytes it takes, 0 when they are not all there. */
static size_t remaining_length(const unsigned char *at, size_t len, size_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len && i < 4; i++) {
        *value |= (size_t)(at[i] & 0x7f) << (7 * i);
        if (!(at[i] & 0x80))
            return i + 1;
    }
    return 0;
}

static void publish(struct listener *l, unsigned char *packet, size_t len)
{
    static const char table_key[] = "\"table_id\":\"B-", rev_key[] = "\"rev\":";
    unsigned char after = packet[len];
    packet[len] = '\0';
    size_t topic = 2 + ((size_t)packet[0] << 8 | packet[1]);
    const char *text = (const char *)packet + (topic < len ? topic : len);
    const char *table = strstr(text, table_key), *rev = strstr(text, rev_key);
    if (table && rev)
        l->on_event(l->user, strtoul(table + sizeof table_key - 1, NULL, 10),
                    strtoull(rev + sizeof rev_key - 1, NULL, 10));
    packet[len] = after;
}

void listener_read(struct listener *l)
{
    ssize_t n = recv(l->fd, l->buf + l->len, BUFFER - l->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        test_fail("the broker dropped the listener");
    l->len += (size_t)n;

    size_t at = 0, len = 0;
    while (at + 2 <= l->len) {
        size_t head = remaining_length(l->buf + at + 1, l->len - at - 1, &len);
        if (head == 0 || len + head + 1 > l->len - at)
            break;
        if ((l->buf[at] & 0xf0) == PUBLISH && len > 2)
            publish(l, l->buf + at + 1 + head, len);
        at += 1 + head + len;
    }
    if (at == 0 && l->len == BUFFER)
        test_fail("a packet larger than the listener's buffer");
    l->len -= at;
    memmove(l->buf, l->buf + at, l->len);
}
