#include "studio/agent.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "about.h"
#include "api/api.h"
#include "api/guard.h"
#include "api/history.h"
#include "api/stream.h"
#include "auth/tokens.h"
#include "base/buf.h"
#include "base/faulty.h"
#include "base/figures.h"
#include "base/log.h"
#include "base/names.h"
#include "config/checks.h"
#include "config/config.h"
#include "control.h"
#include "core/lookup.h"
#include "net/lws.h"
#include "net/openfiles.h"
#include "reload.h"
#include "republish.h"
#include "restore.h"
#include "source.h"

/*
 * The agent is its parts, built in order and torn down in the opposite one. Threads: the net thread
 * (the caller of studio_agent_run), the store thread (committer), the reader's (lookup), the bridge's.
 * What wakes the net thread: a batch or lookups that came back, commands from MQTT, a wish to stop.
 */

enum {
    STOP_CLIENTS_MS = 2000, /* clients that have not said goodbye by then are cut off */
    RATES_IDLE = 16384      /* users whose rate is remembered while they are away */
};

struct studio_agent {
    const struct clock *clock;
    struct studio_values lists;
    struct log log;
    char host[ADDRESS_HOST_MAX + 1];
    struct store *store;
    struct store_info info; /* as it was opened */
    struct committer *committer;
    struct store_reader *lookup_reader, *bridge_reader;
    struct lookup *lookup;
    struct core *core;
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
    struct control *control; /* NULL: the directory has no place for a socket */
    int64_t stop_until_ms;
    int exit_code;
};

/* --- what the parts tell each other ---------------------------------------------------------- */

static void wake(void *ctx)
{
    struct studio_agent *agent = ctx;
    struct server *server = atomic_load(&agent->server);

    if (server)
        server_wake(server);
}

/* --- the net thread -------------------------------------------------------------------------- */

static void begin_stop(struct studio_agent *agent)
{
    figure_set(&agent->figures.stopping, 1);
    agent->stop_until_ms = clock_mono(agent->clock) + STOP_CLIENTS_MS;
    log_info("agent", "stopping");
    if (agent->bridge) /* the broker keeps later commands for the next start */
        bridge_quiesce(agent->bridge);
    server_retire(agent->server);
}

static void fail(struct studio_agent *agent)
{
    agent->exit_code = STUDIO_EXIT_FAILED;
    if (!figure_get(&agent->figures.stopping))
        begin_stop(agent);
}

/* Stops the loop once everybody has been told and nothing waits, or time is up. */
static void go_on_stopping(struct studio_agent *agent)
{
    bool done = server_empty(agent->server) && core_quiet(agent->core) &&
                (!agent->bridge || bridge_quiet(agent->bridge));

    if (done || clock_mono(agent->clock) >= agent->stop_until_ms)
        server_stop(agent->server);
}

static void on_wake(void *ctx)
{
    struct studio_agent *agent = ctx;

    while (core_settle(agent->core))
        session_resume_all(&agent->sessions);
    if (agent->bridge)
        inbox_drain(agent->inbox, agent->bridge);
    if (committer_failed(agent->committer) && agent->exit_code == STUDIO_EXIT_OK)
        fail(agent);
    reload_take(&agent->reload);
    if (atomic_load(&agent->stop_asked) && !figure_get(&agent->figures.stopping))
        begin_stop(agent);
}

static void on_tick(void *ctx)
{
    struct studio_agent *agent = ctx;

    core_announce_due(agent->core);
    pacing_tick(&agent->sessions.pacing, clock_mono(agent->clock));
    streams_tick(agent->api.streams);
    if (figure_get(&agent->figures.stopping))
        go_on_stopping(agent);
}

static void on_turn(void *ctx)
{
    struct studio_agent *agent = ctx;

    core_end_turn(agent->core);
}

/* A command that came over the socket in the data directory. */
static bool answer_reload(struct studio_agent *agent, struct buf *answer)
{
    struct studio_error error;
    size_t users;

    if (studio_agent_reload(agent, &users, &error) != STUDIO_OK) {
        buf_str(answer, error.text);
        return false;
    }
    buf_printf(answer, "%zu users read from %s", users, agent->tokens_file);
    return true;
}

