/*
 * handed.h - listening sockets that were handed over instead of being opened here: they stay open while the agent
 * is not there, so who comes meanwhile waits in the kernel's line and is not refused.
 */
#ifndef AGENT_NET_HANDED_H
#define AGENT_NET_HANDED_H

#include "base/buf.h"
#include "config/listen.h"

struct handed {
    int fds[LISTEN_MAX]; /* in the order of the addresses in websocket.listen */
    size_t count;        /* 0: none was, they are to be opened */
};

/* `count` descriptors from `first` on, with their names between colons. Appends where they listen to `listen`, for
 * websocket.listen: the one called `tls` as wss://, `plain` as ws://, others without a scheme. Errors: USAGE (too
 * many, one that does not listen at a port or a path, or a path called `tls`). */
STUDIO_MUST_USE enum studio_err handed_take(struct handed *handed, int first, long long count,
                                            const char *names, struct buf *listen,
                                            struct studio_error *error);

#endif
