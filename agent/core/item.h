/* item.h - one message, from its bytes to its answer, with all that its commit needs; and the batch
 * it waits in. Net thread only; the store thread reads the row while the batch is under way. */
#ifndef AGENT_CORE_ITEM_H
#define AGENT_CORE_ITEM_H

#include "core/actor.h"
#include "core/lookup.h"
#include "core/tables.h"
#include "protocol/message.h"
#include "store/store.h"

enum item_kind {
    /* To be stored: */
    ITEM_CREATE,    /* a table, by the connection of its first device; answers nothing */
    ITEM_UPDATE,    /* */
    ITEM_REMOVE,    /* a table */
    ITEM_EXCEPTION, /* */
    ITEM_NOTE,      /* an answer that is to be remembered, of a message that changes nothing */
    /* Only waiting for their turn: */
    ITEM_ANSWER,  /* an answer that is ready */
    ITEM_READ,    /* a message that reads: carried out in its turn */
    ITEM_WELCOME, /* the first document */
    ITEM_REPEAT   /* a command whose like is in a batch: received again in its turn */
};

/* What is known of a command in line: whether it has been answered before. */
enum item_state {
    ITEM_FREE,  /* it has no request_id: nothing needs to be known */
    ITEM_DUE,   /* to be looked up */
    ITEM_ASKED, /* the lookup is out: the item is the reader's thread's */
    ITEM_KNOWN  /* it came back */
};

struct item {
    enum item_kind kind;
    struct actor *actor;
    struct table *table;              /* of what is stored */
    struct message message;           /* decoded in place; zeroed when there is none */
    enum studio_err err;              /* of the answer */
    struct buf answer;                /* if all goes well; failed: there was no memory to say it */
    struct studio_event *event;       /* of what is stored, but for NOTE */
    struct studio_snapshot *snapshot; /* CREATE, UPDATE, REMOVE: the table afterwards */
    const char **names; /* of custom fields: first those cleared, then those set; NULL: none */
    size_t cleared_count, set_count;
    struct store_request request; /* borrows from the actor, the message and the answer */
    bool has_request;
    int64_t wall_ms;
    int64_t received_us; /* of a message, monotonic; 0: it is none */
    /* Of a command in line: */
    enum item_state state;
    uint64_t arrival; /* its place among all commands */
    struct lookup_job lookup;
    struct item *behind;
};

/* Commands waiting for their lookup, or for those before them; requests.h. */
struct line {
    struct item *first, *last;
    size_t count;
    uint64_t arrivals; /* so far */
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

/* For a message of this actor, to which it takes a reference. NULL: out of memory. */
struct item *item_create(enum item_kind kind, struct actor *actor);
void item_destroy(struct item *item);
bool item_is_stored(const struct item *item);

/* Appends and takes over; what is to be stored is in the item and must not change any more. False:
 * out of memory, the item is the caller's. */
STUDIO_MUST_USE bool batch_add(struct batch *batch, struct item *item);
/* Takes an item out that is not to be stored; its place stays empty. */
struct item *batch_take(struct batch *batch, size_t i);
/* Destroys all items, keeps the arrays. */
void batch_clear(struct batch *batch);
void batch_finish(struct batch *batch);

#endif
