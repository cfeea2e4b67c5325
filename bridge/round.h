/*
 * round.h - one round of a table's retained topics: its status, the fields that differ from the last
 * round, then empty payloads for what is gone. It shows one snapshot throughout. Under the mirror's lock.
 */
#ifndef BRIDGE_ROUND_H
#define BRIDGE_ROUND_H

#include "model/snapshot.h"
#include "topics.h"

/* What rounds of a table go by. Zeroed: the broker holds nothing of it. */
struct round_table {
    struct studio_snapshot *published; /* by the last round, or what is to count as that */
    bool full;                         /* the next round shows all, also what that one did */
    char *presence;                    /* the mirror's */
    struct cleared *cleared;           /* custom fields that still have to be cleared */
};

/* Frees its own. */
void round_table_finish(struct round_table *table);
/* `snapshot` counts as published from here on, nothing is to be cleared; NULL: nothing. */
void round_table_reset(struct round_table *table, struct studio_snapshot *snapshot);
/* Goes out empty once, unless the table has the field again by then. False: no memory. */
STUDIO_MUST_USE bool round_table_clear(struct round_table *table, const char *field);

struct round_message {
    enum table_topic topic; /* STATUS, FIELD, PRESENCE */
    const char *field;      /* FIELD only */
    const char *payload;    /* never NULL; as long as the round goes on */
    size_t len;             /* 0 clears the topic */
    bool plain;             /* plain text, not JSON */
};

/* What a round is made of, in this order. */
enum round_step { STEP_STATUS, STEP_FIELDS, STEP_GONE, STEP_CLEARED, STEP_END };

struct round {
    struct round_table *table;
    struct studio_snapshot *showing; /* NULL: nothing is known of the table */
    enum round_step step;
    size_t index;
    struct cleared *at;
};

void round_begin(struct round *round, struct round_table *table, struct studio_snapshot *showing);
/* False: that was all. */
bool round_next(struct round *round, struct round_message *out);
/* It is over. `published`: what it showed counts. */
void round_end(struct round *round, bool published);

#endif
