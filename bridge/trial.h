/*
 * trial.h - one connection to each configured broker, to see whether all is right with it: what `studio-agent
 * doctor` says of it. It has a client id of its own (`studio-agent-<agent>-doctor`), no will and no session, and sends one
 * message to itself, on agents/<agent>/check/doctor.
 */
#ifndef BRIDGE_TRIAL_H
#define BRIDGE_TRIAL_H

#include "bridge_source.h"
#include "link.h"

struct trial_result {
    const char *broker; /* as configured */
    bool connected;
    char text[LINK_TEXT_MAX]; /* why it is not, or why it ended */
    int64_t took_ms;
    struct link_limits limits;
    char topic[256]; /* of the message */
    bool subscribed; /* the broker lets us read it, */
    bool published;  /*   write it, as far as it says so, */
    bool heard;      /*   and it came back */
    int reason;      /* of the refusal, if there was one */
};

typedef void trial_fn(void *ctx, const struct trial_result *result);

/* Tries one after the other; some seconds for each at most. What the link needs of `config`: brokers, agent_id, topic_root,
 * topic_escape, mqtt_version, logins, certificates, link_program, keepalive_s. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err trial_run(const struct bridge_config *config, trial_fn *tell,
                                          void *ctx, struct studio_error *error);

#endif