static bool answer_republish(struct studio_agent *agent, struct buf *answer)
{
    return republish(agent->bridge, answer);
}

static bool on_command(void *ctx, const char *command, struct buf *answer)
{
    static const struct {
        const char *command;
        bool (*answer)(struct studio_agent *agent, struct buf *answer);
    } commands[] = {{"reload", answer_reload}, {"republish", answer_republish}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(command, commands[i].command) == 0)
            return commands[i].answer(ctx, answer);
    buf_str(answer, "this agent does not know the command");
    return false;
}

/* --- construction ---------------------------------------------------------------------------- */

static enum studio_err open_store(struct studio_agent *agent,
                                  const struct studio_agent_config *config,
                                  struct studio_error *error)
{
    char host[256] = "", host_name[NAME_CLIENT_MAX + 1];
    struct store_options options = {
        .dir = config->data,
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
        err = store_reader_open(config->data, &agent->lookup_reader, error);
    if (err == STUDIO_OK)
        err = store_reader_open(config->data, &agent->bridge_reader, error);
    return err;
}

static enum studio_err open_core(struct studio_agent *agent,
                                 const struct studio_agent_config *config,
                                 struct studio_error *error)
{
    agent->lookup = lookup_create(agent->lookup_reader, wake, agent);
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
    agent->committer = committer_create(agent->store, agent->clock, &agent->figures, wake, agent);
    agent->inbox = inbox_create(agent->core, &options, wake, agent);
    if (!agent->committer || !agent->inbox)
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
    };
    struct server_options options = {
        .host = agent->host,
        .event_loop = (enum event_loop)config->event_loop,
        .door = {.clock = agent->clock,
                 .proxies = &agent->sessions.proxies,
                 .proxy_protocol = config->proxy_protocol,
                 .connections = connections,
                 .guests_per_site = (size_t)config->unauthenticated_per_address},
        .sessions = &agent->sessions,
        .exchanges = &agent->exchanges,
        .hooks = {on_wake, on_tick, on_turn, agent},
    };
    struct server *server;
    enum studio_err err;

    if (!address_split(config->listen, agent->host, &options.port))
        return studio_error_set(error, STUDIO_ERR_USAGE, ": websocket.listen is HOST:PORT");
    agent->admission = admission_create(&admission, *tokens);
    if (!agent->admission)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    *tokens = NULL;
    reload_init(&agent->reload, agent->admission, agent->tokens_file, wake, agent);
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
    };
    const char *wrong = networks_parse(config->trusted_proxies, &agent->sessions.proxies);
    if (wrong)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": websocket.trusted_proxies: %s", wrong);
    agent->api = (struct api){
        .clock = agent->clock,
        .core = agent->core,
        .figures = &agent->figures,
        .admission = agent->admission,
        .rates = agent->rates,
        .rate = config->updates_per_second,
        .burst = config->updates_burst,
        .lookup = agent->lookup,
        .epoch = agent->info.epoch,
        .describe = about_print,
        .describe_ctx = &agent->source,
    };
    agent->api.streams = streams_create(&agent->api);
    if (!agent->rates || !agent->api.streams)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    agent->exchanges = (struct exchange_env){
        .clock = agent->clock,
        .respond = api_respond,
        .ctx = &agent->api,
        .proxies = &agent->sessions.proxies,
        .write_timeout_ms = config->write_timeout_s * 1000,
    };
    err = guard_init(&agent->api.metrics, config, error);
    if (err == STUDIO_OK)
        err = server_create(&options, &server, error);
    if (err != STUDIO_OK)
        return err;
    atomic_store(&agent->server, server);
    core_set_bridge(agent->core, agent->bridge);
    /* Who is connected is known to be nobody: what an agent that crashed left is overwritten. */
    if (!core_announce(agent->core))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return STUDIO_OK;
}

