/*
 * tools.h - what a store in a directory knows, without starting on it. It takes the lock, so it does not run beside an
 * agent, and does not count as a start.
 */
#ifndef AGENT_STORE_TOOLS_H
#define AGENT_STORE_TOOLS_H

#include "store/store.h"

/* What a store knows, and how large it is; *none: there is no store, and that is no error. `error` (never NULL) gets one
 * clear sentence. Errors: STORE_UNUSABLE (in use, damaged, no permission), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err store_look(const char *dir, struct store_info *info,
                                           uint64_t *bytes, bool *none, struct studio_error *error);

#endif
