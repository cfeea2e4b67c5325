/* access.c - who may come and where: what owner and standby have in common, made once. */
#include "inside.h"

#include <stdlib.h>

#include "api/guard.h"
#include "auth/last_used.h"
#include "net/openfiles.h"

enum { RATES_IDLE = 16384 /* users whose rate is remembered while they are away */ };

static enum studio_err open_sockets(struct studio_agent *agent, struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;
    struct listen_list listen;

    (void)listen_parse(config->listen, config->tls_cert != NULL, &listen); /* it was checked */
    return listeners_open(&listen, config->handed, &agent->listeners, error);
}

enum studio_err access_open(struct studio_agent *agent, struct tokens **tokens,
                            struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;
    struct admission_options admission = {
        .clock = agent->clock,
        .connections = agent->connections = openfiles_fit((size_t)config->connections),
        .connections_per_id = (size_t)config->connections_per_id,
        .failures_per_minute = (unsigned)config->auth_failures_per_minute,
        .wake = agent_wake,
        .ctx = agent,
    };
    enum studio_err err = renewal_create(config, agent->clock, &agent->figures, agent_wake, agent,
                                         &agent->renewal, error);

    if (err != STUDIO_OK)
        return err;
    admission.used = agent->used = last_used_create(config->data);
    agent->admission = agent->used ? admission_create(&admission, *tokens) : NULL;
    if (!agent->admission)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    last_used_change(agent->used, *tokens);
    *tokens = NULL;
    reload_init(&agent->reload, agent->admission, &agent->api.metrics, agent->used,
                agent->tokens_file, agent_wake, agent);
    agent->rates = rates_create(RATES_IDLE);
    if (!agent->rates)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    err = guard_init(&agent->api.metrics, config, error);
    return err == STUDIO_OK ? open_sockets(agent, error) : err;
}

void access_close(struct studio_agent *agent)
{
    listeners_close(&agent->listeners);
    if (agent->admission)
        reload_finish(&agent->reload);
    guard_finish(&agent->api.metrics);
    last_used_destroy(agent->used);
    admission_destroy(agent->admission);
    rates_destroy(agent->rates);
    free(agent->tokens_file);
}
