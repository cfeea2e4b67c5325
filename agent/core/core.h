/*
 * core.h - the one way of every message: decode, check, stage, commit, then answer and publish.
 *
 * Nothing is shown, answered or published before it is durable. A message that must wait (it is to
 * be stored, or an earlier one of its sender waits) becomes an item of the open batch; at the end
 * of a loop turn the batch goes to the store thread; when it comes back its items are settled in
 * order. A refused batch refuses with it everything already checked against it. Net thread only.
 */
#ifndef AGENT_CORE_CORE_H
#define AGENT_CORE_CORE_H

#include "base/clock.h"
#include "core/actor.h"
#include "core/committer.h"
#include "core/presence.h"
#include "core/tables.h"

struct bridge;
struct core;

struct core_options {
    const struct clock *clock;
    const struct studio_values *lists; /* of the configuration; outlive the core */
    struct store_reader *reader;       /* for remembered requests */
    uint64_t last_seq;                 /* newest committed event at start */
    bool mirror;                       /* a broker is configured: the backlog is bounded */
    uint64_t max_backlog;
    size_t max_tables;
    int64_t rate, burst; /* messages per second and actor */
    bool create_tables;  /* an MQTT command may create a table */
    bool shared_root;    /* silence on MQTT commands for unknown tables */
};

struct core_stats {
    uint64_t last_seq;
    uint64_t updates; /* accepted and durable since start */
    uint64_t refused; /* answered with an error since start */
};

/* NULL: out of memory. */
struct core *core_create(const struct core_options *options);
/* At start, for each table of the store: its row; without a document it was removed. Errors as of
 * document_parse. */
STUDIO_MUST_USE enum studio_err core_restore(struct core *core, const char *id, uint64_t rev,
                                             const char *document, size_t len);
/* The committer has been destroyed before. */
void core_destroy(struct core *core);

struct tables *core_tables(struct core *core);
struct hub *core_hub(struct core *core);
struct presence *core_presence(struct core *core);
struct core_stats core_get_stats(const struct core *core);
/* Before the first message. The committer outlives the core's last message, not the core. */
void core_set_committer(struct core *core, struct committer *committer);
/* From now on committed events and documents go to the bridge as well; NULL: to none. */
void core_set_bridge(struct core *core, struct bridge *bridge);
/* Announces every restored table to the hub. False: out of memory. */
STUDIO_MUST_USE bool core_announce(struct core *core);
/* Announces what could not be for want of memory. Call it now and then. */
void core_announce_due(struct core *core);

/* An authenticated connection: a device's table is created if need be; then ops->welcome with the
 * first document, or ops->refuse. Both may be called before this returns. */
void core_join(struct core *core, struct actor *actor);
/* One message of a connection; leads to exactly one ops->answer, now or later. */
void core_message(struct core *core, struct actor *actor, const char *text, size_t len);
/* One command of MQTT (`field` NULL: a message); the same. */
void core_command(struct core *core, struct actor *actor, const char *field, const char *text,
                  size_t len);

/* A command that was retained: only refused, with its request_id. */
void core_retained_command(struct core *core, struct actor *actor, const char *field,
                           const char *text, size_t len);

/* Ends a loop turn: hands the open batch to an idle store. */
void core_end_turn(struct core *core);
/* Settles the batch that came back, if one did; true if so. */
bool core_settle(struct core *core);
/* Nothing waits for the store. */
bool core_quiet(const struct core *core);
/* So much waits that senders should not be read until core_settle returned true. */
bool core_congested(const struct core *core);

#endif
