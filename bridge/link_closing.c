/*
 * link_closing.c - the library tells a loss without a cause, and has closed the socket by then. So the
 * linker puts a function of ours in the place of its Socket_close (CMakeLists.txt), which asks the
 * kernel first: after a FIN the socket is in CLOSE_WAIT, after a reset in CLOSE. A connection that
 * nothing answers any more ends in CLOSE, too, but with retransmissions outstanding; when the library
 * gives up (no PINGRESP) it is still ESTABLISHED.
 */
#include "link_closing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int __wrap_Socket_close(int socket);
int __real_Socket_close(int socket);

static bool by_peer;

static bool ended_by_peer(int socket)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    if (info.tcpi_state == TCP_CLOSE)
        return info.tcpi_retransmits == 0;
    return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
           info.tcpi_state == TCP_CLOSING;
}

int __wrap_Socket_close(int socket)
{
    by_peer = ended_by_peer(socket);
    return __real_Socket_close(socket);
}

bool closing_by_peer(void)
{
    return by_peer;
}
