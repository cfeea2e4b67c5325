#include "share.h"

/* Virtual time per send: the inverse of the weights 10, 2, 2, 1; control does not count. */
static const uint64_t stride[TRAFFIC_COUNT] = {[TRAFFIC_CONTROL] = 0,
                                               [TRAFFIC_EVENTS] = 1,
                                               [TRAFFIC_RETAINED] = 5,
                                               [TRAFFIC_ANSWERS] = 5,
                                               [TRAFFIC_REPLAYS] = 10};

void share_init(struct share *s)
{
    *s = (struct share){.now = 0};
}

enum traffic share_pick(struct share *s, const bool wants[TRAFFIC_COUNT])
{
    enum traffic best = TRAFFIC_COUNT;

    for (enum traffic t = 0; t < TRAFFIC_COUNT; t++) {
        if (!wants[t])
            continue;
        if (s->passed[t] < s->now) /* it was idle: no credit for that */
            s->passed[t] = s->now;
        if (best == TRAFFIC_COUNT || s->passed[t] < s->passed[best])
            best = t;
    }
    if (best != TRAFFIC_COUNT) {
        s->now = s->passed[best];
        s->passed[best] += stride[best];
    }
    return best;
}
