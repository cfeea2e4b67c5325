/*
 * probe.h - while a less preferred broker is in use: is a preferred one back? A connection of its
 * own (client id `studio-agent-<agent>-probe`, no will) has to hold for 30 s. And while the one in use
 * is spoken to in 3.1.1 because it once knew no other: does it speak MQTT 5 by now? There the answer
 * to the attempt says all. Bridge thread.
 *
 *     resting ── 10 s ──► connecting ── UP ──► holding ── 30 s ──► go back there
 *        ▲                    │                   │
 *        └── the next one ────┴── FAILED, LOST ───┘
 */
#ifndef BRIDGE_PROBE_H
#define BRIDGE_PROBE_H

#include "connection.h"

enum {
    PROBE_REST_MS = 10000,
    PROBE_HOLD_MS = 30000,
    PROBE_ASK_MS = 3600000, /* between two attempts in MQTT 5; the first one is after a rest */
    PROBE_KEEPALIVE_S = 5,
    PROBE_SHUN_MS = 60000, /* the first wait after a broker acknowledged nothing; it doubles */
    PROBE_SHUN_MAX_MS = 3600000
};

struct probe {
    struct connection connection;
    const struct brokers *brokers;
    const int *mqtt_version;         /* of each broker */
    bool on;                         /* there is something to look for */
    size_t target;                   /* to try next, or tried; the one in use is asked for MQTT 5 */
    bool asking;                     /* it is that one's turn */
    bool speaks_5;                   /* and its answer */
    int64_t ask_ms;                  /* not before this */
    int64_t shun_ms[BROKERS_MAX];    /* how long the last such wait was; 0: none */
    int64_t shunned_ms[BROKERS_MAX]; /* not before this */
    int64_t due_ms;                  /* resting: not before this; holding: long enough by then */
};

void probe_init(struct probe *p, struct link *link, const struct topics *topics,
                const struct bridge_config *config, struct lessons *lessons,
                const struct brokers *brokers, const int *mqtt_version);
void probe_event(struct probe *p, const struct link_event *event, int64_t now_ms);
/* A broker answers, but took a connection of `lasted_ms` down by acknowledging nothing: it is not tried for
 * a time that doubles, until one has lasted longer than that. */
void probe_shun(struct probe *p, size_t broker, int64_t lasted_ms, int64_t now_ms);
/* `current`: the broker in use, with `online` false if there is none; `ask` it for MQTT 5. Returns when
 * to call again; *back is the broker to go back to, or `current`. */
int64_t probe_step(struct probe *p, size_t current, bool online, bool ask, int64_t now_ms,
                   size_t *back);
/* The broker in use speaks MQTT 5. Says so once. */
bool probe_speaks_5(struct probe *p);

#endif
