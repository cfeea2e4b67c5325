/* socket.h - what is kept of a socket from accepting it to its end, over all its requests: the opaque
 * data of its connection of libwebsockets. */
#ifndef AGENT_NET_SOCKET_H
#define AGENT_NET_SOCKET_H

#include <stdint.h>

#include "base/networks.h"
#include "net/floor.h"
#include "net/guests.h"

struct socket {
    struct guest guest;         /* first: until its peer has authenticated */
    struct speaker speaker;     /* likewise */
    struct socket *prev, *next; /* of all there are; the transport's */
    void *connection;
    unsigned cost_ms;             /* to those who are in, while it is a stranger, see door.c */
    uint64_t bytes;               /* read when the last request was complete */
    unsigned round;               /* see recheck.h */
    bool known;                   /* its peer has authenticated */
    bool here;                    /* it comes from this machine, and for nobody else */
    bool local;                   /* it stands in the file system */
    bool proxy;                   /* its peer may speak for others, by headers */
    char peer[PEER_TEXT_MAX + 1]; /* its address, or whom a proxy named */
};

#endif
