#include "net/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Of the kernel's net/tcp_states.h. <netinet/tcp.h> has names for them, but not beside <linux/tcp.h>. */
enum { STATE_CLOSE = 7, STATE_CLOSE_WAIT = 8 };

void tcp_peer(int fd, char out[PEER_TEXT_MAX + 1])
{
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(sa);
    const void *bytes = &((struct sockaddr_in *)&sa)->sin_addr;

    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0)
        return;
    if (sa.ss_family == AF_INET6)
        bytes = &((struct sockaddr_in6 *)&sa)->sin6_addr;
    if (inet_ntop(sa.ss_family, bytes, out, PEER_TEXT_MAX + 1))
        address_tidy(out);
}

bool tcp_is_local(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof(family);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_UNIX;
}

static bool ask(int fd, struct tcp_info *info)
{
    socklen_t len = sizeof(*info);

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

int64_t tcp_quiet_ms(int fd)
{
    struct tcp_info info = {0};

    if (!ask(fd, &info))
        return -1;
    return info.tcpi_last_data_recv;
}

bool tcp_unread(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

bool tcp_is_over(int fd, bool both)
{
    struct tcp_info info = {0};

    return ask(fd, &info) &&
           (info.tcpi_state == STATE_CLOSE || (both && info.tcpi_state == STATE_CLOSE_WAIT));
}

uint64_t tcp_bytes_read(int fd)
{
    struct tcp_info before, after = {0};
    int waiting = 0;

    do { /* until nothing came between the questions */
        before = after;
        if (ioctl(fd, SIOCINQ, &waiting) != 0 || !ask(fd, &after))
            return 0;
    } while (before.tcpi_bytes_received != after.tcpi_bytes_received);
    return after.tcpi_bytes_received - (unsigned)waiting;
}
