/* tally.h - how often something happened under each name within the last minute or so, for a bounded
 * number of names: the one that was quiet for longest is forgotten first. One thread at a time. */
#ifndef AGENT_AUTH_TALLY_H
#define AGENT_AUTH_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally;

/* `window_ms` after a name's first time its count begins anew. NULL: out of memory. */
struct tally *tally_create(size_t names, int64_t window_ms);
/* NULL does nothing. */
void tally_destroy(struct tally *tally);
/* Counts; returns how often it is now. Without memory for a new name: 1. */
unsigned tally_add(struct tally *tally, const char *name, int64_t now_ms);
unsigned tally_count(struct tally *tally, const char *name, int64_t now_ms);

#endif
