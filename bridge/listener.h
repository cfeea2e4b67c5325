/*
 * listener.h - the connection commands come in by: client id `studio-agent-<agent>-in`, no will, its
 * session kept by the broker so that commands wait while the agent is away. Bridge thread.
 *
 * It follows the publishing connection from broker to broker but survives a loss of that one. On the
 * first broker of this run it takes up the session it finds; on another one it starts clean, for
 * what may wait there is meant for another time. On MQTT 3.1.1 a connection that starts clean leaves nothing
 * behind either: there it is ended at once, and made again with a session that is kept.
 */
#ifndef BRIDGE_LISTENER_H
#define BRIDGE_LISTENER_H

#include "base/backoff.h"
#include "connection.h"

enum {
    /* When a session is resumed it is subscribed to again so often: Mosquitto 2.0 stops handing over what
     * it kept once all that may be in flight (20) has expired, until the next subscription. It keeps
     * 1,000 by default. Not on 3.1.1, where nothing expires and each brings all retained ones again. */
    LISTENER_NUDGES = 256,
    LISTENER_SUBSCRIBE_MS = 5000,
    LISTENER_SLOW_MS = 30000
};

struct listener_options {
    struct link *link;
    const struct topics *topics;
    const struct bridge_config *config;
    struct lessons *lessons;
    backoff_random_fn *random;
    void *random_ctx;
};

struct listener {
    struct listener_options o;
    struct connection connection;
    bool closing;                /* for good: takes no more commands */
    const struct broker *broker; /* connected or last connected to; NULL: none yet */
    bool clean;                  /* what waits there is not for us */
    bool discarding;             /* it is thrown away (MQTT 3.1.1), then we come again */
    bool subscribed;
    bool taken_over;       /* by another client: no hurry */
    bool off[BROKERS_MAX]; /* no commands from this one any more */
    unsigned nudges;       /* subscriptions still to be repeated */
    struct backoff backoff;
    int64_t due_ms, up_ms, subscribe_ms;
    char said[LINK_TEXT_MAX];
};

void listener_init(struct listener *s, const struct listener_options *options);
/* What the link reports; records of other links are ignored. What it was to the connection. */
enum connection_news listener_event(struct listener *s, const struct link_event *event,
                                    int64_t now_ms);
/* `broker`: where the publishing connection is up, NULL if it is not. Returns when to call again. */
int64_t listener_step(struct listener *s, const struct broker *broker, int mqtt_version,
                      int64_t now_ms);
/* The publishing connection has just come up, so the broker answers: what failed before is tried at once,
 * but for a session that was taken over. */
void listener_hurry(struct listener *s, int64_t now_ms);
/* It and the publishing connection are one client to this broker, and end each other (rivals.h): no commands from
 * there until the agent starts again, so that the mirror stays. Says so in the log. */
void listener_give_in(struct listener *s, int64_t now_ms);
/* A literal for health: `on`, `waiting`, `off`. */
const char *listener_state(const struct listener *s);
/* Takes no command any more: disconnects, the broker keeps the session. */
void listener_close(struct listener *s, int64_t now_ms);
/* Closed, and no command can come any more. */
bool listener_quiet(const struct listener *s);

#endif
