/* doctor_broker.c - the configured brokers: is one there, does it let us in, does it let us speak? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/trial.h"
#include "cmd/diagnosis.h"
#include "source.h"

/* In words what the broker said to a message, as far as it does. */
static void tell_message(struct diagnosis *d, const struct trial_result *r)
{
    char advice[512];

    snprintf(advice, sizeof(advice),
             "let the agent's login read and write %s (access lists: OPERATING.md)", r->topic);
    if (r->heard)
        diagnosis_tell(d, FINDING_OK, "access list", NULL, "a message to itself came back (%s)",
                       r->topic);
    else if (!r->subscribed)
        diagnosis_tell(d, FINDING_WARNING, "access list", advice,
                       "%s does not let the agent read %s (reason 0x%02x)%s%s", r->broker, r->topic,
                       (unsigned)r->reason & 0xff, *r->text ? ": " : "", r->text);
    else if (!r->published)
        diagnosis_tell(d, FINDING_WARNING, "access list", advice,
                       "%s does not let the agent write %s (reason 0x%02x)%s%s", r->broker,
                       r->topic, (unsigned)r->reason & 0xff, *r->text ? ": " : "", r->text);
    else
        diagnosis_tell(d, FINDING_WARNING, "access list", advice,
                       "a message to itself (%s) was taken by %s and did not come back", r->topic,
                       r->broker);
}

static void tell(void *ctx, const struct trial_result *r)
{
    struct diagnosis *d = ctx;

    if (!r->connected) {
        diagnosis_tell(
            d, FINDING_FAULT, "broker",
            "see that it runs and listens there, and the login and certificates of [mqtt]",
            "%s: %s", r->broker, r->text);
        return;
    }
    if (!r->limits.retain || r->limits.max_qos < 1)
        diagnosis_tell(d, FINDING_FAULT, "broker", "allow retained messages and QoS 1 there",
                       "%s does not take what the mirror is made of", r->broker);
    diagnosis_tell(d, r->limits.mqtt_version == 5 ? FINDING_OK : FINDING_WARNING, "broker",
                   "MQTT 5 says why something is refused; use a broker that speaks it",
                   "%s: connected and logged in with MQTT %s after %lld ms", r->broker,
                   r->limits.mqtt_version == 5 ? "5" : "3.1.1", (long long)r->took_ms);
    tell_message(d, r);
}

/* Of both logins it is told. */
static bool can_log_in(struct diagnosis *d, const struct bridge_config *bridge)
{
    const bool mirror =
        diagnosis_readable(d, "broker", "mqtt.password_file", bridge->password_file);
    const bool commands = diagnosis_readable(d, "broker", "mqtt.command_password_file",
                                             bridge->command_password_file);

    return mirror && commands;
}

void doctor_brokers(struct diagnosis *d)
{
    struct studio_error error;
    struct bridge_config bridge = source_settings(d->config);

    bridge.agent_id = d->agent_id;
    if (!bridge.brokers)
        diagnosis_tell(d, FINDING_OK, "broker", NULL, "none is configured: a status server only");
    else if (can_log_in(d, &bridge) && trial_run(&bridge, tell, d, &error) != STUDIO_OK)
        diagnosis_tell(d, FINDING_FAULT, "broker", "correct [mqtt] in the configuration", "%s",
                       error.text);
}
