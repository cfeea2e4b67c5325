/*
 * committer.h - the store's thread: one batch at a time from the net thread, housekeeping between.
 *
 * While a batch is being committed the net thread fills the next one, so a sync is shared by all
 * that arrived during the one before.
 */
#ifndef AGENT_CORE_COMMITTER_H
#define AGENT_CORE_COMMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "store/store.h"

struct committer;
struct figures;

/* Starts the thread, which owns `store` until committer_stop, and tells in store_writable whether the
 * last write succeeded: while it did not, a probe is tried every second. `wake(ctx)` is called on it
 * whenever there is something for the net thread. NULL: no memory or no thread. */
struct committer *committer_create(struct store *store, const struct clock *clock,
                                   struct figures *figures, void (*wake)(void *ctx), void *ctx);
/* Finishes the batch under way, writes the watermark unless the disk is slow, ends the thread. Net
 * thread. */
void committer_stop(struct committer *committer);
/* Stops it if need be. NULL does nothing. */
void committer_destroy(struct committer *committer);

/* Net thread: no batch is under way and none waits to be taken. */
bool committer_idle(const struct committer *committer);
/* Net thread, only when idle: the items must live until committer_take returned true. n > 0. */
void committer_submit(struct committer *committer, struct store_item *items, size_t n);
/* Net thread: true once after each submit, when the batch is done; *err as of store_commit. */
bool committer_take(struct committer *committer, enum studio_err *err);

/* Any thread: every event <= seq is acknowledged; written within 200 ms, with a batch or alone. */
void committer_acked(struct committer *committer, uint64_t seq);
uint64_t committer_get_acked(const struct committer *committer);
/* Bridge thread: this event was refused for good; marked so soon. When 64 marks already wait (the
 * store cannot write) it is only logged: the event itself is kept either way. */
void committer_park(struct committer *committer, uint64_t seq, const char *reason);
/* Bridge thread: what the table removed up to this rev is cleared (store_forget_cleared); written within
 * 200 ms. Beyond 64 tables in that time it is ignored: the table's next one says it, too. */
void committer_cleared(struct committer *committer, const char *table_id, uint64_t rev);
/* Bridge thread: kept for the next start (store_put_memo), soon; a newer one takes its place. */
void committer_memo(struct committer *committer, const char *text);

/* Any thread but the net thread: has the store's thread call fn between two batches, and waits for that; one
 * caller at a time. False: that thread has ended, and fn was not called. */
typedef void committer_errand_fn(struct store *store, void *ctx);
STUDIO_MUST_USE bool committer_errand(struct committer *committer, committer_errand_fn *fn,
                                      void *ctx);

/* Any thread: when its own last went round, by the clock: while it is at one thing that stands still. */
int64_t committer_turned(const struct committer *committer);
/* Any thread: the connection to the database was lost before the answer to the batch under way came. Until it is back
 * and it is known what became of it, nobody is answered, and what comes meanwhile is refused by the core. */
bool committer_in_doubt(const struct committer *committer);
/* Any thread: the store is ours for sure (store_owned). */
bool committer_owned(const struct committer *committer);
/* Any thread: who has waited for the store longest, as of a second or two ago; "": nobody. */
void committer_standby(struct committer *committer, char name[STORE_OWNER_MAX + 1]);
/* Any thread: an error after which nothing more is written: a failed sync, or the store is another process's. */
bool committer_failed(const struct committer *committer);

#endif
