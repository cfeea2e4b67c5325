#include "studio/agent.h"

#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "api/guard.h"
#include "api/history.h"
#include "api/metrics.h"
#include "api/stream.h"
#include "api/studio.h"
#include "auth/tokens.h"
#include "inside.h"
#include "republish.h"
#include "service.h"

/*
 * The agent is its parts, built in order and torn down in the opposite one. Threads: the net thread
 * (the caller of studio_agent_run), the store thread (committer), the reader's (lookup), the bridge's.
 * What wakes the net thread: a batch or lookups that came back, commands from MQTT, a wish to stop.
 */

/* A command that came over the socket in the data directory. */
static bool answer_reload(struct studio_agent *agent, struct control_call *call, struct buf *answer)
{
    struct studio_error error;
    size_t users;

    (void)call;
    if (studio_agent_reload(agent, &users, &error) != STUDIO_OK) {
        buf_str(answer, error.text);
        return false;
    }
    buf_printf(answer, "%zu users read from %s", users, agent->tokens_file);
    return true;
}

static bool answer_republish(struct studio_agent *agent, struct control_call *call,
                             struct buf *answer)
{
    (void)call;
    return republish(agent->bridge, answer);
}

static bool answer_about(struct studio_agent *agent, struct control_call *call, struct buf *answer)
{
    (void)call;
    about_print(&agent->source, answer);
    return true;
}

static void print_metrics(void *ctx, struct buf *answer)
{
    const struct studio_agent *agent = ctx;

    metrics_print(&agent->api, EXPOSITION_TEXT, answer);
}

static bool answer_metrics(struct studio_agent *agent, struct control_call *call,
                           struct buf *answer)
{
    (void)call;
    return inquiry_ask(&agent->inquiry, print_metrics, answer);
}

static bool answer_backup(struct studio_agent *agent, struct control_call *call, struct buf *answer)
{
    const char *why = "no file came along";

    call->taken = call->file >= 0 && backup_begin(agent->backup, call->caller, call->file, &why);
    if (!call->taken)
        buf_str(answer, why);
    return call->taken;
}

static bool on_command(void *ctx, struct control_call *call, struct buf *answer)
{
    static const struct {
        const char *command;
        bool (*answer)(struct studio_agent *agent, struct control_call *call, struct buf *answer);
    } commands[] = {{"reload", answer_reload},
                    {"republish", answer_republish},
                    {"about", answer_about},
                    {"metrics", answer_metrics},
                    {"backup", answer_backup}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(call->command, commands[i].command) == 0)
            return commands[i].answer(ctx, call, answer);
    buf_str(answer, "this agent does not know the command");
    return false;
}

/* --- studio/agent.h --- */

enum studio_err studio_agent_create(const struct studio_agent_config *config,
                                    struct studio_agent **out, struct studio_error *error)
{
    struct studio_agent *agent = calloc(1, sizeof(*agent));

    *out = NULL;
    if (!agent)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    inquiry_init(&agent->inquiry, agent_wake, agent);
    log_init(&agent->log, (enum log_level)config->log_level, (enum log_format)config->log_format);
    agent->log.sink = config->log;
    agent->log.ctx = config->log_ctx;

    const struct log *before = log_use(&agent->log);
    enum studio_err err = agent_build(agent, config, error);
    if (err == STUDIO_OK &&
        control_open(config->data, on_command, agent, &agent->control, error) != STUDIO_OK)
        log_warn("agent", "`studio-agent reload` will not reach this agent, SIGHUP does: %s",
                 error->text);
    log_use(before);
    if (err == STUDIO_OK)
        *out = agent;
    else
        studio_agent_destroy(agent);
    return err;
}

uint16_t studio_agent_port(const struct studio_agent *agent)
{
    return server_listeners(agent->server)->port;
}

const char *studio_agent_address(const struct studio_agent *agent, size_t i)
{
    const struct listeners *listeners = server_listeners(agent->server);

    return i < listeners->name_count ? listeners->names[i] : NULL;
}

int studio_agent_run(struct studio_agent *agent)
{
    const struct log *before = log_use(&agent->log);

    reload_running(&agent->reload, true);
    inquiry_running(&agent->inquiry, true);
    server_run(agent->server);
    inquiry_running(&agent->inquiry, false);
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
    agent_wake(agent);
}

/* What `tls` says of the certificate, with what came of the tokens: one may be taken without the other. */
static enum studio_err add_tls(enum studio_err err, const size_t *users,
                               const struct studio_error *tls, struct studio_error *error)
{
    const char *certificate = tls->text + strlen(studio_err_text(tls->code));

    if (err == STUDIO_OK)
        return studio_error_set(error, tls->code, "%s; the tokens are taken, %zu users",
                                certificate, *users);
    const struct studio_error tokens = *error;
    return studio_error_set(error, err, "%s; and the certificate%s",
                            tokens.text + strlen(studio_err_text(err)), certificate);
}

enum studio_err studio_agent_reload(struct studio_agent *agent, size_t *users,
                                    struct studio_error *error)
{
    const struct log *before = log_use(&agent->log);
    struct studio_error tls;
    enum studio_err err, shown;

    service_reloading(agent->report.service);
    shown = renewal_ask(agent->renewal, &tls); /* counts when the tokens do */
    err = reload_ask(&agent->reload, users, error);
    service_reloaded(agent->report.service);
    if (err == STUDIO_OK)
        log_info("agent", "%zu users read from %s", *users, agent->tokens_file);
    else
        log_error("agent", "the tokens are as before, nothing was taken: %s", error->text);
    log_use(before);
    return shown == STUDIO_OK ? err : add_tls(err, users, &tls, error);
}

void studio_agent_destroy(struct studio_agent *agent)
{
    struct server *server;

    if (!agent)
        return;
    const struct log *before = log_use(&agent->log);
    control_close(agent->control);
    renewal_destroy(agent->renewal);
    backup_destroy(agent->backup);
    if (agent->bridge)
        bridge_stop(agent->bridge);
    lookup_destroy(agent->lookup);
    admission_stop(agent->admission);
    committer_destroy(agent->committer); /* no more wakes from these */
    server = atomic_exchange(&agent->server, NULL);
    server_destroy(server);
    history_finish(&agent->api);
    streams_destroy(agent->api.streams);
    studio_destroy(agent->api.studio);
    core_destroy(agent->core);
    inbox_destroy(agent->inbox, agent->bridge);
    bridge_destroy(agent->bridge);
    if (agent->admission)
        reload_finish(&agent->reload);
    guard_finish(&agent->api.metrics);
    last_used_destroy(agent->used);
    admission_destroy(agent->admission);
    rates_destroy(agent->rates);
    store_reader_close(agent->bridge_reader);
    store_reader_close(agent->lookup_reader);
    store_close(agent->store);
    inquiry_finish(&agent->inquiry);
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
