/*
 * feed.h - the committed events still to be sent, in order and without a gap: from memory when they
 * are there, else in pages from the store. Bridge thread; lists may be used anywhere.
 *
 *     store  [ next ........ page ][ ..... ]        read in pages of FEED_PAGE, up to where
 *     memory                               [ live ] the events in memory begin
 *
 * What no longer fits into memory is dropped at its end and read from the store later.
 */
#ifndef BRIDGE_FEED_H
#define BRIDGE_FEED_H

#include "bridge.h"

enum {
    FEED_PAGE = 256,
    FEED_MAX_EVENTS = 4096, /* of one list: the bridge's intake is another, 8192 in all */
    FEED_MAX_BYTES = 4 << 20
};

/* A copy of a bridge_event in one block. */
struct feed_event {
    struct feed_event *next;
    uint64_t seq;
    uint64_t rev;
    int64_t wall_ms;
    enum bridge_event_kind kind;
    bool parked;
    const char *table_id;
    const char *body;
    size_t body_len;
    char data[];
};
/* NULL without memory; free() it. */
struct feed_event *feed_event_copy(const struct bridge_event *event);

struct feed_list {
    struct feed_event *head, *tail;
    size_t count, bytes;
};
/* Appends if the bounds allow; else false, the event stays the caller's. */
bool feed_list_add(struct feed_list *list, struct feed_event *event);
struct feed_event *feed_list_take(struct feed_list *list);
void feed_list_clear(struct feed_list *list);

struct feed {
    const struct bridge_source *source;
    struct feed_list page, live;
    uint64_t next;      /* the event to send next */
    uint64_t committed; /* the newest there is */
    int64_t retry_ms;   /* no reading before this; 0: at once */
};

void feed_init(struct feed *f, const struct bridge_source *source, uint64_t next,
               uint64_t committed);
void feed_finish(struct feed *f);
/* Events up to here exist, whether they come by feed_add or not. */
void feed_committed(struct feed *f, uint64_t seq);
/* Takes over one event of the intake. */
void feed_add(struct feed *f, struct feed_event *event);
/* The next event to send, NULL if there is none now. It stays in the feed. */
const struct feed_event *feed_peek(struct feed *f, int64_t now_ms);
/* Takes what feed_peek gave. */
struct feed_event *feed_take(struct feed *f);
/* Goes back: everything from `seq` on is to be sent again. */
void feed_rewind(struct feed *f, uint64_t seq);
/* True while there are events to send. */
bool feed_pending(const struct feed *f);

#endif
