/*
 * bridge.h - the bridge: mirrors committed events and documents onto MQTT, and brings commands in
 * (protocol section 4).
 *
 * The bridge has a thread of its own. It sees the agent only through struct bridge_source. Nothing reaches it before it is durable.
 */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "model/snapshot.h"
#include "studio/error.h"

struct clock;
struct studio_values;
struct bridge;

typedef bool bridge_cleared_fn(void *ctx, const char *table_id, const char *field);

/* What `health` and `info` tell about the agent. */
struct bridge_agent_stats {
    uint64_t committed; /* newest durable seq */
    uint64_t tables, clients, subscribers;
    uint64_t updates; /* accepted since start */
    uint64_t refused; /* since start */
    bool store_writable;
};

/* A command from MQTT on its way to the agent. Owned by the bridge. */
struct bridge_command {
    const char *table_id; /* as in the topic, not checked */
    const char *client;   /* a valid client name */
    const char *field;    /* NULL: payload is a message; else one value of this field */
    const char *payload;
    size_t payload_len;
    bool retained; /* to be refused; the agent reads its request_id for the answer */
};

/* The agent as the bridge sees it. Calls come from the bridge thread unless said otherwise. */
struct bridge_source {
    void *ctx;
    /* Events with from <= seq <= to in order, at most `limit`, from the store. May read the disk. */
    enum studio_err (*read)(void *ctx, uint64_t from, uint64_t to, size_t limit,
                            studio_event_fn *fn, void *fn_ctx);
    /* Change events of a table with rev >= from_rev and seq > after_seq, at most `limit`. */
    enum studio_err (*read_changes)(void *ctx, const char *table_id, uint64_t from_rev,
                                    uint64_t after_seq, size_t limit, studio_event_fn *fn,
                                    void *fn_ctx);
    /* Oldest kept seq (committed + 1 when none is); of a table: its oldest kept rev and its seq. */
    enum studio_err (*oldest)(void *ctx, uint64_t *seq);
    enum studio_err (*oldest_rev)(void *ctx, const char *table_id, bool *found, uint64_t *rev,
                                  uint64_t *seq);
    /* Retained topics of removed custom fields and tables, to be cleared after each connection. */
    enum studio_err (*cleared)(void *ctx, bridge_cleared_fn *fn, void *fn_ctx);
    /* Every event <= seq is acknowledged by a broker (or parked). Rides along in the next commit. */
    void (*acked)(void *ctx, uint64_t seq);
    /* This event was refused for good. */
    void (*parked)(void *ctx, uint64_t seq, const char *reason);
    void (*stats)(void *ctx, struct bridge_agent_stats *out);
    /* Takes the command into the net thread's queue. The agent calls bridge_answer() exactly once for
     * each that returned true. False: the queue is full; the same comes again after an answer. */
    bool (*command)(void *ctx, struct bridge_command *command);
};

/* Strings are copied by bridge_create. */
struct bridge_config {
    const char *brokers; /* URI[,URI...] in order of preference: mqtt:// tcp:// mqtts:// ssl:// */
    const char *agent_id;
    const char *topic_root;
    const struct studio_values *lists; /* of the values, for `info`; only during the call */
    const char *epoch;
    uint64_t boot;
    uint64_t acked;                            /* every event <= acked needs no sending */
    uint64_t committed;                        /* newest event at start */
    uint64_t parked;                           /* already parked */
    int mqtt_version;                          /* 5 or 4 */
    const char *username, *password, *ca_file; /* NULL: none; see studio/agent.h */
    const char *password_file;
    unsigned keepalive_s, session_expiry_s;
    const char *link_program; /* a studio-agent, runs the MQTT connections (link_process.h) */
    const char *info;         /* JSON members for `info` beyond those the bridge knows, or NULL */
};

struct bridge_stats {
    bool connected;
    char broker[256]; /* URI in use or tried, without credentials */
    uint64_t acked;   /* watermark */
    uint64_t parked;
    uint64_t connections; /* made since start */
};

/* Checks the configuration and copies it; starts nothing. `error` (never NULL) says what is wrong.
 * Errors: USAGE (a URI, a scheme, a number of credentials that fits no broker), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err bridge_create(const struct bridge_config *config,
                                              const struct bridge_source *source,
                                              const struct clock *clock, struct bridge **out,
                                              struct studio_error *error);
/* Starts the thread. All tables have been handed over by bridge_committed before. */
STUDIO_MUST_USE enum studio_err bridge_start(struct bridge *bridge);
/* For the beginning of an orderly stop: takes no more commands (the broker keeps them for the next
 * start). Those on their way still get their answer. Returns at once. */
void bridge_quiesce(struct bridge *bridge);
/* After bridge_quiesce: no command can come any more. Any thread. */
bool bridge_quiet(struct bridge *bridge);
/* Stops in order: in-flight publishes and answers get 1 s, `stopped` is published, disconnect. A command
 * that is not answered by then is left with the broker. Blocks up to 2.5 s; source is not called
 * afterwards. */
void bridge_stop(struct bridge *bridge);
void bridge_destroy(struct bridge *bridge);

/* --- from the net thread, never blocking on the network -------------------------------------- */

/* What one commit brought: its events, in order, without a gap to the ones before, and the newest state
 * of each table it changed. Takes its own references. Events that do not fit into its bounded queue
 * are read from the source later; snapshots are conflated (promise 3). False: no memory for a
 * snapshot, they all have to be handed over again. n or m may be 0. */
STUDIO_MUST_USE bool bridge_committed(struct bridge *bridge, struct studio_event *const *events,
                                      size_t n, struct studio_snapshot *const *snapshots, size_t m);
/* The newest presence document of a table, JSON; NULL clears the retained topic. Conflated: at most
 * one publication per second and table. Without memory it is lost until it changes. */
void bridge_presence(struct bridge *bridge, const char *table_id, const char *json);
/* The one answer to a command (JSON); NULL: none (an ignored command). Ends the command. */
void bridge_answer(struct bridge *bridge, struct bridge_command *command, const char *json,
                   size_t len);
/* Any thread. */
void bridge_get_stats(struct bridge *bridge, struct bridge_stats *out);

#endif
