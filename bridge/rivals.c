#include "rivals.h"

static enum link_id other_of(enum link_id id)
{
    return id == LINK_OUT ? LINK_IN : LINK_OUT;
}

void rivals_up(struct rivals *r, enum link_id id, int64_t now_ms)
{
    r->up[id] = true;
    r->up_ms[id] = now_ms;
}

enum rivalry rivals_ended(struct rivals *r, enum link_id id, bool by_broker, bool taken_over,
                          bool trying, int64_t now_ms)
{
    const enum link_id other = other_of(id);
    bool came =
        r->up[other] && r->up_ms[other] >= r->up_ms[id] && now_ms - r->up_ms[other] <= RIVALS_MS;

    r->up[id] = false;
    if (!by_broker || !(came || trying)) {
        r->turns = 0;
        return RIVALS_NO;
    }
    if (r->last == id || now_ms - r->last_ms > RIVALS_TURN_MS) /* not in turn */
        r->turns = 0;
    r->last = id;
    r->last_ms = now_ms;
    r->turns++;
    if (!taken_over && r->turns < RIVALS_TURNS)
        return RIVALS_MAYBE;
    r->turns = 0;
    return RIVALS_YES;
}

void rivals_failed(struct rivals *r, enum link_id id)
{
    r->up[id] = false;
    r->turns = 0;
}
