/*
 * feed.h - the committed events still to be sent, in order and without a gap: from memory when they
 * are there, else in pages from the store.
 *
 *     store  [ next ........ page ][ ..... ]        read in pages of FEED_PAGE, up to where
 *     memory                               [ live ] the events in memory begin
 *
 * The net thread hands events over, the bridge thread takes them; what does not fit into memory is left
 * out and read from the store later.
 */
#ifndef BRIDGE_FEED_H
#define BRIDGE_FEED_H

#include <pthread.h>

#include "bridge_source.h"

enum {
    FEED_PAGE = 256,
    FEED_MAX_EVENTS = 8192, /* in memory */
    FEED_MAX_BYTES = 8 << 20
};

/* A queue of events; zeroed memory is an empty one. */
struct feed_list {
    struct studio_event **ring;
    size_t cap, head, count, bytes;
};
/* Makes room for `n` events. False: no memory. */
STUDIO_MUST_USE bool feed_list_reserve(struct feed_list *list, size_t n);
/* Appends if the bounds and the memory allow, and takes the reference over; else false. */
bool feed_list_add(struct feed_list *list, struct studio_event *event);
/* Into its place in the order of seq, into room that was reserved; no bound applies. */
void feed_list_insert(struct feed_list *list, struct studio_event *event);
struct studio_event *feed_list_first(const struct feed_list *list);
struct studio_event *feed_list_last(const struct feed_list *list);
/* The first, with its reference; NULL when empty. */
struct studio_event *feed_list_take(struct feed_list *list);
/* Lets go of all events; finish of the memory too. */
void feed_list_clear(struct feed_list *list);
void feed_list_finish(struct feed_list *list);

struct feed {
    const struct bridge_source *source;
    struct feed_list page; /* bridge thread */
    int64_t retry_ms;      /* bridge thread: no reading before this; 0: at once */
    pthread_mutex_t lock;  /* guards what follows */
    struct feed_list live;
    uint64_t next;      /* the event to send next; only the bridge thread changes it */
    uint64_t committed; /* the newest there is */
    bool ready;
};

/* `next`: the first one to be sent; `committed`: the newest in the store. */
STUDIO_MUST_USE enum studio_err feed_init(struct feed *f, const struct bridge_source *source,
                                          uint64_t next, uint64_t committed);
void feed_finish(struct feed *f);

/* Net thread. Committed events, in order, without a gap to the ones before; takes its own
 * references. */
void feed_add(struct feed *f, struct studio_event *const *events, size_t n);

/* Bridge thread, all below. The next event to send, NULL if there is none now. It stays in the feed. */
struct studio_event *feed_peek(struct feed *f, int64_t now_ms);
/* Takes what feed_peek gave, with its reference. */
struct studio_event *feed_take(struct feed *f);
/* Goes back: everything from `seq` on is to be sent again. */
void feed_rewind(struct feed *f, uint64_t seq);
/* The event to send next, whether there is one yet or not; the newest there is. */
uint64_t feed_next(const struct feed *f);
uint64_t feed_committed(struct feed *f);
/* When the store is read again, after it could not be; 0: nothing waits for that. */
int64_t feed_retry_ms(struct feed *f);

#endif
