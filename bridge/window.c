#include "window.h"

#include <stdlib.h>

void window_init(struct window *w, uint64_t acked)
{
    *w = (struct window){.acked = acked};
    window_reset(w, 0);
}

void window_reset(struct window *w, unsigned limit)
{
    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        studio_event_unref(w->slots[i].event);
        w->slots[i] = (struct slot){.kind = SLOT_FREE};
        w->free[i] = LINK_SLOTS - 1 - i;
    }
    w->free_count = LINK_SLOTS;
    w->in_flight = 0;
    w->limit = limit > WINDOW_MAX ? WINDOW_MAX : limit;
}

bool window_has_room(const struct window *w)
{
    return w->in_flight < w->limit && w->free_count > 0;
}

struct slot *window_take(struct window *w, enum slot_kind kind)
{
    struct slot *slot;

    if (w->free_count == 0)
        return NULL;
    slot = &w->slots[w->free[--w->free_count]];
    *slot = (struct slot){.kind = kind, .order = ++w->order};
    w->in_flight++;
    return slot;
}

unsigned window_number(const struct window *w, const struct slot *slot)
{
    return (unsigned)(slot - w->slots);
}

struct studio_event *window_put(struct window *w, struct slot *slot)
{
    struct studio_event *event = slot->event;

    *slot = (struct slot){.kind = SLOT_FREE};
    w->free[w->free_count++] = window_number(w, slot);
    w->in_flight--;
    return event;
}

int64_t window_sent_ms(const struct window *w)
{
    const struct slot *first = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++)
        if (w->slots[i].kind != SLOT_FREE && (!first || w->slots[i].order < first->order))
            first = &w->slots[i];
    return first ? first->sent_ms : -1;
}

const struct studio_event *window_oldest(const struct window *w)
{
    const struct studio_event *oldest = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        const struct studio_event *event = w->slots[i].event;

        if (event && (!oldest || event->seq < oldest->seq))
            oldest = event;
    }
    return oldest;
}

bool window_advance(struct window *w, uint64_t waiting, uint64_t next)
{
    const struct studio_event *oldest = window_oldest(w);
    uint64_t lowest = next;

    if (oldest && oldest->seq < lowest)
        lowest = oldest->seq;
    if (waiting && waiting < lowest)
        lowest = waiting;
    if (lowest <= w->acked + 1)
        return false;
    w->acked = lowest - 1;
    return true;
}
