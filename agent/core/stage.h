/*
 * stage.h - from a decoded message to an item of the open batch. All checks that need the table or
 * the other staged updates are here; numbers that only the store hands out are not.
 */
#ifndef AGENT_CORE_STAGE_H
#define AGENT_CORE_STAGE_H

#include "core/item.h"

struct core;

/* So many events wait for a broker that nothing more is taken. */
bool stage_backlog_full(const struct core *core);

/* A new table, with an item of its own. Errors: LIMIT, STORAGE (the backlog is full), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err stage_create(struct core *core, struct actor *actor, const char *id,
                                             struct table **out);

/* The message of the item, which its actor is allowed. On success the item is taken over: it is in
 * the batch, or answered already. On an error nothing has changed and it is the caller's. */
STUDIO_MUST_USE enum studio_err stage_update(struct core *core, struct item *item,
                                             struct studio_error *error);
STUDIO_MUST_USE enum studio_err stage_exception(struct core *core, struct item *item,
                                                struct studio_error *error);
STUDIO_MUST_USE enum studio_err stage_remove(struct core *core, struct item *item,
                                             struct studio_error *error);

#endif
