/*
 * standby.c - the net thread while another process owns the agent: it says who has it, and hears when it is ours.
 */
#include "inside.h"

#include <stdio.h>
#include <string.h>

#include "auth/admission.h"
#include "base/json.h"

enum { STOP_CLIENTS_MS = 1000 /* answers on their way by then are cut */ };

void standby_say(struct studio_agent *agent)
{
    if (agent->owner[0])
        snprintf(agent->words, sizeof(agent->words), "Standby: %s has the tables", agent->owner);
    else
        snprintf(agent->words, sizeof(agent->words), "Standby: the database is away");
}

void standby_print(void *ctx, struct buf *out)
{
    const struct studio_agent *agent = ctx;

    buf_str(out, "{");
    json_text(out, "status", "standby");
    json_text(out, "owner", agent->owner);
    buf_str(out, "}");
}

static void begin_stop(struct studio_agent *agent, enum server_retirement how)
{
    figure_set(&agent->figures.stopping, 1);
    agent->stop_until_ms = clock_mono(agent->clock) + STOP_CLIENTS_MS;
    server_retire(agent->server, how);
}

/* Who has it now; or it is ours. */
static void hear(struct studio_agent *agent)
{
    char owner[STORE_OWNER_MAX + 1];
    const enum waiting_state state = waiting_state(agent->waiting, owner);

    if (state == WAITING_HELD) { /* before, it is who took it */
        memcpy(agent->owner, owner, sizeof(owner));
        figure_set(&agent->figures.store_writable, owner[0] != '\0'); /* it would be */
        standby_say(agent);
    }
    if (state == WAITING_HELD && owner[0])
        handover_taken(&agent->handover, owner);
    if (state != WAITING_OVER || figure_get(&agent->figures.stopping))
        return;
    begin_stop(agent, SERVER_FOLLOWS);
    if (server_empty(agent->server))
        server_stop(agent->server);
}

static void on_wake(void *ctx)
{
    struct studio_agent *agent = ctx;

    hear(agent);
    admission_settle(agent->admission);
    renewal_take(agent->renewal, agent->server);
    reload_take(&agent->reload);
    inquiry_take(&agent->inquiry);
    if (atomic_load(&agent->stop_asked) && !figure_get(&agent->figures.stopping)) {
        log_info("agent", "stopping");
        report_stop(&agent->report);
        begin_stop(agent, SERVER_ENDS);
    }
}

static void on_tick(void *ctx)
{
    struct studio_agent *agent = ctx;
    const int64_t now = clock_mono(agent->clock);

    if (figure_get(&agent->figures.stopping)) {
        if (server_empty(agent->server) || now >= agent->stop_until_ms)
            server_stop(agent->server);
        return;
    }
    on_wake(ctx); /* whatever was missed while one server made room for another */
    agent->report.standby = agent->words;
    report_tick(&agent->report, now, now);
}

static void on_turn(void *ctx)
{
    (void)ctx;
}

struct loop_hooks standby_hooks(struct studio_agent *agent)
{
    return (struct loop_hooks){on_wake, on_tick, on_turn, agent};
}
