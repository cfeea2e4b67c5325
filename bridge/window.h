/*
 * window.h - the messages in flight: what each slot carries, and up to which event everything is
 * acknowledged. Pure; bridge thread.
 */
#ifndef BRIDGE_WINDOW_H
#define BRIDGE_WINDOW_H

#include "feed.h"
#include "link.h"

enum { WINDOW_MAX = 100 }; /* above ~200 the library's linear lists cost more than they bring */

enum slot_kind { SLOT_FREE, SLOT_EVENT, SLOT_RETAINED, SLOT_CONTROL, SLOT_REPLY, SLOT_REPLAY };

struct slot {
    enum slot_kind kind;
    struct studio_event *event; /* EVENT: a reference */
    void *owner;                /* RETAINED: the mirror's entry; REPLY: the reply */
    unsigned what;              /* CONTROL: which */
    uint64_t order;             /* slots taken later have a higher one */
    int64_t sent_ms;            /* set by who hands it to the link */
};

struct window {
    unsigned limit, in_flight;
    struct slot slots[LINK_SLOTS];
    unsigned free[LINK_SLOTS];
    unsigned free_count;
    uint64_t order; /* of the newest slot */
    uint64_t acked; /* every event <= acked is acknowledged or parked */
};

/* Everything <= acked is done. Nothing is in flight. */
void window_init(struct window *w, uint64_t acked);
/* Forgets what is in flight (its events are let go) and sets the limit for a new connection. */
void window_reset(struct window *w, unsigned limit);
/* Room for one more within the limit. */
bool window_has_room(const struct window *w);
/* A slot, also beyond the limit (the last words of a connection); NULL when all are in use. */
struct slot *window_take(struct window *w, enum slot_kind kind);
unsigned window_number(const struct window *w, const struct slot *slot);
/* Empties a slot; its event goes to the caller (NULL if it has none). */
struct studio_event *window_put(struct window *w, struct slot *slot);
/* When the message in flight for longest was sent, -1 if none is. */
int64_t window_sent_ms(const struct window *w);
/* Moves the watermark as far as events are done: everything before the lowest seq that is in
 * flight, `waiting` (a refused event to be sent again; 0 if none) or `next` (not sent yet). True if
 * it moved. */
bool window_advance(struct window *w, uint64_t waiting, uint64_t next);
/* The lowest event in flight, NULL if none. */
const struct studio_event *window_oldest(const struct window *w);

#endif
