/* forwarded.h - for whom a proxy speaks, by the headers it adds. Pure; any thread. */
#ifndef AGENT_NET_FORWARDED_H
#define AGENT_NET_FORWARDED_H

#include "base/networks.h"

/*
 * The address of the client: the last that is not of a trusted proxy. What stands before it may be the client's
 * own words; so where all are trusted, the last counts, which the proxy has seen. False: nobody can be
 * told; `out` is left alone.
 */
/* Of X-Forwarded-For: `1.1.1.1, 10.0.0.2:567`. */
bool forwarded_list(const struct networks *trusted, const char *header,
                    char out[PEER_TEXT_MAX + 1]);
/* Of Forwarded (RFC 7239): `for=1.1.1.1;host="x", for="[::1]:567"`. */
bool forwarded_pairs(const struct networks *trusted, const char *header,
                     char out[PEER_TEXT_MAX + 1]);

#endif