/* What it leaves behind on an error studio_agent_destroy frees. */
static enum studio_err build(struct studio_agent *agent, const struct studio_agent_config *config,
                             struct studio_error *error)
{
    struct tokens *tokens = NULL;
    enum studio_err err;

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
    if (agent->bridge && (err = bridge_start(agent->bridge)) != STUDIO_OK)
        return studio_error_set(error, err, ": the bridge's thread cannot be started");
    if (control_open(config->data, on_command, agent, &agent->control, error) != STUDIO_OK)
        log_warn("agent", "`studio-agent reload` will not reach this agent, SIGHUP does: %s",
                 error->text);
    return STUDIO_OK;
}

enum studio_err studio_agent_create(const struct studio_agent_config *config,
                                    struct studio_agent **out, struct studio_error *error)
{
    struct studio_agent *agent = calloc(1, sizeof(*agent));

    *out = NULL;
    if (!agent)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    log_init(&agent->log, (enum log_level)config->log_level, (enum log_format)config->log_format);
    agent->log.sink = config->log;
    agent->log.ctx = config->log_ctx;

    const struct log *before = log_use(&agent->log);
    enum studio_err err = build(agent, config, error);
    log_use(before);
    if (err == STUDIO_OK)
        *out = agent;
    else
        studio_agent_destroy(agent);
    return err;
}

uint16_t studio_agent_port(const struct studio_agent *agent)
{
    return server_port(agent->server);
}

const char *studio_agent_host(const struct studio_agent *agent)
{
    return agent->host;
}

int studio_agent_run(struct studio_agent *agent)
{
    const struct log *before = log_use(&agent->log);

    reload_running(&agent->reload, true);
    server_run(agent->server);
    reload_running(&agent->reload, false);
    if (agent->bridge)
        bridge_stop(agent->bridge);
    lookup_stop(agent->lookup);
    committer_stop(agent->committer);
    if (committer_failed(agent->committer))
        agent->exit_code = STUDIO_EXIT_FAILED;
    log_info("agent", "stopped");
    log_use(before);
    return agent->exit_code;
}

void studio_agent_stop(struct studio_agent *agent)
{
    atomic_store(&agent->stop_asked, true);
    wake(agent);
}

enum studio_err studio_agent_reload(struct studio_agent *agent, size_t *users,
                                    struct studio_error *error)
{
    const struct log *before = log_use(&agent->log);
    enum studio_err err = reload_ask(&agent->reload, users, error);

    if (err == STUDIO_OK)
        log_info("agent", "%zu users read from %s", *users, agent->tokens_file);
    else
        log_error("agent", "the tokens are as before, the file was not taken: %s", error->text);
    log_use(before);
    return err;
}

void studio_agent_destroy(struct studio_agent *agent)
{
    struct server *server;

    if (!agent)
        return;
    const struct log *before = log_use(&agent->log);
    control_close(agent->control);
    if (agent->bridge)
        bridge_stop(agent->bridge);
    lookup_destroy(agent->lookup);
    committer_destroy(agent->committer); /* no more wakes from both */
    server = atomic_exchange(&agent->server, NULL);
    server_destroy(server);
    history_finish(&agent->api);
    streams_destroy(agent->api.streams);
    core_destroy(agent->core);
    inbox_destroy(agent->inbox, agent->bridge);
    bridge_destroy(agent->bridge);
    if (agent->admission)
        reload_finish(&agent->reload);
    admission_destroy(agent->admission);
    rates_destroy(agent->rates);
    store_reader_close(agent->bridge_reader);
    store_reader_close(agent->lookup_reader);
    store_close(agent->store);
    free(agent->tokens_file);
    log_use(before);
    free(agent);
}

int studio_agent_exit_code(enum studio_err err)
{
    return err == STUDIO_OK                   ? STUDIO_EXIT_OK
           : err == STUDIO_ERR_USAGE          ? STUDIO_EXIT_USAGE
           : err == STUDIO_ERR_ADDRESS        ? STUDIO_EXIT_ADDRESS
           : err == STUDIO_ERR_STORE_UNUSABLE ? STUDIO_EXIT_STORE
                                              : STUDIO_EXIT_FAILED;
}
