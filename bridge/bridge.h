/*
 * bridge.h - the bridge: mirrors committed events and documents onto MQTT, and brings commands in
 * (protocol section 4).
 *
 * The bridge has a thread of its own. It sees the agent only through struct bridge_source. Nothing
 * reaches it before it is durable.
 */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "bridge_source.h"
#include "model/event.h"
#include "model/replay.h"
#include "model/snapshot.h"
#include "studio/error.h"

struct clock;
struct bridge;

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
/* For an agent that is another process's, or is to be: leaves without another word in its
 * name. `lost`: the broker is asked to say so, in the name of this boot; else the other one follows at once. Returns at
 * once; bridge_stop then blocks up to 0.5 s. NULL does nothing. */
void bridge_drop(struct bridge *bridge, bool lost);
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
/* Instead of bridge_answer, for a command that asks for a replay: who asked gets these events, or why
 * not. Ends the command. */
void bridge_replay(struct bridge *bridge, struct bridge_command *command,
                   const struct studio_replay *replay);
/* Any thread. Everything retained is published again, as after a new connection. */
void bridge_again(struct bridge *bridge);
/* Any thread. Appends the payload of `health` as it is now. */
void bridge_print_health(struct bridge *bridge, struct buf *out);
/* Any thread. */
void bridge_get_stats(struct bridge *bridge, struct bridge_stats *out);

#endif
