/* inside.h - the agent as its own files see it (agent.c, build.c, serving.c); nobody else includes it. */
#ifndef AGENT_INSIDE_H
#define AGENT_INSIDE_H

#include <stdatomic.h>

#include "api/api.h"
#include "backup.h"
#include "base/figures.h"
#include "base/log.h"
#include "control.h"
#include "core/lookup.h"
#include "inquiry.h"
#include "net/lws.h"
#include "reload.h"
#include "renewal.h"
#include "report.h"
#include "source.h"

struct studio_agent {
    const struct clock *clock;
    struct studio_values lists;
    struct log log;
    struct store *store;
    struct store_info info; /* as it was opened */
    struct committer *committer;
    struct store_reader *lookup_reader, *bridge_reader;
    struct lookup *lookup;
    struct core *core;
    struct last_used *used;
    struct admission *admission;
    struct rates *rates;
    struct session_env sessions;
    struct api api;
    struct exchange_env exchanges;
    struct inbox *inbox;
    struct figures figures;
    struct source source;
    struct bridge *bridge;
    _Atomic(struct server *) server; /* for wakes from other threads; NULL before and after */
    char *tokens_file;
    atomic_bool stop_asked;
    struct reload reload;
    struct inquiry inquiry;
    struct renewal *renewal; /* of the certificate */
    struct backup *backup;
    struct report report;
    struct control *control; /* NULL: the directory has no place for a socket */
    int64_t stop_until_ms;
    int exit_code;
};

/* Builds the parts in order. What it leaves behind on an error studio_agent_destroy frees. Errors as of
 * studio_agent_create. */
STUDIO_MUST_USE enum studio_err agent_build(struct studio_agent *agent,
                                            const struct studio_agent_config *config,
                                            struct studio_error *error);

/* Wakes the net thread, from any other; `ctx` is the agent, as in what follows. */
void agent_wake(void *ctx);
/* The net thread's loop calls these, see loop.h. */
struct loop_hooks agent_hooks(struct studio_agent *agent);

#endif
