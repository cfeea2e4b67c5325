/* build.c - the parts of an agent put together, each on those before it, and taken apart. */
#include "inside.h"

#include "about.h"
#include "api/history.h"
#include "api/stream.h"
#include "api/studio.h"
#include "auth/digest.h"
#include "auth/tokens.h"
#include "config/config.h"
#include "database.h"
#include "restore.h"

static enum studio_err open_readers(struct studio_agent *agent, struct studio_error *error)
{
    agent->info = *store_info(agent->store); /* later it is the store thread's */
    enum studio_err err = store_reader_open(agent->store, &agent->lookup_reader, error);
    if (err == STUDIO_OK)
        err = store_reader_open(agent->store, &agent->bridge_reader, error);
    return err;
}

static enum studio_err open_core(struct studio_agent *agent, struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;

    agent->lookup = lookup_create(agent->lookup_reader, agent_wake, agent);
    if (!agent->lookup)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    struct core_options options = {
        .clock = agent->clock,
        .lists = &agent->lists,
        .figures = &agent->figures,
        .lookup = agent->lookup,
        .last_seq = agent->info.last_seq,
        .mirror = config->broker != NULL,
        .max_backlog = (uint64_t)config->max_backlog,
        .max_tables = (size_t)config->tables,
        .rate = config->updates_per_second,
        .burst = config->updates_burst,
        .create_tables = config->create_tables,
        .shared_root = config->shared_root,
    };
    enum studio_err err;

    agent->core = core_create(&options);
    if (!agent->core)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    err = restore_tables(agent->store, agent->core, error);
    if (err != STUDIO_OK)
        return err;
    agent->committer =
        committer_create(agent->store, agent->clock, &agent->figures, agent_wake, agent);
    agent->inbox = inbox_create(agent->core, &options, agent_wake, agent);
    agent->backup = agent->committer ? backup_create(agent->committer) : NULL;
    if (!agent->backup || !agent->inbox)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    core_set_committer(agent->core, agent->committer);
    return STUDIO_OK;
}

static enum studio_err open_bridge(struct studio_agent *agent, struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;

    agent->source = (struct source){
        .clock = agent->clock,
        .reader = agent->bridge_reader,
        .committer = agent->committer,
        .inbox = agent->inbox,
        .figures = &agent->figures,
        .store = &agent->info,
        .lists = &agent->lists,
        .shared = store_is_shared(agent->store),
    };
    source_limits(config, agent->source.limits);
    if (!config->broker) {
        log_info("agent", "no broker configured: a status server only (--broker mqtt://HOST adds "
                          "the mirror)");
        return STUDIO_OK;
    }
    return source_open_bridge(&agent->source, config, &agent->bridge, error);
}

/* What a WebSocket client is told. */
static const char *session_closed(void *ctx)
{
    const char *owner;

    return agent_closed(ctx, &owner);
}

/* --- the server ------------------------------------------------------------------------------ */

static enum studio_err set_sessions(struct studio_agent *agent, struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;

    agent->sessions = (struct session_env){
        .clock = agent->clock,
        .core = agent->core,
        .closed = session_closed,
        .closed_ctx = agent,
        .logins = {.figures = &agent->figures},
        .admission = agent->admission,
        .rates = agent->rates,
        .auth_timeout_ms = config->auth_timeout_s * 1000,
        .ping_after_ms = config->ping_after_s * 1000,
        .ping_grace_ms = config->ping_grace_s * 1000,
        .write_timeout_ms = config->write_timeout_s * 1000,
        .certificate_user = (enum certificate_user)config->certificate_user,
    };
    const char *wrong = networks_parse(config->trusted_proxies, &agent->sessions.proxies);
    if (wrong)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": websocket.trusted_proxies: %s", wrong);
    wrong = origins_parse(config->origins, &agent->sessions.origins);
    if (wrong)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": websocket.origins: %s", wrong);
    /* What a browser shows by itself counts for nobody's page but ours. */
    agent->sessions.origins.tls_only = config->certificate_user != CERTIFICATE_USER_NONE;
    return STUDIO_OK;
}

