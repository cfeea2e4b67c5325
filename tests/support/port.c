/* port.c - reserved loopback ports. */
#include "support/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"

static int bound_socket(int family, uint16_t *number)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(*number),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(*number), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *addr = family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
    socklen_t len = family == AF_INET ? sizeof in : sizeof in6;
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, addr, len) != 0 || getsockname(fd, addr, &len) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *number = ntohs(family == AF_INET ? in.sin_port : in6.sin6_port);
    return fd;
}

void port_reserve(struct port *port)
{
    /* The port the kernel picks for IPv4 may be taken on IPv6: then the next one. */
    for (int i = 0; i < 100; i++) {
        port->number = 0;
        port->fd = bound_socket(AF_INET, &port->number);
        if (port->fd < 0)
            break;
        port->fd6 = bound_socket(AF_INET6, &port->number);
        if (port->fd6 >= 0 || errno != EADDRINUSE)
            return;
        close(port->fd);
    }
    test_fail("no free port on 127.0.0.1: %s", strerror(errno));
}

void port_release(struct port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    if (port->fd6 >= 0)
        close(port->fd6);
    port->fd = port->fd6 = -1;
}

void port_occupy(struct port *port)
{
    port_reserve(port);
    if (listen(port->fd, 1) != 0 || (port->fd6 >= 0 && listen(port->fd6, 1) != 0))
        test_fail("listen on %u: %s", port->number, strerror(errno));
}

int port_connect_to(const char *address, uint16_t number)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(number)};
    int one = 1;
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        test_fail("%s is no address", address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        test_fail("socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

int port_connect(uint16_t number)
{
    return port_connect_to("127.0.0.1", number);
}
