#include "studio/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "api/guard.h"
#include "api/history.h"
#include "api/metrics.h"
#include "api/stream.h"
#include "auth/tokens.h"
#include "inside.h"
#include "republish.h"
#include "service.h"

/*
 * The agent is its parts, built in order and torn down in the opposite one. Threads: the net thread
 * (the caller of studio_agent_run), the store thread (committer), the reader's (lookup), the bridge's; of a standby
 * the one that waits for the store.
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

/* Asked of the owner alone, who stays it meanwhile. */
static bool answer_republish(struct studio_agent *agent, struct control_call *call,
                             struct buf *answer)
{
    (void)call;
    return republish(agent->bridge, answer);
}

static bool answer_about(struct studio_agent *agent, struct control_call *call, struct buf *answer)
{
    (void)call;
    pthread_mutex_lock(&agent->parts);
    const bool owns = agent->owns;
    if (owns)
        about_print(&agent->source, answer);
    pthread_mutex_unlock(&agent->parts);
    return owns || inquiry_ask(&agent->inquiry, standby_print, answer);
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

/* As republish. */
static bool answer_backup(struct studio_agent *agent, struct control_call *call, struct buf *answer)
{
    const char *why = "no file came along";

    call->taken = call->file >= 0 && backup_begin(agent->backup, call->caller, call->file, &why);
    if (!call->taken)
        buf_str(answer, why);
    return call->taken;
}

/* Who waits for the store, asked by its own thread. */
struct heir {
    char name[STORE_OWNER_MAX + 1];
    enum studio_err err;
};

static void find_heir(struct store *store, void *ctx)
{
    struct heir *heir = ctx;
    size_t count;

    heir->err = store_waiting(store, heir->name, &count);
}

/* False: it cannot be handed over, why stands in the answer. */
static bool has_heir(struct studio_agent *agent, struct heir *heir, struct buf *answer)
{
    if (!agent->config.store_url)
        buf_str(answer, "this agent's store is a directory, which no other machine has: two "
                        "machines need store.url (OPERATING.md, Two machines)");
    else if (!committer_errand(agent->committer, find_heir, heir) || heir->err != STUDIO_OK)
        buf_str(answer, "the database is away: nothing can be handed over now");
    else if (!heir->name[0])
        buf_str(answer, "no standby waits: start this agent on another machine, with the same "
                        "store.url and mqtt.agent_id, and a directory of its own");
    else
        return true;
    return false;
}

static bool refuse_standby(struct buf *answer)
{
    buf_str(answer, "this agent is a standby, or about to end: ask the one that has the tables");
    return false;
}

/* It is not the owner any more when this comes back: so `parts` is held only to look. */
static bool answer_handover(struct studio_agent *agent, struct control_call *call,
                            struct buf *answer)
{
    struct heir heir = {.err = STUDIO_OK};

    (void)call;
    pthread_mutex_lock(&agent->parts);
    const bool found = agent->owns ? has_heir(agent, &heir, answer) : refuse_standby(answer);
    pthread_mutex_unlock(&agent->parts);
    return found && handover_ask(&agent->handover, heir.name, answer);
}

static bool on_command(void *ctx, struct control_call *call, struct buf *answer)
{
    static const struct {
        const char *command;
        bool (*answer)(struct studio_agent *agent, struct control_call *call, struct buf *answer);
        bool owner; /* who has the tables alone can */
    } commands[] = {{"reload", answer_reload, false}, {"republish", answer_republish, true},
                    {"about", answer_about, false},   {"metrics", answer_metrics, false},
                    {"backup", answer_backup, true},  {"handover", answer_handover, false}};
    struct studio_agent *agent = ctx;
    bool ok = false;
    size_t i = 0;

    while (i < sizeof(commands) / sizeof(*commands) &&
           strcmp(call->command, commands[i].command) != 0)
        i++;
    if (i == sizeof(commands) / sizeof(*commands)) {
        buf_str(answer, "this agent does not know the command");
        return false;
    }
    if (!commands[i].owner)
        return commands[i].answer(agent, call, answer);
    pthread_mutex_lock(&agent->parts);
    ok = agent->owns ? commands[i].answer(agent, call, answer) : refuse_standby(answer);
    pthread_mutex_unlock(&agent->parts);
    return ok;
}

/* --- studio/agent.h --- */

enum studio_err studio_agent_create(const struct studio_agent_config *config,
                                    struct studio_agent **out, struct studio_error *error)
{
    struct studio_agent *agent = calloc(1, sizeof(*agent));

    *out = NULL;
    if (!agent)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (config_copy(&agent->config, config, error) != STUDIO_OK) {
        free(agent);
        return error->code;
    }
    pthread_mutex_init(&agent->waking, NULL);
    pthread_mutex_init(&agent->parts, NULL);
    inquiry_init(&agent->inquiry, agent_wake, agent);
    handover_init(&agent->handover, agent_wake, agent);
    log_init(&agent->log, (enum log_level)config->log_level, (enum log_format)config->log_format);
    agent->log.sink = config->log;
    agent->log.ctx = config->log_ctx;

    const struct log *before = log_use(&agent->log);
    enum studio_err err = agent_build(agent, error);
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
    return agent->listeners.port;
}

const char *studio_agent_address(const struct studio_agent *agent, size_t i)
{
    return i < agent->listeners.name_count ? agent->listeners.names[i] : NULL;
}

int studio_agent_run(struct studio_agent *agent)
{
    const struct log *before = log_use(&agent->log);

    reload_running(&agent->reload, true);
    inquiry_running(&agent->inquiry, true);
    const enum studio_err err = agent_serve(agent);
    handover_end(&agent->handover);
    inquiry_running(&agent->inquiry, false);
    reload_running(&agent->reload, false);
    log_info("agent", "stopped");
    log_use(before);
    return err == STUDIO_OK ? agent->exit_code : studio_agent_exit_code(err);
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
    if (!agent)
        return;
    const struct log *before = log_use(&agent->log);
    handover_end(&agent->handover);
    control_close(agent->control);
    renewal_destroy(agent->renewal);
    waiting_stop(agent->waiting);
    admission_stop(agent->admission);
    agent_dismantle(agent);
    access_close(agent);
    handover_finish(&agent->handover);
    inquiry_finish(&agent->inquiry);
    pthread_mutex_destroy(&agent->parts);
    pthread_mutex_destroy(&agent->waking);
    config_finish(&agent->config);
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
