/* serving.c - the net thread: what wakes it, what it does once a turn and ten times a second, how it ends. */
#include "inside.h"

#include "api/stream.h"
#include "api/studio.h"

enum { STOP_CLIENTS_MS = 2000 /* clients that have not said goodbye by then are cut off */ };

void agent_wake(void *ctx)
{
    struct studio_agent *agent = ctx;
    struct server *server = atomic_load(&agent->server);

    if (server)
        server_wake(server);
}

static void begin_stop(struct studio_agent *agent)
{
    figure_set(&agent->figures.stopping, 1);
    agent->stop_until_ms = clock_mono(agent->clock) + STOP_CLIENTS_MS;
    log_info("agent", "stopping");
    report_stop(&agent->report);
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
    admission_settle(agent->admission);
    renewal_take(agent->renewal, agent->server);
    reload_take(&agent->reload);
    inquiry_take(&agent->inquiry);
    if (atomic_load(&agent->stop_asked) && !figure_get(&agent->figures.stopping))
        begin_stop(agent);
}

static void on_tick(void *ctx)
{
    struct studio_agent *agent = ctx;

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
