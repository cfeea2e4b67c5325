/*
 * bare.c - what no server exceeds: as little as looks like one to the load generator.
 *
 * One epoll; each frame is answered with fixed words, unread. With a file, all answers of a turn wait for
 * one fdatasync of as many bytes as an event has. Usage: bench-bare [FILE]  (prints `listening on
 * ws://127.0.0.1:PORT`)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS = 32768, EVENTS = 256, READ_MAX = 1 << 16, EVENT_SIZE = 256, REWRITTEN = 1 << 22 };

static const char greeting[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                               "\x81\x0c{\"UPTIME\":0}";
static const char answer[] = "\x81\x29{\"status\":\"updated\",\"table_id\":\"ARO-001\"}";

static struct conn {
    bool upgraded;
    unsigned owed;       /* answers of this turn */
    unsigned short rest; /* bytes of a frame that has only begun */
    unsigned char begun[256];
} * conns[CONNS];

static int file = -1;
static off_t written;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static void send_all(int fd, const void *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len && errno != EPIPE && errno != ECONNRESET)
        die("send");
}

static void drop(int fd)
{
    free(conns[fd]);
    conns[fd] = NULL;
    close(fd);
}

/* Reads what is there; answers are only counted. */
static void take(int fd)
{
    static unsigned char buf[READ_MAX];
    struct conn *c = conns[fd];
    size_t at = 0, len = c->rest;
    memcpy(buf, c->begun, len);
    ssize_t n = recv(fd, buf + len, sizeof buf - len, 0);
    if (n <= 0) {
        drop(fd);
        return;
    }
    len += (size_t)n;
    if (!c->upgraded) {
        c->upgraded = true; /* the request comes in one piece */
        send_all(fd, greeting, sizeof greeting - 1);
        return;
    }
    while (len - at >= 2 && len - at >= 6U + (buf[at + 1] & 0x7f)) {
        c->owed += (buf[at] & 0x0f) == 1;
        at += 6U + (buf[at + 1] & 0x7f);
    }
    c->rest = (unsigned short)(len - at);
    memcpy(c->begun, buf + at, len - at);
}

static void sync_turn(size_t updates)
{
    static const char zeros[READ_MAX];
    if (file < 0)
        return;
    for (size_t left = updates * EVENT_SIZE; left > 0;) {
        size_t part = left < sizeof zeros ? left : sizeof zeros;
        if (pwrite(file, zeros, part, written % REWRITTEN) != (ssize_t)part)
            die("write");
        written += (off_t)part;
        left -= part;
    }
    if (updates > 0 && fdatasync(file) != 0)
        die("fdatasync");
}

static void pay(int fd)
{
    static char out[READ_MAX];
    struct conn *c = conns[fd];
    while (c && c->owed > 0) {
        size_t len = 0;
        for (; c->owed > 0 && len + sizeof answer < sizeof out; c->owed--, len += sizeof answer - 1)
            memcpy(out + len, answer, sizeof answer - 1);
        send_all(fd, out, len);
    }
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void welcome(int epoll, int listening)
{
    int on = 1, fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (fd >= CONNS || !(conns[fd] = calloc(1, sizeof *conns[fd])) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("a connection");
    watch(epoll, fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (argc > 1 && (file = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        die(argv[1]);
    /* Its size does not change while it is measured, as that of a log that is used again. */
    if (file >= 0 && (posix_fallocate(file, 0, REWRITTEN + READ_MAX) != 0 || fsync(file) != 0))
        die(argv[1]);
    if (epoll < 0 || bind(listening, (struct sockaddr *)&address, size) != 0 ||
        listen(listening, 4096) != 0 ||
        getsockname(listening, (struct sockaddr *)&address, &size) != 0)
        die("listen");
    watch(epoll, listening);
    printf("listening on ws://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        size_t updates = 0;
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listening)
                welcome(epoll, fd);
            else
                take(fd);
            updates += fd != listening && conns[fd] ? conns[fd]->owed : 0;
        }
        sync_turn(updates);
        for (int i = 0; i < n; i++)
            pay(events[i].data.fd);
    }
}
