/*
 * listener.h - the sockets on which the agent listens: ports of one or two addresses each, sockets in the
 * file system. Knows no library. One thread at a time.
 */
#ifndef AGENT_NET_LISTENER_H
#define AGENT_NET_LISTENER_H

#include "config/listen.h"
#include "net/address.h"
#include "net/handed.h"

enum {
    LISTENERS_MAX = LISTEN_MAX * ADDRESS_COUNT_MAX,
    LISTENER_NAME_MAX = ADDRESS_HOST_MAX + sizeof("wss://[]:65535")
};

struct listener {
    int fd; /* -1: none */
    bool tls;
    bool handed;   /* it outlives this process: who is not taken any more waits for the next */
    void *watched; /* the server's */
};

struct listeners {
    struct listener list[LISTENERS_MAX];
    size_t count;
    uint16_t port;                             /* of the first that has one; 0: none has */
    char names[LISTEN_MAX][LISTENER_NAME_MAX]; /* `wss://HOST:PORT`, as they are */
    size_t name_count;
    char paths[LISTEN_MAX][LISTEN_PATH_MAX + 1]; /* of the file system, to be removed */
    size_t path_count;
};

/* Opens all, or takes those that were handed over for it (NULL: none were); after an error none is open. Errors:
 * ADDRESS with who to ask. */
STUDIO_MUST_USE enum studio_err listeners_open(const struct listen_list *where,
                                               const struct handed *handed, struct listeners *out,
                                               struct studio_error *error);
/* Closes what is open. Zeroed memory has none. */
void listeners_close(struct listeners *listeners);

enum listener_accepted {
    LISTENER_SOCKET, /* *fd is the caller's */
    LISTENER_EMPTY,  /* nobody waits */
    LISTENER_FAILED  /* somebody waits, and cannot be taken: errno says why */
};
enum listener_accepted listener_accept(const struct listener *listener, int *fd);

#endif
