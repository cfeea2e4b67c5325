/*
 * backup.h - `studio-agent backup` while the agent runs: the store is copied by the store's thread, a few
 * pages between two batches, on the word of a thread of its own, which sees to it that updates are not
 * slowed and tells how far it is.
 *
 * To whoever asked goes a line `at COPIED TOTAL` (pages) a few times a second, then `ok EPOCH SEQ` and the end, or
 * `error TEXT` and the end. Who hangs up ends the copy.
 */
#ifndef AGENT_BACKUP_H
#define AGENT_BACKUP_H

#include "core/committer.h"

struct backup;

/* NULL: no memory. */
struct backup *backup_create(struct committer *committer);
/* Begins a copy into `file`, which was opened for reading and writing by who asks, over `caller`. True: both
 * descriptors are its own now. False: `why` says why not. The control thread. */
bool backup_begin(struct backup *backup, int caller, int file, const char **why);
/* Ends a copy that is being made and frees. Before the committer is destroyed; no backup_begin comes
 * meanwhile. NULL does nothing. */
void backup_destroy(struct backup *backup);

#endif
