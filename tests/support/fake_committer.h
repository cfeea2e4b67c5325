/*
 * fake_committer.h - the six functions of committer.h the core calls, driven by hand: a batch stays
 * under way until the test says how it ended.
 *
 * It defines them, so one source of a program includes it and the real ones are not linked.
 */
#ifndef TESTS_SUPPORT_FAKE_COMMITTER_H
#define TESTS_SUPPORT_FAKE_COMMITTER_H

#include "core/committer.h"
#include "support/cmocka_all.h"

struct committer {
    struct store *store;
    struct store_item *items; /* the batch under way */
    size_t count;
    bool busy, done, doubtful;
    bool lost; /* the store may be another process's */
    enum studio_err result;
    uint64_t acked;
    unsigned batches; /* submitted so far */
};

bool committer_idle(const struct committer *c)
{
    return !c->busy;
}

void committer_submit(struct committer *c, struct store_item *items, size_t n)
{
    assert_false(c->busy);
    assert_true(n > 0);
    c->items = items;
    c->count = n;
    c->busy = true;
    c->done = false;
    c->batches++;
}

bool committer_take(struct committer *c, enum studio_err *err)
{
    if (!c->busy || !c->done)
        return false;
    c->busy = c->done = false;
    *err = c->result;
    return true;
}

bool committer_in_doubt(const struct committer *c)
{
    return c->doubtful;
}

bool committer_owned(const struct committer *c)
{
    return !c->lost;
}

uint64_t committer_get_acked(const struct committer *c)
{
    return c->acked;
}

/* The batch under way is done: durable, or refused with `err`. False: none was. */
static inline bool fake_committer_finish(struct committer *c, enum studio_err err)
{
    if (!c->busy || c->done)
        return false;
    c->result = err == STUDIO_OK ? store_commit(c->store, c->items, c->count, c->acked) : err;
    c->done = true;
    return true;
}

/* --- a core on it: include core_fixture.h before ----------------------------------------------- */

#ifdef TESTS_SUPPORT_CORE_FIXTURE_H
/* Ends the turn and lets the store finish one batch. False: there was none. */
static inline bool fake_committer_turn(struct core_fixture *f, struct committer *c,
                                       enum studio_err err)
{
    core_end_turn(f->core);
    return fake_committer_finish(c, err) && core_settle(f->core);
}

/* Ends the turn; all that waits becomes durable. */
static inline void fake_committer_settle(struct core_fixture *f, struct committer *c)
{
    for (int i = 0; i < 100 && !core_quiet(f->core); i++) {
        core_settle(f->core); /* what was looked up joins the batch */
        fake_committer_turn(f, c, STUDIO_OK);
    }
    assert_true(core_quiet(f->core));
}
#endif

#endif
