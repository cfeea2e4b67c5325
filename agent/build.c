/* build.c - the parts of an agent put together, each on those before it. */
#include "inside.h"

#include <unistd.h>

#include "about.h"
#include "api/guard.h"
#include "api/stream.h"
#include "api/studio.h"
#include "auth/digest.h"
#include "auth/tokens.h"
#include "base/faulty.h"
#include "base/names.h"
#include "config/config.h"
#include "net/openfiles.h"
#include "restore.h"

enum { RATES_IDLE = 16384 /* users whose rate is remembered while they are away */ };

static enum studio_err open_store(struct studio_agent *agent,
                                  const struct studio_agent_config *config,
                                  struct studio_error *error)
{
    char host[256] = "", host_name[NAME_CLIENT_MAX + 1];
    struct store_options options = {
        .dir = config->data,
        .url = config->store_url,
        .agent_id = config->agent_id,
        .host_name = host_name,
        .retention_events = (uint64_t)config->retention_events,
        .retention_days = (unsigned)config->retention_days,
        .max_bytes = (uint64_t)config->max_bytes,
        .mirror = config->broker != NULL,
        .unsafe_no_sync = faulty("no-sync"),
    };
    enum studio_err err;

    (void)gethostname(host, sizeof(host) - 1);
    name_make_client(host, host_name);
    err = store_open(&options, &agent->store, error);
    if (err == STUDIO_OK)
        agent->info = *store_info(agent->store); /* later it is the store thread's */
    if (err == STUDIO_OK)
        err = store_reader_open(agent->store, &agent->lookup_reader, error);
    if (err == STUDIO_OK)
        err = store_reader_open(agent->store, &agent->bridge_reader, error);
    return err;
}

static enum studio_err open_core(struct studio_agent *agent,
                                 const struct studio_agent_config *config,
                                 struct studio_error *error)
{
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

static enum studio_err open_bridge(struct studio_agent *agent,
                                   const struct studio_agent_config *config,
                                   struct studio_error *error)
{
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

static enum studio_err open_net(struct studio_agent *agent,
                                const struct studio_agent_config *config, struct tokens **tokens,
                                struct studio_error *error)
{
    const size_t connections = openfiles_fit((size_t)config->connections);
    struct admission_options admission = {
        .clock = agent->clock,
        .connections = connections,
        .connections_per_id = (size_t)config->connections_per_id,
        .failures_per_minute = (unsigned)config->auth_failures_per_minute,
        .wake = agent_wake,
        .ctx = agent,
    };
    struct listen_list listen;
    struct server_options options = {
        .listen = &listen,
        .handed = config->handed,
        .event_loop = (enum event_loop)config->event_loop,
        .door = {.clock = agent->clock,
                 .proxies = &agent->sessions.proxies,
                 .proxy_protocol = config->proxy_protocol,
                 .connections = connections,
                 .guests_per_site = (size_t)config->unauthenticated_per_address},
        .sessions = &agent->sessions,
        .exchanges = &agent->exchanges,
        .hooks = agent_hooks(agent),
    };
    struct server *server;
    enum studio_err err;

    (void)listen_parse(config->listen, config->tls_cert != NULL, &listen); /* it was checked */
    err = renewal_create(config, agent->clock, &agent->figures, agent_wake, agent, &agent->renewal,
                         error);
    if (err != STUDIO_OK)
        return err;
    options.certificate = renewal_certificate(agent->renewal);
    admission.used = agent->used = last_used_create(config->data);
    agent->admission = agent->used ? admission_create(&admission, *tokens) : NULL;
    if (!agent->admission)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    last_used_change(agent->used, *tokens);
    *tokens = NULL;
    reload_init(&agent->reload, agent->admission, &agent->api.metrics, agent->used,
                agent->tokens_file, agent_wake, agent);
    agent->rates = rates_create(RATES_IDLE);
    agent->sessions = (struct session_env){
        .clock = agent->clock,
        .core = agent->core,
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
    agent->api = (struct api){
        .clock = agent->clock,
        .core = agent->core,
        .figures = &agent->figures,
        .admission = agent->admission,
        .logins = &agent->sessions.logins,
        .rates = agent->rates,
        .rate = config->updates_per_second,
        .burst = config->updates_burst,
        .lookup = agent->lookup,
        .epoch = agent->info.epoch,
        .describe = about_print,
        .describe_ctx = &agent->source,
    };
    agent->api.streams = streams_create(&agent->api);
    if (store_is_shared(agent->store))
        agent->api.studio = studio_create(&agent->api);
    if (!agent->rates || !agent->api.streams ||
        (store_is_shared(agent->store) && !agent->api.studio))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    agent->exchanges = (struct exchange_env){
        .clock = agent->clock,
        .respond = api_respond,
        .ctx = &agent->api,
        .proxies = &agent->sessions.proxies,
        .origins = &agent->sessions.origins,
        .certificate_user = agent->sessions.certificate_user,
        .logins = &agent->sessions.logins,
        .figures = &agent->figures,
        .write_timeout_ms = config->write_timeout_s * 1000,
    };
    err = guard_init(&agent->api.metrics, config, error);
    if (err == STUDIO_OK)
        err = server_create(&options, &server, error);
    if (err != STUDIO_OK)
        return err;
    atomic_store(&agent->server, server);
    renewal_take(agent->renewal, server);
    core_set_bridge(agent->core, agent->bridge);
    /* Who is connected is known to be nobody: what an agent that crashed left is overwritten. */
    if (!core_announce(agent->core))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return STUDIO_OK;
}

enum studio_err agent_build(struct studio_agent *agent, const struct studio_agent_config *config,
                            struct studio_error *error)
{
    struct tokens *tokens = NULL;
    enum studio_err err;

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
    if ((err = config_check(config, error)) != STUDIO_OK ||
        (err = studio_values_add(&agent->lists, config->service_values, config->device_values,
                                 error)) != STUDIO_OK ||
        (err = tokens_read(agent->tokens_file, TOKENS_FOR_AGENT, &tokens, error)) != STUDIO_OK ||
        (err = open_store(agent, config, error)) != STUDIO_OK ||
        (err = open_core(agent, config, error)) != STUDIO_OK ||
        (err = open_bridge(agent, config, error)) != STUDIO_OK ||
        (err = open_net(agent, config, &tokens, error)) != STUDIO_OK) {
        tokens_destroy(tokens);
        return err;
    }
    about_log(&agent->source);
    about_warn(config, &agent->figures);
    agent->report = (struct report){.service = config->service, .figures = &agent->figures};
    if ((err = renewal_watch(agent->renewal, error)) != STUDIO_OK)
        return err;
    if (agent->bridge && (err = bridge_start(agent->bridge)) != STUDIO_OK)
        return studio_error_set(error, err, ": the bridge's thread cannot be started");
    return STUDIO_OK;
}
