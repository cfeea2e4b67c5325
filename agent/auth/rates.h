/*
 * rates.h - how often each user comes: one bucket for each name, whatever connections it has. A bucket
 * outlives them, so a fresh connection brings no fresh burst. Net thread only.
 */
#ifndef AGENT_AUTH_RATES_H
#define AGENT_AUTH_RATES_H

#include <stddef.h>

#include "auth/bucket.h"

struct rates;
struct rate;

/* Remembers `idle` names that nobody holds; then the one that was left first is forgotten. NULL: out of
 * memory. */
struct rates *rates_create(size_t idle);
/* Nobody holds one any more. NULL does nothing. */
void rates_destroy(struct rates *rates);

/* Holds the one of a name. NULL: no memory to remember it, it is not limited. */
struct rate *rates_hold(struct rates *rates, const char *name);
/* NULL does nothing. */
void rates_leave(struct rates *rates, struct rate *rate);
/* NULL of NULL. */
struct bucket *rate_bucket(struct rate *rate);

#endif
