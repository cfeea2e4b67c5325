/*
 * link_race.h - a name may have several addresses, some of which nobody answers at: all are tried, a
 * quarter of a second apart, and the first that answers is taken (RFC 8305, "happy eyeballs"). In the
 * process of a connection; it knows no library.
 */
#ifndef BRIDGE_LINK_RACE_H
#define BRIDGE_LINK_RACE_H

#include <netdb.h>
#include <stddef.h>

#include "link.h"

enum {
    RACE_STEP_MS = 250, /* after one was started, unless all before have failed */
    RACE_MAX = 16       /* addresses; more are left out */
};

/* The order to try them in: as the resolver has sorted them, but the families take turns, beginning
 * with that of the first; behind them those of `last` (numbers, by comma; NULL: none), as it has them.
 * Returns how many; *late of them are of `last`. */
size_t race_order(const struct addrinfo *list, const char *last,
                  const struct addrinfo *order[RACE_MAX], size_t *late);
/* Its address in numbers, "" if it has none. */
void race_numbers(const struct addrinfo *info, char out[LINK_ADDRESS_MAX]);
/* Connects. The socket (non-blocking) of the first that is connected, which is *winner; -1: none within
 * `ms`, errno is why the last one failed, ETIMEDOUT if one did not answer at all. */
int race_run(const struct addrinfo *const *order, size_t count, int ms,
             const struct addrinfo **winner);

#endif
