/*
 * source.h - the agent as the bridge sees it: events from the store, the way in for commands. Its
 * functions run on the bridge's threads.
 */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "bridge/bridge.h"
#include "config/settings.h"
#include "core/committer.h"
#include "inbox.h"

enum { SOURCE_LIMITS_MAX = 256 };

struct source {
    const struct clock *clock;
    struct store_reader *reader; /* the bridge thread's own */
    struct committer *committer;
    struct inbox *inbox;
    struct bridge *bridge; /* made on this source, before it starts */
    struct figures *figures;
    const struct store_info *store; /* as it was opened */
    const struct studio_values *lists;
    bool shared;                    /* the store, with other agents */
    char limits[SOURCE_LIMITS_MAX]; /* of source_limits */
};

/* Prints the limits of a configuration, a member of `info`. */
void source_limits(const struct studio_agent_config *config, char out[SOURCE_LIMITS_MAX]);
/* The functions of `source` for the bridge; the source must outlive it. */
struct bridge_source source_ops(struct source *source);
/* What the bridge is told by a configuration alone; strings are the configuration's. */
struct bridge_config source_settings(const struct studio_agent_config *config);
/* The bridge that the configuration asks for, on this source. Errors as of bridge_create. */
STUDIO_MUST_USE enum studio_err source_open_bridge(struct source *source,
                                                   const struct studio_agent_config *config,
                                                   struct bridge **out, struct studio_error *error);

#endif
