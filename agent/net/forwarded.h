/* forwarded.h - for whom a proxy speaks, by the headers it adds. Pure; any thread. */
#ifndef AGENT_NET_FORWARDED_H
#define AGENT_NET_FORWARDED_H

#include "base/networks.h"

/*
 * The address of the client: the last of `header` (X-Forwarded-For, or Forwarded: its `for=`) that is
 * not of a trusted proxy. False: the header names none; `out` is left alone.
 */
bool forwarded_for(const struct networks *trusted, const char *header, char out[PEER_TEXT_MAX + 1]);

#endif
