/*
 * link_race.h - a name may have several addresses, some of which nobody answers at: all are tried, a
 * quarter of a second apart, and the first that answers is taken (RFC 8305, "happy eyeballs"). In the
 * process of a connection; it knows no library.
 */
#ifndef BRIDGE_LINK_RACE_H
#define BRIDGE_LINK_RACE_H

#include <netdb.h>
#include <stddef.h>

enum {
    RACE_STEP_MS = 250, /* after one was started, unless all before have failed */
    RACE_MAX = 16       /* addresses; more are left out */
};

/* The order to try them in: as the resolver has sorted them, but the families take turns, beginning
 * with that of the first. Returns how many. */
size_t race_order(const struct addrinfo *list, const struct addrinfo *order[RACE_MAX]);
/* Connects. The socket (non-blocking) of the first that is connected; -1: none within `ms`, errno is
 * why the last one failed, ETIMEDOUT if one did not answer at all. */
int race_run(const struct addrinfo *const *order, size_t count, int ms);

#endif