/* But for the metrics, which are access.c's. */
static enum studio_err set_api(struct studio_agent *agent, struct studio_error *error)
{
    struct api *api = &agent->api;

    api->clock = agent->clock;
    api->core = agent->core;
    api->closed = agent_closed;
    api->closed_ctx = agent;
    api->figures = &agent->figures;
    api->admission = agent->admission;
    api->logins = &agent->sessions.logins;
    api->rates = agent->rates;
    api->rate = agent->config.updates_per_second;
    api->burst = agent->config.updates_burst;
    api->lookup = agent->lookup;
    api->epoch = agent->info.epoch;
    api->describe = about_print;
    api->describe_ctx = &agent->source;
    if (agent->core && !(api->streams = streams_create(api)))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (agent->core && store_is_shared(agent->store) && !(api->studio = studio_create(api)))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    agent->exchanges = (struct exchange_env){
        .clock = agent->clock,
        .respond = api_respond,
        .ctx = api,
        .proxies = &agent->sessions.proxies,
        .origins = &agent->sessions.origins,
        .certificate_user = agent->sessions.certificate_user,
        .logins = &agent->sessions.logins,
        .figures = &agent->figures,
        .write_timeout_ms = agent->config.write_timeout_s * 1000,
    };
    return STUDIO_OK;
}

static enum studio_err build_server(struct studio_agent *agent, const struct loop_hooks *hooks,
                                    struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;
    const struct server_options options = {
        .listeners = &agent->listeners,
        .certificate = renewal_certificate(agent->renewal),
        .event_loop = (enum event_loop)config->event_loop,
        .door = {.clock = agent->clock,
                 .proxies = &agent->sessions.proxies,
                 .proxy_protocol = config->proxy_protocol,
                 .connections = agent->connections,
                 .guests_per_site = (size_t)config->unauthenticated_per_address},
        .sessions = &agent->sessions,
        .exchanges = &agent->exchanges,
        .hooks = *hooks,
    };
    struct server *server;
    enum studio_err err = set_sessions(agent, error);

    if (err == STUDIO_OK)
        err = set_api(agent, error);
    if (err == STUDIO_OK)
        err = server_create(&options, &server, error);
    if (err != STUDIO_OK)
        return err;
    pthread_mutex_lock(&agent->waking);
    agent->server = server;
    pthread_mutex_unlock(&agent->waking);
    renewal_take(agent->renewal, server);
    agent->report = (struct report){.service = config->service, .figures = &agent->figures};
    figure_set(&agent->figures.stopping, 0);
    return STUDIO_OK;
}

/* --- the owner's ----------------------------------------------------------------------------- */

static enum studio_err build_core(struct studio_agent *agent, struct studio_error *error)
{
    enum studio_err err = open_readers(agent, error);

    if (err == STUDIO_OK)
        err = open_core(agent, error);
    return err == STUDIO_OK ? open_bridge(agent, error) : err;
}

/* Who is connected is known to be nobody: what an agent that crashed left is overwritten. */
static enum studio_err start_owner(struct studio_agent *agent, struct studio_error *error)
{
    const struct loop_hooks hooks = agent_hooks(agent);
    enum studio_err err = build_server(agent, &hooks, error);

    if (err != STUDIO_OK)
        return err;
    agent->leaving = LEAVING_NOT;
    core_set_bridge(agent->core, agent->bridge);
    if (!core_announce(agent->core))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    about_log(&agent->source);
    database_warn(&agent->config, agent->store);
    err = agent->bridge ? bridge_start(agent->bridge) : STUDIO_OK;
    if (err != STUDIO_OK)
        return studio_error_set(error, err, ": the bridge's thread cannot be started");
    pthread_mutex_lock(&agent->parts);
    agent->owns = true;
    pthread_mutex_unlock(&agent->parts);
    return STUDIO_OK;
}

