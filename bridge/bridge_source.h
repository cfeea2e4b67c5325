/*
 * bridge_source.h - what the bridge is given: its configuration, and the agent as it sees it; and what
 * it tells of itself. All files of the bridge may know it.
 */
#ifndef BRIDGE_BRIDGE_SOURCE_H
#define BRIDGE_BRIDGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "studio/error.h"

struct figures;
struct studio_values;

typedef bool bridge_cleared_fn(void *ctx, const char *table_id, const char *field);

enum { BRIDGE_MEMO_MAX = 4095 };

/* A command from MQTT on its way to the agent. Owned by the bridge. */
struct bridge_command {
    const char *table_id; /* as in the topic, not checked */
    const char *client;   /* a valid client name */
    const char *field;    /* NULL: payload is a message; else one value of this field */
    const char *payload;
    size_t payload_len;
    bool retained; /* to be refused; the agent reads its request_id for the answer */
    bool replay;   /* payload asks for a replay; table_id is empty */
};

/* The agent as the bridge sees it. Calls come from the bridge thread unless said otherwise. */
struct bridge_source {
    void *ctx;
    struct figures *figures; /* `health` tells them; the bridge says whether it is connected */
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
    /* The broker has answered the clearing of all that this table removed up to this rev. May be lost. */
    void (*clearing_done)(void *ctx, const char *table_id, uint64_t rev);
    /* Every event <= seq is acknowledged by a broker (or parked). Rides along in the next commit. */
    void (*acked)(void *ctx, uint64_t seq);
    /* This event was refused for good. */
    void (*parked)(void *ctx, uint64_t seq, const char *reason);
    /* Keeps this text, of up to BRIDGE_MEMO_MAX bytes, for the next start (bridge_config.memo). */
    void (*memo)(void *ctx, const char *text);
    /* The agent is ours for sure: else nothing may be said in its name. NULL: always. */
    bool (*owned)(void *ctx);
    /* Takes the command into the net thread's queue. The agent calls bridge_answer() or
     * bridge_replay() exactly once for each that returned true. False: the queue is full; the same
     * comes again after an answer. */
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
    uint64_t acked;     /* every event <= acked needs no sending */
    uint64_t committed; /* newest event at start */
    uint64_t parked;    /* already parked */
    const char *memo;   /* kept by an earlier run, or NULL; during the call */
    int mqtt_version;   /* 5 or 4 */
    const char *username, *password, *ca_file; /* NULL: none; see studio/agent.h */
    const char *password_file;
    const char *command_username, *command_password, *command_password_file; /* NULL: as above */
    const char *cert_file,
        *key_file; /* ours; NULL: none. The key may be in the certificate's file */
    unsigned keepalive_s, session_expiry_s;
    unsigned republish_spread_s; /* what is retained comes again over so long after a connection */
    bool shared_root;            /* other agents publish under the same root */
    bool topic_escape;           /* names are written with %2E, %20, %25 in topics */
    const char *link_program;    /* a studio-agent, runs the MQTT connections (link_process.h) */
    const char *info; /* JSON members for `info` beyond those the bridge knows, or NULL */
};

/* Messages not sent any more, as brokers refused them for good or hang up on them. */
struct bridge_parked {
    uint64_t events; /* in all; the others since the start */
    uint64_t retained, answers, replays;
    uint64_t agent; /* what the agent says of itself */
};

struct bridge_stats {
    bool connected;
    char broker[256]; /* URI in use or tried, without credentials */
    uint64_t acked;   /* watermark */
    struct bridge_parked parked;
    uint64_t connections; /* made since start */
    size_t number;        /* of the broker, in the list, from 0 on */
    uint64_t ignored;     /* messages on command topics that were no commands */
    const char *commands; /* a literal: on, waiting, off */
};

#endif
