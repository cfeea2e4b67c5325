/* claim.c - the store is opened: at once, or, where it is in a database, by a thread that waits for it. */
#include "inside.h"

#include <unistd.h>

#include "base/faulty.h"

static void name_host(struct studio_agent *agent)
{
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    name_make_client(host, agent->host_name);
}

static struct store_options store_options(struct studio_agent *agent)
{
    const struct studio_agent_config *config = &agent->config;

    return (struct store_options){
        .dir = config->data,
        .url = config->store_url,
        .agent_id = config->agent_id,
        .host_name = agent->host_name,
        .retention_events = (uint64_t)config->retention_events,
        .retention_days = (unsigned)config->retention_days,
        .max_bytes = (uint64_t)config->max_bytes,
        .mirror = config->broker != NULL,
        .patient = config->standby,
        .unsafe_no_sync = faulty("no-sync"),
    };
}

enum studio_err claim_take(struct studio_agent *agent, struct studio_error *error)
{
    const enum studio_err err = waiting_take(agent->waiting, &agent->store, error);

    waiting_stop(agent->waiting);
    agent->waiting = NULL;
    return err;
}

static enum studio_err begin_waiting(struct studio_agent *agent,
                                     const struct store_options *options, int64_t after_ms,
                                     struct studio_error *error)
{
    agent->waiting = waiting_start(options, after_ms, agent_wake, agent);
    return agent->waiting ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

enum studio_err claim_store(struct studio_agent *agent, struct studio_error *error)
{
    name_host(agent);
    const struct store_options options = store_options(agent);
    if (!options.url)
        return store_open(&options, &agent->store, error);
    const enum studio_err err = begin_waiting(agent, &options, 0, error);
    if (err != STUDIO_OK)
        return err;
    if (waiting_look(agent->waiting, agent->owner) == WAITING_OVER)
        return claim_take(agent, error);
    return STUDIO_OK;
}

enum studio_err claim_again(struct studio_agent *agent, int64_t after_ms,
                            struct studio_error *error)
{
    struct store_options options = store_options(agent);

    options.patient = options.former = true;
    return begin_waiting(agent, &options, after_ms, error);
}
