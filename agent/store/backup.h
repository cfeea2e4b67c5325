/*
 * backup.h - a copy of the whole store in a file, made while commits go on.
 *
 * It is made by the writing connection itself, some pages at a time: what is committed meanwhile is put
 * into the pages that are copied already, so the copy is the store as it is at the last step, nothing is copied
 * twice, and no reader keeps the log from being begun anew. A file that was not copied to the end is worthless, although
 * it may begin like a store: its name should say so until then.
 */
#ifndef AGENT_STORE_BACKUP_H
#define AGENT_STORE_BACKUP_H

#include "store/store.h"

struct store_backup;

/* How far it has come; pages of STORE_BACKUP_PAGE bytes. */
enum { STORE_BACKUP_PAGE = 4096, STORE_BACKUP_STEP = 32 /* pages of a step, at the least */ };
struct store_backup_state {
    uint64_t copied, total;
    bool done;
    char epoch[STORE_EPOCH_LEN + 1]; /* done: what the copy is */
    uint64_t last_seq;
};

/* Begins a copy into the empty file `fd`, open for reading and writing, which stays the caller's and open. The
 * store's thread, as the two below. Errors: IO (no room, as far as that can be known), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err store_backup_begin(struct store *store, int fd,
                                                   struct store_backup **out,
                                                   struct studio_error *error);
/* Copies some pages more, and as many as the store has grown by. When it is done the file is whole, but not synced. Errors: IO. */
STUDIO_MUST_USE enum studio_err store_backup_step(struct store_backup *backup,
                                                  struct store_backup_state *state,
                                                  struct studio_error *error);
/* Also between two steps, but before the store is closed. NULL does nothing. */
void store_backup_end(struct store_backup *backup);

/* The same of a store that no agent runs on, at once. `tell` (may be NULL) hears how far it is. Errors also:
 * STORE_UNUSABLE, as of the commands of tools.h. */
STUDIO_MUST_USE enum studio_err store_backup_all(const char *dir, int fd,
                                                 void (*tell)(uint64_t copied, uint64_t total),
                                                 struct store_backup_state *state,
                                                 struct studio_error *error);

#endif
