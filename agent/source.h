/*
 * source.h - the agent as the bridge sees it: events from the store, the way in for commands. Its
 * functions run on the bridge's threads.
 */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "bridge/bridge.h"
#include "core/committer.h"
#include "inbox.h"

struct source {
    struct store_reader *reader; /* the bridge thread's own */
    struct committer *committer;
    struct inbox *inbox;
    struct figures *figures;
};

/* The functions of `source` for the bridge; the source must outlive it. */
struct bridge_source source_ops(struct source *source);

#endif
