/* announce.h - tells watchers and bridge what has become visible, and who is connected. */
#ifndef AGENT_CORE_ANNOUNCE_H
#define AGENT_CORE_ANNOUNCE_H

#include "core/item.h"

struct core;

/* A settled batch: all its events and the newest snapshot of each table go to the bridge in one
 * piece, so that it sees no gap; the snapshots to the watchers; the events to the listener. */
void announce_batch(struct core *core, struct batch *batch);
/* One table now, if its newest state is not announced yet. */
void announce_table(struct core *core, struct table *table);
/* An exception that has just become durable, to the watchers of its table. */
void announce_exception(struct core *core, const struct item *item);
/* Who is connected for a table, to the bridge, and whether anybody is to watchers; nothing for a table that does not exist. */
void announce_presence(struct core *core, const char *table_id);
/* All tables not announced yet, and who is connected for each. False: out of memory. */
STUDIO_MUST_USE bool announce_all(struct core *core);
/* What could not be announced for want of memory. */
void announce_due(struct core *core);

#endif