enum studio_err agent_build_owner(struct studio_agent *agent, struct studio_error *error)
{
    const enum studio_err err = build_core(agent, error);

    return err == STUDIO_OK ? start_owner(agent, error) : err;
}

enum studio_err agent_build_standby(struct studio_agent *agent, struct studio_error *error)
{
    const struct loop_hooks hooks = standby_hooks(agent);

    standby_say(agent);
    return build_server(agent, &hooks, error);
}

/* --- all of it ------------------------------------------------------------------------------- */

static enum studio_err check(struct studio_agent *agent, struct studio_error *error)
{
    const struct studio_agent_config *config = &agent->config;

    if (!digest_begin())
        return studio_error_set(
            error, STUDIO_ERR_NO_MEMORY,
            ": OpenSSL cannot be made ready, no token could be told from another");
    agent->clock = clock_system();
    agent->lists = studio_built_in_values;
    figure_set(&agent->figures.mirror, config->broker != NULL);
    agent->tokens_file = config_tokens_path(config);
    if (!agent->tokens_file)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    const enum studio_err err = config_check(config, error);
    return err == STUDIO_OK ? studio_values_add(&agent->lists, config->service_values,
                                                config->device_values, error)
                            : err;
}

/* Now that the tokens are read and it is known whose the store is. */
static enum studio_err build(struct studio_agent *agent, struct tokens **tokens,
                             struct studio_error *error)
{
    enum studio_err err = agent->store ? build_core(agent, error) : STUDIO_OK;

    if (err == STUDIO_OK)
        err = access_open(agent, tokens, error);
    if (err == STUDIO_OK)
        err = agent->store ? start_owner(agent, error) : agent_build_standby(agent, error);
    if (err != STUDIO_OK)
        return err;
    about_warn(&agent->config, &agent->figures);
    return renewal_watch(agent->renewal, error);
}

enum studio_err agent_build(struct studio_agent *agent, struct studio_error *error)
{
    struct tokens *tokens = NULL;
    enum studio_err err = check(agent, error);

    if (err == STUDIO_OK)
        err = tokens_read(agent->tokens_file, TOKENS_FOR_AGENT, &tokens, error);
    if (err == STUDIO_OK)
        err = claim_store(agent, error);
    if (err == STUDIO_OK)
        err = build(agent, &tokens, error);
    if (err != STUDIO_OK)
        tokens_destroy(tokens);
    return err;
}

static void close_store(struct studio_agent *agent)
{
    store_reader_close(agent->bridge_reader);
    store_reader_close(agent->lookup_reader);
    store_close(agent->store);
    agent->bridge_reader = agent->lookup_reader = NULL;
    agent->store = NULL;
}

void agent_dismantle(struct studio_agent *agent)
{
    struct server *server;

    pthread_mutex_lock(&agent->parts);
    agent->owns = false;
    pthread_mutex_unlock(&agent->parts);
    backup_destroy(agent->backup);
    if (agent->bridge)
        bridge_stop(agent->bridge);
    lookup_destroy(agent->lookup);
    committer_destroy(agent->committer); /* no more wakes from these */
    pthread_mutex_lock(&agent->waking);
    server = agent->server;
    agent->server = NULL;
    pthread_mutex_unlock(&agent->waking);
    server_destroy(server);
    history_finish(&agent->api);
    streams_destroy(agent->api.streams);
    studio_destroy(agent->api.studio);
    core_destroy(agent->core);
    inbox_destroy(agent->inbox, agent->bridge);
    bridge_destroy(agent->bridge);
    agent->backup = NULL;
    agent->lookup = NULL;
    agent->committer = NULL;
    agent->api.streams = NULL;
    agent->api.studio = NULL;
    agent->api.core = agent->core = NULL;
    agent->inbox = NULL;
    agent->bridge = NULL;
    close_store(agent);
}
