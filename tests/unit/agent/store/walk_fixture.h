/* walk_fixture.h - walks through the history of one table, and what they meet. */
#ifndef TESTS_UNIT_AGENT_STORE_WALK_FIXTURE_H
#define TESTS_UNIT_AGENT_STORE_WALK_FIXTURE_H

#include "unit/agent/store/fixture.h"

enum {
    MET_MAX = 6 * STORE_SPAN,
    STEP_MAX = 512 /* events that a step meets */
};

struct met {
    uint64_t count, stop_after; /* 0: never */
    uint64_t seqs[MET_MAX];
};

static inline bool meet(void *ctx, struct studio_event *event)
{
    struct met *met = ctx;
    assert_true(met->count < MET_MAX);
    met->seqs[met->count++] = event->seq;
    return met->count != met->stop_after;
}

static inline unsigned walk_all(struct store_reader *reader, struct store_walk walk,
                                struct met *met)
{
    unsigned steps = 0;
    met->count = 0;
    for (; !walk.ended; steps++) {
        const uint64_t before = met->count;
        assert_true(steps < 1000);
        assert_int_equal(store_walk_step(reader, &walk, meet, met), STUDIO_OK);
        assert_true(met->count - before <= STEP_MAX);
    }
    return steps;
}

#endif
