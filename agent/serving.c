/* serving.c - the net thread: what wakes it, what it does once a turn and ten times a second, how it ends. */
#include "inside.h"

#include "api/stream.h"
#include "api/studio.h"

enum {
    STOP_CLIENTS_MS = 2000, /* clients that have not said goodbye by then are cut off */
    LEAVE_CLIENTS_MS = 300  /* the same where another process waits for the agent */
};

void agent_wake(void *ctx)
{
    struct studio_agent *agent = ctx;

    pthread_mutex_lock(&agent->waking);
    if (agent->server)
        server_wake(agent->server);
    pthread_mutex_unlock(&agent->waking);
}

const char *agent_closed(void *ctx, const char **owner)
{
    const struct studio_agent *agent = ctx;

    if (!agent->core) {
        *owner = agent->owner[0] ? agent->owner : NULL;
        return agent->words;
    }
    return committer_owned(agent->committer) ? NULL : studio_err_text(STUDIO_ERR_STORAGE);
}

bool agent_was_replaced(const struct studio_agent *agent)
{
    return committer_failed(agent->committer) && store_successor(agent->store) != NULL;
}

static void begin_stop(struct studio_agent *agent)
{
    figure_set(&agent->figures.stopping, 1);
    agent->stop_until_ms = clock_mono(agent->clock) + STOP_CLIENTS_MS;
    log_info("agent", "stopping");
    report_stop(&agent->report);
    if (agent->bridge) /* the broker keeps later commands for the next start */
        bridge_quiesce(agent->bridge);
    server_retire(agent->server, SERVER_ENDS);
}

/* Its clients are to come again, to whoever has it by then. */
static void begin_leaving(struct studio_agent *agent, enum leaving leaving)
{
    agent->leaving = leaving;
    figure_set(&agent->figures.stopping, 1);
    figure_add(&agent->figures.losses, 1);
    agent->stop_until_ms = clock_mono(agent->clock) + LEAVE_CLIENTS_MS;
    if (leaving == LEAVING_HANDED_OVER)
        log_info("agent", "handing agent %s over to %s", agent->info.agent_id, agent->heir);
    else
        log_error("agent",
                  "agent %s was taken over by %s while this one could not be heard: its clients "
                  "are sent there, and it becomes the standby",
                  agent->info.agent_id, store_successor(agent->store));
    /* Commands under way are answered, or they would be carried out once more. */
    if (leaving == LEAVING_LOST)
        bridge_drop(agent->bridge, true);
    else if (agent->bridge)
        bridge_quiesce(agent->bridge);
    server_retire(agent->server, SERVER_FOLLOWS);
}

static void fail(struct studio_agent *agent)
{
    agent->exit_code = STUDIO_EXIT_FAILED;
    if (!figure_get(&agent->figures.stopping))
        begin_stop(agent);
}

/* The store cannot be written any more: somebody else has it, or it is broken. */
static void give_up(struct studio_agent *agent)
{
    if (!agent_was_replaced(agent))
        fail(agent);
    else if (!figure_get(&agent->figures.stopping))
        begin_leaving(agent, LEAVING_LOST);
}

/* Stops the loop once everybody has been told and nothing waits, or time is up. */
static void go_on_stopping(struct studio_agent *agent)
{
    bool done = server_empty(agent->server) && core_quiet(agent->core) &&
                (!agent->bridge || agent->leaving == LEAVING_LOST || bridge_quiet(agent->bridge));

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
        give_up(agent);
    admission_settle(agent->admission);
    renewal_take(agent->renewal, agent->server);
    reload_take(&agent->reload);
    inquiry_take(&agent->inquiry);
    if (figure_get(&agent->figures.stopping))
        return;
    if (atomic_load(&agent->stop_asked))
        begin_stop(agent);
    else if (handover_wanted(&agent->handover, agent->heir))
        begin_leaving(agent, LEAVING_HANDED_OVER);
}

static void on_tick(void *ctx)
{
    struct studio_agent *agent = ctx;

    on_wake(ctx); /* whatever was missed while one server made room for another */
    figure_set(&agent->figures.owner, committer_owned(agent->committer));
    core_announce_due(agent->core);
    pacing_tick(&agent->sessions.pacing, clock_mono(agent->clock));
    streams_tick(agent->api.streams);
    studio_tick(agent->api.studio);
    report_tick(&agent->report, clock_mono(agent->clock), committer_turned(agent->committer));
    if (figure_get(&agent->figures.stopping))
        go_on_stopping(agent);
}

static void on_turn(void *ctx)
{
    struct studio_agent *agent = ctx;

    core_end_turn(agent->core);
}

struct loop_hooks agent_hooks(struct studio_agent *agent)
{
    return (struct loop_hooks){on_wake, on_tick, on_turn, agent};
}
