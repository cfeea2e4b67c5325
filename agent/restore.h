/* restore.h - at the start, the tables of the store become those of the core. */
#ifndef AGENT_RESTORE_H
#define AGENT_RESTORE_H

#include "core/core.h"
#include "store/store.h"

/* While the store is still the caller's. Errors: USAGE, STORE_UNUSABLE, NO_MEMORY, see core_restore. */
STUDIO_MUST_USE enum studio_err restore_tables(struct store *store, struct core *core,
                                               struct studio_error *error);

#endif
