/*
 * core.h - the one way of every message: decode, check, stage, commit, then answer and publish.
 *
 * Nothing is shown, answered or published before it is durable. A message becomes an item (item.h);
 * if it must wait (it is to be stored, or an earlier one of its sender waits) it joins the open
 * batch; at the end of a loop turn the batch goes to the store thread; when it comes back its items
 * are settled in order. A refused batch refuses with it everything already checked against it. A
 * command of MQTT or HTTP with a request_id is first looked up by the reader's thread; those behind it wait in
 * line (requests.h). Net thread only.
 */
#ifndef AGENT_CORE_CORE_H
#define AGENT_CORE_CORE_H

#include "core/actor.h"
#include "core/http_command.h"
#include "core/options.h"
#include "model/event.h"
#include "model/replay.h"

struct bridge;
struct committer;
struct core;
struct tables;

/* NULL: out of memory. */
struct core *core_create(const struct core_options *options);
/* At start, for each table of the store: its row; without a document it was removed. Errors: USAGE (it
 * has a value that is not configured), STORE_UNUSABLE (its document cannot be read), NO_MEMORY. What
 * `former` is, document_parse says. */
STUDIO_MUST_USE enum studio_err core_restore(struct core *core, const char *id, uint64_t rev,
                                             const char *document, size_t len, struct buf *former,
                                             struct studio_error *error);
/* Committer and lookup have been stopped before. */
void core_destroy(struct core *core);

struct hub *core_hub(struct core *core);
/* To look at what is committed. */
struct tables *core_tables(struct core *core);
/* The newest committed event: what is visible of the tables is what came of it and those before. */
uint64_t core_last_seq(const struct core *core);
/* Before the first message. The committer outlives the core's last message, not the core. */
void core_set_committer(struct core *core, struct committer *committer);
/* From now on committed events, documents and presence go to the bridge as well; NULL: to none. */
void core_set_bridge(struct core *core, struct bridge *bridge);
/* From now on it hears of all events that have become visible, in order, once a batch. */
void core_set_listener(struct core *core, studio_events_fn *listener, void *ctx);
/* Announces every restored table. False: out of memory. */
STUDIO_MUST_USE bool core_announce(struct core *core);
/* Announces what could not be for want of memory. Call it now and then. */
void core_announce_due(struct core *core);

/* An authenticated connection is there: it counts, and a device's table is created if need be. It is
 * answered with its first document, or with why it cannot be; maybe before this returns. */
void core_join(struct core *core, struct actor *actor);
/* The same for one that only listens: it counts, no more. False: out of memory. */
STUDIO_MUST_USE bool core_attend(struct core *core, struct actor *actor);
/* It counts no more and nothing is pushed to it; what it is owed is still answered. Also for one that
 * never joined. */
void core_leave(struct core *core, struct actor *actor);
/* Connections of this user that have joined. */
size_t core_connections(const struct core *core, const char *user_id);
/* After the first document: subscribes to `tables` (`*` or names separated by commas); answered only
 * if refused. False: out of memory, there is no answer. */
STUDIO_MUST_USE bool core_subscribe(struct core *core, struct actor *actor, const char *tables);

/* One message of a connection; leads to exactly one ops->answer, now or later. */
void core_message(struct core *core, struct actor *actor, const char *text, size_t len);
/* One command of MQTT (`field` NULL: a message); the same. */
void core_command(struct core *core, struct actor *actor, const char *field, const char *text,
                  size_t len);
/* A command that was retained: only refused, with its request_id. */
void core_retained_command(struct core *core, struct actor *actor, const char *field,
                           const char *text, size_t len);

/* One of HTTP; leads to exactly one ops->answer, now or later; LIMIT: so much waits that this cannot. With a key (or a
 * `request_id` in the body) it is remembered as a command of MQTT is. */
void core_http_command(struct core *core, struct actor *actor, const struct http_command *command);

/* A request for replay, of MQTT. True: it is one, `out` says of what, and the replay is its answer. */
STUDIO_MUST_USE bool core_replay(struct core *core, struct actor *actor, const char *text,
                                 size_t len, bool retained, struct studio_replay *out);

/* Ends a loop turn: hands the open batch to an idle store. */
void core_end_turn(struct core *core);
/* Settles the batch that came back, if one did; true if so. Goes on with the commands whose lookups
 * came back. */
bool core_settle(struct core *core);
/* So many commands wait that no more should be given to core_command until core_settle was called. */
bool core_commands_wait(const struct core *core);
/* Nothing waits for the store, neither for a commit nor for a lookup. */
bool core_quiet(const struct core *core);
/* So many events wait for a broker that changes are refused. */
bool core_backlog_full(const struct core *core);
/* So much waits that senders should not be read until core_settle returned true. */
bool core_congested(const struct core *core);

#endif
