#include "fault/two/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"

enum { ANSWER_MAX = 4096 };

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    return poll(&pfd, 1, deadline_left(deadline)) > 0;
}

static bool connected(int fd, const char *address, uint16_t port, int64_t deadline)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    int error = 0;
    socklen_t len = sizeof error;
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        return false;
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
        return true;
    return errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline) &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

/* Up to its end, or the deadline, or as much as there is room for. */
static size_t receive(int fd, char *text, size_t size, int64_t deadline)
{
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len + 1 < size && wait_for(fd, POLLIN, deadline)) {
        n = recv(fd, text + len, size - len - 1, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = '\0';
    return len;
}

int ask_http(const char *address, uint16_t port, const char *path, unsigned timeout_ms, char *body,
             size_t size)
{
    char text[ANSWER_MAX];
    int64_t deadline = now_ms() + timeout_ms;
    int status = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (connected(fd, address, port, deadline) && send(fd, text, (size_t)n, MSG_NOSIGNAL) == n &&
        receive(fd, text, sizeof text, deadline) > 0 &&
        sscanf(text, "HTTP/1.%*1d %3d", &status) != 1)
        status = 0;
    close(fd);
    if (body && size > 0) {
        const char *at = status ? strstr(text, "\r\n\r\n") : NULL;
        snprintf(body, size, "%s", at ? at + 4 : "");
    }
    return status;
}
