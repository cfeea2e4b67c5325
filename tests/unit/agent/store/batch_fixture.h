/* batch_fixture.h - one large batch. One source of a program includes it. */
#ifndef TESTS_UNIT_AGENT_STORE_BATCH_FIXTURE_H
#define TESTS_UNIT_AGENT_STORE_BATCH_FIXTURE_H

#include "unit/agent/store/fixture.h"

enum { BATCH = 500 };

static struct change batch[BATCH];
static struct store_item items[BATCH];

static inline void make_batch(uint64_t rev)
{
    for (unsigned i = 0; i < BATCH; i++) {
        make_change(&batch[i], i % 2 ? "A-1" : "B-2", rev + i / 2);
        items[i] = batch[i].item;
    }
}

#endif
