/*
 * notes.h - what the bridge wants to be written beside the batches, until the store's thread gets to it: which events a
 * broker refused for good, which topics are cleared, and a memo for the next start.
 */
#ifndef AGENT_CORE_NOTES_H
#define AGENT_CORE_NOTES_H

#include <pthread.h>

#include "store/store.h"

enum {
    NOTES_FORGET_MAX = 64, /* tables of which some topics may be forgotten, until the next time */
    NOTES_PARK_MAX = 64,   /* waiting to be marked */
    NOTES_REASON_MAX = 120 /* bytes kept of a reason */
};

struct notes {
    pthread_mutex_t lock; /* guards what follows */
    struct note_parked {
        uint64_t seq;
        char reason[NOTES_REASON_MAX + 1];
    } parked[NOTES_PARK_MAX];
    size_t parked_count;
    struct store_clearing clearings[NOTES_FORGET_MAX];
    size_t clearing_count;
    char memo[STORE_MEMO_MAX + 1];
    bool memo_due;
};

void notes_init(struct notes *notes);
void notes_finish(struct notes *notes);

/* Any thread. As committer_park, committer_cleared and committer_memo say. */
void notes_park(struct notes *notes, uint64_t seq, const char *reason);
void notes_clear(struct notes *notes, const char *table_id, uint64_t rev);
void notes_keep(struct notes *notes, const char *memo);

/* The store's thread: an event waits to be marked. */
bool notes_has_parked(struct notes *notes);
/* Marks the first in line, which stays there after a failure. Errors as of the store. */
STUDIO_MUST_USE enum studio_err notes_write_parked(struct notes *notes, struct store *store);
/* Forgets all that may be; after a failure they are kept: more than need be, until the table removes one again. *any:
 * there was one. */
STUDIO_MUST_USE enum studio_err notes_write_cleared(struct notes *notes, struct store *store,
                                                    bool *any);
/* A failure leaves it due, unless a newer one came meanwhile. *any: there was one. */
STUDIO_MUST_USE enum studio_err notes_write_memo(struct notes *notes, struct store *store,
                                                 bool *any);

#endif
