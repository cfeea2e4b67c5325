/*
 * mirror.h - the retained picture of every table: what was published last, what is newer, and what
 * has to go out next (protocol section 4, promise 3). The one place where a table is known to the bridge:
 * any thread tells what is newest, the bridge thread takes what is to be published.
 *
 * A table publishes in rounds: status, then the fields that differ from the last round, then empty
 * payloads for what is gone. A round shows one snapshot throughout; the next one starts 100 ms
 * after it at the earliest, with whatever is newest by then. After every new connection all tables
 * go through a full round. Tables are never forgotten: their number is bounded by the agent's
 * limit.
 *
 * Presence that says who is there expires where the broker can do that, and is said again in time.
 */
#ifndef BRIDGE_MIRROR_H
#define BRIDGE_MIRROR_H

#include "bridge_source.h"
#include "model/snapshot.h"
#include "topics.h"

enum {
    MIRROR_ROUND_MS = 100,
    MIRROR_PRESENCE_MS = 1000,
    MIRROR_REFRESHES_PER_ROUND = 4 /* while there are rounds to begin */
};

struct mirror;
struct mirror_entry;

/* One retained message. Pointers are valid until the next mirror_next or mirror_restart. */
struct mirror_message {
    struct mirror_entry *entry; /* lives as long as the mirror */
    enum table_topic topic;     /* STATUS, FIELD, PRESENCE */
    const char *table_id;
    const char *field; /* FIELD only */
    const char *payload;
    size_t len;        /* 0 clears the topic */
    bool plain;        /* plain text, not JSON */
    unsigned expiry_s; /* 0: never */
    unsigned lap;      /* for mirror_done */
};

STUDIO_MUST_USE enum studio_err mirror_create(struct mirror **out);
void mirror_destroy(struct mirror *m);

/* Any thread. The newest states of tables; takes its own references, one older than known is ignored.
 * NO_MEMORY: some are not known, they have to be handed over again. */
STUDIO_MUST_USE enum studio_err mirror_tables(struct mirror *m,
                                              struct studio_snapshot *const *snapshots, size_t n);
/* Any thread. The newest presence document; NULL clears the topic. */
STUDIO_MUST_USE enum studio_err mirror_presence(struct mirror *m, const char *table_id,
                                                const char *json);

/* Bridge thread, all below. A new connection: nothing counts as published. `expires`: messages can. */
void mirror_restart(struct mirror *m, bool expires);
/* After that: tables without news come one by one within `spread_ms`, and not all agents' at the same times (`random`).
 * 0: at once. */
void mirror_spread(struct mirror *m, int64_t now_ms, int64_t spread_ms, uint32_t random);
/* A topic the broker may still hold: the field's, or with NULL or "" all of the table. Goes out
 * empty once, unless the table has the field again by then. */
STUDIO_MUST_USE enum studio_err mirror_clear(struct mirror *m, const char *table_id,
                                             const char *field);

/* The next message that may go out now; false if there is none. It counts as published. */
bool mirror_next(struct mirror *m, int64_t now_ms, struct mirror_message *out);
/* True if mirror_next may have one. */
bool mirror_ready(struct mirror *m, int64_t now_ms);
/* A message of this entry was not accepted: the table goes through a full round again. That knows of no
 * custom field that went before the round going on: see mirror_clear. */
void mirror_again(struct mirror *m, struct mirror_entry *entry);

/* Every message of mirror_next ends once. `answered`: by the broker, it will not be sent again. */
void mirror_done(struct mirror *m, struct mirror_entry *entry, unsigned lap, bool answered);
/* After mirror_next and mirror_done: a table of which all that it removed up to *rev has been cleared, if
 * that is news; else NULL. */
const char *mirror_cleared(struct mirror *m, uint64_t *rev);

/* When mirror_next may have something that it has not now; -1 for never. */
int64_t mirror_deadline(struct mirror *m);

#endif
