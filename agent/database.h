/* database.h - what is to be said of the database that the store is in, at a start and by the commands. */
#ifndef AGENT_DATABASE_H
#define AGENT_DATABASE_H

#include "config/settings.h"
#include "store/store.h"

/* Asks the database of `config`, which has one, and tells each doubt about what an answer is worth there. With several
 * hosts in its address, or a standby of the agent, two machines are asked for. STORE_UNUSABLE: it does not answer. */
STUDIO_MUST_USE enum studio_err database_look(const struct studio_agent_config *config,
                                              struct store_survey *survey, survey_doubt_fn *tell,
                                              void *ctx, struct studio_error *error);

/* The same into the log, as a store found it at its start. */
void database_warn(const struct studio_agent_config *config, const struct store *store);

#endif
