/*
 * waiting.h - the store of an agent that may be another process's: a thread of its own opens it, and waits for it as
 * long as it takes.
 */
#ifndef AGENT_WAITING_H
#define AGENT_WAITING_H

#include "store/store.h"

struct waiting;

/* Starts the thread, which looks for the first time after so long; all that `options` names outlives it, `held` is set
 * here. `wake(ctx)` is called on it when something has changed. NULL: no memory or no thread. */
struct waiting *waiting_start(const struct store_options *options, int64_t after_ms,
                              void (*wake)(void *ctx), void *ctx);
/* Ends it, and closes a store that nobody has taken. Where a database does not answer that takes some seconds. NULL
 * does nothing. */
void waiting_stop(struct waiting *waiting);

enum waiting_state {
    WAITING_LOOKS, /* for the first time */
    WAITING_HELD,  /* somebody else has it, or nobody knows */
    WAITING_OVER   /* waiting_take */
};
/* Any thread: how it is, and who has it: "" where nobody knows. */
enum waiting_state waiting_state(struct waiting *waiting, char owner[STORE_OWNER_MAX + 1]);
/* The same once it has looked. */
enum waiting_state waiting_look(struct waiting *waiting, char owner[STORE_OWNER_MAX + 1]);
/* Once it is over: *store is the caller's. Errors as of store_open. */
STUDIO_MUST_USE enum studio_err waiting_take(struct waiting *waiting, struct store **store,
                                             struct studio_error *error);

#endif
