/* running.c - an agent's life: the owner of its tables, or the standby of whoever is, one after the other. */
#include "inside.h"

#include <stdio.h>
#include <string.h>

enum { AGAIN_MS = 1000 /* after it was ours, and could not be used */ };

/* --- the owner ------------------------------------------------------------------------------- */

/* Nothing is under way any more, and who waits for the store's thread waits no longer. */
static void end_owner(struct studio_agent *agent)
{
    if (agent->leaving != LEAVING_NOT)
        bridge_drop(agent->bridge, agent->leaving == LEAVING_LOST);
    if (agent->bridge)
        bridge_stop(agent->bridge);
    lookup_stop(agent->lookup);
    committer_stop(agent->committer);
    figure_set(&agent->figures.owner, 0);
}

static void serve_as_owner(struct studio_agent *agent)
{
    figure_set(&agent->figures.owner, 1);
    server_run(agent->server);
    end_owner(agent);
    if (committer_failed(agent->committer)) {
        if (!agent_was_replaced(agent))
            agent->exit_code = STUDIO_EXIT_FAILED;
    } else if (agent->leaving == LEAVING_HANDED_OVER &&
               store_hand_over(agent->store, agent->heir) != STUDIO_OK) {
        handover_fail(&agent->handover, "the database did not answer");
    }
}

/* Whoever has it now is known by name. */
static enum studio_err become_standby(struct studio_agent *agent, struct studio_error *error)
{
    const char *successor = store_successor(agent->store);

    snprintf(agent->owner, sizeof(agent->owner), "%s", successor ? successor : agent->heir);
    agent_dismantle(agent);
    const enum studio_err err = claim_again(agent, 0, error);
    return err == STUDIO_OK ? agent_build_standby(agent, error) : err;
}

/* --- the standby ----------------------------------------------------------------------------- */

static void serve_as_standby(struct studio_agent *agent)
{
    figure_set(&agent->figures.store_writable, 0);
    figure_set(&agent->figures.owner, 0);
    figure_set(&agent->figures.standbys, 0);
    figure_set(&agent->figures.tables, 0);
    /* What waits for a broker is another's to send. */
    figure_set(&agent->figures.acked_seq, figure_get(&agent->figures.seq));
    figure_set(&agent->figures.waiting_since, 0);
    server_run(agent->server);
}

/* What a database that goes away just then cannot do is tried again. */
static enum studio_err become_owner(struct studio_agent *agent, struct studio_error *error)
{
    char from[STORE_OWNER_MAX + 1];

    memcpy(from, agent->owner, sizeof(from));
    agent_dismantle(agent);
    enum studio_err err = claim_take(agent, error);
    if (err != STUDIO_OK)
        return err;
    log_info("agent", "taking agent %s over%s%s", agent->config.agent_id, from[0] ? " from " : "",
             from);
    err = agent_build_owner(agent, error);
    if (err == STUDIO_OK) {
        figure_add(&agent->figures.takeovers, 1);
        handover_fail(&agent->handover, "it was not taken in time, and this one has it again");
    }
    if (err != STUDIO_ERR_STORE_UNUSABLE)
        return err;
    log_warn("agent", "it could not be taken over: %s", error->text);
    agent_dismantle(agent);
    err = claim_again(agent, AGAIN_MS, error);
    return err == STUDIO_OK ? agent_build_standby(agent, error) : err;
}

enum studio_err agent_serve(struct studio_agent *agent)
{
    struct studio_error error;
    enum studio_err err = STUDIO_OK;

    while (err == STUDIO_OK && !atomic_load(&agent->stop_asked)) {
        const bool owner = agent->store != NULL;

        if (owner)
            serve_as_owner(agent);
        else
            serve_as_standby(agent);
        if (owner && agent->leaving == LEAVING_NOT)
            break;
        if (agent->exit_code != STUDIO_EXIT_OK || atomic_load(&agent->stop_asked))
            break;
        err = owner ? become_standby(agent, &error) : become_owner(agent, &error);
    }
    if (err != STUDIO_OK)
        log_error("agent", "%s", error.text);
    return err;
}
