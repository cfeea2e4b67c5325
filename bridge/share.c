#include "share.h"

/* Virtual time per send: the inverse of the weights 10, 2, 2, 1. */
static const uint64_t stride[SHARE_COUNT] = {
    [SHARE_EVENT] = 1, [SHARE_RETAINED] = 5, [SHARE_REPLY] = 5, [SHARE_REPLAY] = 10};

void share_init(struct share *s)
{
    *s = (struct share){.now = 0};
}

enum share_class share_pick(struct share *s, const bool wants[SHARE_COUNT])
{
    enum share_class best = SHARE_COUNT;

    for (enum share_class c = 0; c < SHARE_COUNT; c++) {
        if (!wants[c])
            continue;
        if (s->passed[c] < s->now) /* it was idle: no credit for that */
            s->passed[c] = s->now;
        if (best == SHARE_COUNT || s->passed[c] < s->passed[best])
            best = c;
    }
    if (best != SHARE_COUNT) {
        s->now = s->passed[best];
        s->passed[best] += stride[best];
    }
    return best;
}
