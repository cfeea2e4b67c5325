/*
 * relay.h - the bridge's state machine: connect, keep sending, lose, try again, leave in order. It
 * runs on the bridge thread and sees time, MQTT and the agent only through tables of functions.
 *
 *                           stop, or a preferred broker is back
 *     ┌─► SERVING (idle, connecting, up) ───────────────────► DRAINING   in flight, answers: <= 1 s
 *     │                                                         │
 *     │ moved, or the connection ended                          ▼
 *     ├─────────────────────── LEAVING ◄────────────────── FAREWELL
 *     │                        <= 0.5 s      acked or     `stopped` / `moved` published
 *     ▼ stopped                              0.5 s
 *   ENDED
 *
 * The connection itself is connection.h's, when and where to connect is dial.h's. Beside it the
 * listener for commands (listener.h) follows the publishing connection, and while that one is
 * not with the most preferred broker, the probe (probe.h) looks whether a better one is back.
 *
 * The CONNACK starts the drain: birth first, then everything else by its share (sender.h).
 *
 * While it is not sure that the agent is still ours (source.owned) it is mute: it sends nothing, dials nobody, and ends
 * what it had begun; a connection that is up waits.
 */
#ifndef BRIDGE_RELAY_H
#define BRIDGE_RELAY_H

#include "dial.h"
#include "listener.h"
#include "probe.h"
#include "rivals.h"
#include "sender.h"

enum relay_state { RELAY_SERVING, RELAY_DRAINING, RELAY_FAREWELL, RELAY_LEAVING, RELAY_ENDED };

enum {
    RELAY_DRAIN_MS = 1000,
    RELAY_FAREWELL_MS = 500,
    RELAY_LEAVE_MS = 500,
    RELAY_MUTE_MS = 100, /* until it looks again whether it may speak */
    RELAY_STOP_MS = RELAY_DRAIN_MS + RELAY_FAREWELL_MS + RELAY_LEAVE_MS
};

struct relay_options {
    const struct bridge_config *config;
    const struct brokers *brokers;
    const struct topics *topics;
    const struct bridge_source *source;
    const struct clock *clock;
    struct link *links[LINK_COUNT];
    struct sender_inlets in;
    struct control_options control;
    backoff_random_fn *random;
    void *random_ctx;
};

struct relay {
    struct relay_options o;
    enum relay_state state;
    int64_t since_ms; /* of the state */
    struct lessons lessons;
    struct connection connection;
    uint64_t conn;  /* number of the connection or attempt */
    bool conn_used; /* it may have been seen by a broker */
    struct announce_presence presence;
    struct dial dial;
    struct sender sender;
    struct listener listener; /* commands */
    struct probe probe;
    struct rivals rivals;
    size_t move_to; /* the broker to go on with after leaving this one */
    bool moved;     /* `moved` is the last word said; not connected since */
    bool stopping;
    int64_t stop_by_ms;
    uint64_t connections;
};

STUDIO_MUST_USE enum studio_err relay_init(struct relay *r, const struct relay_options *options);
void relay_finish(struct relay *r);

/* What the link reports. */
void relay_event(struct relay *r, const struct link_event *event);
/* Does all that can be done now; returns when to call again at the latest (mono_ms). */
int64_t relay_step(struct relay *r);
/* All that is retained goes out again; without a connection the next one does that anyway. */
void relay_again(struct relay *r);
/* Takes no more commands; everything else goes on. Quiet: none can come any more. */
void relay_quiesce(struct relay *r);
bool relay_quiet(const struct relay *r);
/* Starts the orderly end; relay_ended() tells when it is reached. */
void relay_stop(struct relay *r);
bool relay_ended(const struct relay *r);
/* The agent is another process's, or is to be: ends without another word. `lost`: the broker is asked to say so, in
 * the name of this boot; else the other one follows at once. */
void relay_drop(struct relay *r, bool lost);
void relay_get_stats(const struct relay *r, struct bridge_stats *out);
/* Appends the names that this broker does not carry, as `health` tells them. */
void relay_print_uncarried(const struct relay *r, struct buf *out);
/* outbox_waiting_since now; may read the store. */
int64_t relay_waiting_since(struct relay *r);

#endif
