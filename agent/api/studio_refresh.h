/*
 * studio_refresh.h - keeps the cache of all agents (studio_cache.h) fresh while somebody asks: however many do, it is
 * read from the store once a second, in short steps on the reader's thread, and of an agent only when it has written
 * since. Net thread.
 */
#ifndef AGENT_API_STUDIO_REFRESH_H
#define AGENT_API_STUDIO_REFRESH_H

#include "api/studio_cache.h"
#include "base/clock.h"
#include "studio/error.h"

struct lookup;
struct studio_refresh;

enum {
    STUDIO_FRESH_MS = 1000, /* so long after it was begun to be read the cache is an answer */
    STUDIO_IDLE_MS = 60000  /* so long after it was asked for it is kept */
};

/* `done` is called when it has been read, or could not be. NULL: no memory. */
struct studio_refresh *studio_refresh_create(struct lookup *lookup, const struct clock *clock,
                                             void (*done)(void *ctx, enum studio_err err),
                                             void *ctx);
/* After the lookup's end. NULL does nothing. */
void studio_refresh_destroy(struct studio_refresh *refresh);

enum studio_fresh {
    STUDIO_FRESH, /* the cache is */
    STUDIO_SOON,  /* `done` will be called */
    STUDIO_STALE  /* it could not be read a moment ago */
};
enum studio_fresh studio_refresh_ask(struct studio_refresh *refresh);
/* After STUDIO_FRESH or `done` with OK. */
const struct studio_cache *studio_refresh_cache(const struct studio_refresh *refresh);
/* Gives the cache up when nobody asks. */
void studio_refresh_tick(struct studio_refresh *refresh);

#endif
