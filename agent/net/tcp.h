/* tcp.h - what the kernel knows of a connection's socket. A descriptor that is none is no error. */
#ifndef AGENT_NET_TCP_H
#define AGENT_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/networks.h"

/* The address of the peer (see address_tidy); empty if it has none any more. */
void tcp_peer(int fd, char out[PEER_TEXT_MAX + 1]);
/* It is a socket in the file system. */
bool tcp_is_local(int fd);
/* Since bytes last came; -1: not known. */
int64_t tcp_quiet_ms(int fd);
/* Bytes or an end wait to be read. */
bool tcp_unread(int fd);
/* Its peer has gone; `both`: or will say no more. */
bool tcp_is_over(int fd, bool both);
/* How many bytes have been read of all that came; 0: not known. */
uint64_t tcp_bytes_read(int fd);

#endif
