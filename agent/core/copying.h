/*
 * copying.h - the thread that copies the store's log into its database while batches are committed.
 */
#ifndef AGENT_CORE_COPYING_H
#define AGENT_CORE_COPYING_H

#include "store/store.h"

struct copying;

/* Starts the thread, for a store that has a log. NULL: no memory, no thread, or the store cannot be opened once more (logged). */
struct copying *copying_create(struct store *store);
/* Ends it behind its step under way. NULL does nothing. */
void copying_destroy(struct copying *copying);

/* The store's thread, after a commit: wakes it when there is enough to do. */
void copying_wake(struct copying *copying);

#endif
