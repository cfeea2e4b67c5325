/* snapshot.h - prints a table's committed state once, to be shared by all who show it. */
#ifndef AGENT_CORE_SNAPSHOT_H
#define AGENT_CORE_SNAPSHOT_H

#include "bridge/bridge.h"
#include "model/state.h"

/* Free bytes before `push`, for the frame header a WebSocket library writes in place (net thread).
 */
enum { SNAPSHOT_HEADROOM = 16 };

/* One reference, the caller's. `state` NULL: the table was removed at `rev`. NULL: out of memory.
 */
struct studio_snapshot *snapshot_create(const char *table_id, const struct table_state *state,
                                        uint64_t rev);

#endif
