/*
 * probe.h - while a less preferred broker is in use: is a preferred one back? A connection of its
 * own (client id `studio-agent-<agent>-probe`, no will) has to hold for 30 s. Bridge thread.
 *
 *     RESTING ── 10 s ──► CONNECTING ── UP ──► HOLDING ── 30 s ──► go back there
 *        ▲                    │                   │
 *        └── the next one ────┴── FAILED, LOST ───┘
 */
#ifndef BRIDGE_PROBE_H
#define BRIDGE_PROBE_H

#include "brokers.h"
#include "link.h"
#include "topics.h"

enum {
    PROBE_REST_MS = 10000,
    PROBE_HOLD_MS = 30000,
    PROBE_CONNECT_MS = 20000,
    PROBE_KEEPALIVE_S = 5
};

enum probe_state { PROBE_OFF, PROBE_RESTING, PROBE_CONNECTING, PROBE_HOLDING };

struct probe {
    struct link *link;
    const struct topics *topics;
    const struct brokers *brokers;
    const char *ca_file;
    const int *mqtt_version; /* of each broker */
    enum probe_state state;
    size_t target;
    uint64_t generation;
    int64_t due_ms;
};

void probe_init(struct probe *p, struct link *link, const struct topics *topics,
                const struct brokers *brokers, const char *ca_file, const int *mqtt_version);
void probe_event(struct probe *p, const struct link_event *event, int64_t now_ms);
/* `current`: the broker in use, with `online` false if there is none. Returns when to call again;
 * *back is the broker to go back to, or `current`. */
int64_t probe_step(struct probe *p, size_t current, bool online, int64_t now_ms, size_t *back);

#endif
