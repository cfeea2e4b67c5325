/*
 * tools.h - looking into a store in a directory: check, and what it knows (section 7). What is in a database its own
 * tools look after.
 *
 * Each takes the lock, so none runs beside an agent, and none counts as a start. store_check can do so
 * in a copy of an agent's store: `copy` is the file that backup.h made, -1 without. `error` (never
 * NULL) gets one clear sentence. Errors of all: STORE_UNUSABLE (no store, in use, damaged, no
 * permission), NO_MEMORY; of what goes to a FILE also IO.
 */
#ifndef AGENT_STORE_TOOLS_H
#define AGENT_STORE_TOOLS_H

#include <stdio.h>

#include "store/store.h"

/*
 * Checks the whole store and changes nothing in it: the file's structure, events without a hole,
 * revisions without a jump, every event and document JSON that agrees with its row. Prints a line
 * for each fault and one at the end to `out`. STUDIO_OK: no fault.
 */
STUDIO_MUST_USE enum studio_err store_check(const char *dir, int copy, FILE *out,
                                            struct studio_error *error);

/* What a store knows, and how large it is; *none: there is no store, and that is no error. */
STUDIO_MUST_USE enum studio_err store_look(const char *dir, struct store_info *info,
                                           uint64_t *bytes, bool *none, struct studio_error *error);

#endif
