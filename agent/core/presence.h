/*
 * presence.h - who is connected: one entry per user id, its connections counted.
 *
 * Serves the limit on connections per id, the presence document (section 4), and the question
 * whether a table's devices are connected. Net thread only.
 */
#ifndef AGENT_CORE_PRESENCE_H
#define AGENT_CORE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { PRESENCE_CLIENTS_MAX = 32 }; /* entries in the document */

struct presence;

struct presence *presence_create(void);
void presence_destroy(struct presence *presence);

/* One more connection of this user. `shown`: it stands in its table's presence (devices do).
 * *changed: the table's document is another now. False: out of memory, nothing has changed. */
bool presence_join(struct presence *presence, const char *user_id, const char *table_id, bool shown,
                   int64_t wall_ms, bool *changed);
/* One connection less. Returns whether the table's document is another now. */
bool presence_leave(struct presence *presence, const char *user_id, bool shown);

/* Connections of this user now. */
size_t presence_connections(const struct presence *presence, const char *user_id);
/* Users shown for a table. */
size_t presence_count(const struct presence *presence, const char *table_id);
/* Appends the presence document of a table. */
void presence_print(const struct presence *presence, const char *table_id, struct buf *out);

#endif
