/* item.h - one message in a batch, with all that its commit and its answer need. Net thread only;
 * the store thread reads the row while the batch is under way. */
#ifndef AGENT_CORE_ITEM_H
#define AGENT_CORE_ITEM_H

#include "core/actor.h"
#include "core/tables.h"
#include "protocol/message.h"
#include "store/store.h"

enum item_kind {
    ITEM_CREATE,    /* a table, by the connection of its first device */
    ITEM_UPDATE,    /* */
    ITEM_REMOVE,    /* a table */
    ITEM_NOTE,      /* an answer that is to be remembered, of a message that changes nothing */
    ITEM_EXCEPTION, /* */
    ITEM_ANSWER,    /* an answer that only waits for its turn */
    ITEM_CALL,      /* a message that reads: carried out when its turn comes */
    ITEM_WELCOME,   /* the first document */
    ITEM_REPEAT     /* a command whose like is in a batch: looked at again in its turn */
};

struct item {
    enum item_kind kind;
    struct actor *actor;
    struct table *table;              /* of the kinds that have a row */
    struct message message;           /* UPDATE, EXCEPTION, REMOVE, CALL; else zeroed */
    struct buf answer;                /* if all goes well; ANSWER: in any case */
    struct buf text;                  /* REPEAT: the message again */
    struct studio_event *event;       /* of the kinds that are stored, but for NOTE */
    struct studio_snapshot *snapshot; /* CREATE, UPDATE, REMOVE: the table afterwards */
    const char **names; /* of custom fields: first those cleared, then those set; NULL: none */
    size_t cleared_count, set_count;
    struct store_request request;
    bool has_request;
    int64_t wall_ms;
};

struct batch {
    struct item **items;
    size_t count, cap;
    struct store_item *rows; /* one for each item that is to be stored, in order */
    size_t row_count, row_cap;
    /* Room for what the bridge gets of it, as many as rows: */
    struct studio_event **events; /* in order; event_count of them */
    size_t event_count;
    struct studio_snapshot **snapshots;
    size_t bytes; /* about, to bound the batch */
};

static inline bool item_has_row(const struct item *item)
{
    return item->kind <= ITEM_EXCEPTION;
}

/* NULL: out of memory. Takes a reference to the actor. */
struct item *item_create(enum item_kind kind, struct actor *actor);
void item_destroy(struct item *item);

/* Appends; the row is made from the item, which must not change any more. False: out of memory. */
STUDIO_MUST_USE bool batch_add(struct batch *batch, struct item *item);
/* Destroys all items, keeps the arrays. */
void batch_clear(struct batch *batch);
void batch_finish(struct batch *batch);

#endif
