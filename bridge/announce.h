/*
 * announce.h - what the agent says of itself: the payloads of availability, info and health
 * (protocol section 4). Pure; any thread.
 */
#ifndef BRIDGE_ANNOUNCE_H
#define BRIDGE_ANNOUNCE_H

#include "base/buf.h"
#include "base/clock.h"
#include "bridge_source.h"

/* What is true only while the agent is there carries an expiry on MQTT 5 and is said again: a broker that
 * comes back from its files after the agent and it were killed together would show it for ever. */
enum { ANNOUNCE_EXPIRY_S = 90, ANNOUNCE_REFRESH_MS = 30000 };

/* {"state":"online","epoch":"6f1c","boot":41,"conn":7,"since":"...Z"}; the same but for its state
 * in the birth, the will and the goodbye of one connection. */
struct announce_presence {
    const char *epoch;
    uint64_t boot, conn;
    int64_t since_ms; /* wall clock */
};
void announce_availability(struct buf *out, const char *state,
                           const struct announce_presence *presence);

/* `more` is JSON members (without braces): what the agent adds, the limits among them; or NULL. */
void announce_info(struct buf *out, const struct studio_values *lists, const char *agent_id,
                   const char *epoch, int64_t started_ms, const char *more);

struct announce_health {
    int64_t now_ms; /* wall clock */
    const struct figures *agent;
    uint64_t acked;
    struct bridge_parked parked;
    uint64_t ignored; /* messages of clients without a valid name */
    uint64_t backlog;
    int64_t oldest_age_ms; /* of the oldest event that waits; 0: none */
    const char *broker;
    const char *commands;  /* on, waiting, off */
    const char *uncarried; /* names that are not carried, as carry_print has them */
};
void announce_health(struct buf *out, const struct announce_health *health);
/* The same for who does not run the bridge, out of what its thread has left: of what has changed since, the
 * figures tell. `uncarried` may be empty, or failed. */
void announce_stats(struct buf *out, const struct figures *figures,
                    const struct bridge_stats *stats, const struct buf *uncarried,
                    const struct clock *clock);

#endif
