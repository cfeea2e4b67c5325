/* test_reader_walk.c - the history of one table, by any filter, in either order, in short steps. */
#include "unit/agent/store/walk_fixture.h"

enum { EVENTS = 6 * STORE_SPAN, TABLES = 4 };

/* What is in the store, and so what a walk is to find: looked for without any index. */
static struct event {
    enum event_kind kind;
    unsigned table;
    uint64_t seq, rev;
    int64_t wall_ms;
} model[EVENTS];

static const char *const names[TABLES] = {"A-1", "B-2", "C-3", "D-4"};
static uint64_t oldest = 1;

static uint64_t number(uint64_t below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* A-1 all the time, B-2 now and then, C-3 in one span only, D-4 only exceptions after its beginning; the wall
 * clock goes on and is set back or ahead at times. */
static struct store *fill(const char *dir)
{
    static struct change changes[STORE_SPAN];
    static struct store_item items[STORE_SPAN];
    uint64_t revs[TABLES] = {0};
    int64_t wall = 1700000000000;
    struct store_options options = options_for(dir);
    options.retention_events = EVENTS - 300;
    struct store *store = open_with(&options);
    for (unsigned i = 0; i < EVENTS; i++) {
        struct event *e = &model[i];
        struct change *c = &changes[i % STORE_SPAN];
        unsigned at = (unsigned)number(100);
        e->table = i < TABLES                                               ? i
                   : at < 3                                                 ? 1
                   : at < 5 && i > 2100 && i < 2900                         ? 2
                   : (i / STORE_SPAN == 1 || i / STORE_SPAN == 4) && at < 8 ? 3
                                                                            : 0;
        e->kind = i >= TABLES && (e->table == 3 || number(5) == 0) ? EVENT_EXCEPTION : EVENT_CHANGE;
        e->rev = e->kind == EVENT_CHANGE ? revs[e->table]++ : revs[e->table] - 1;
        e->seq = i + 1;
        e->wall_ms = wall += i % 700 == 699 ? (int64_t)number(4000000) - 2000000 : 1000;
        if (e->kind == EVENT_CHANGE)
            make_change(c, names[e->table], e->rev);
        else
            make_exception(c, names[e->table], e->rev);
        c->event.wall_ms = e->wall_ms;
        items[i % STORE_SPAN] = c->item;
        if (i % STORE_SPAN == STORE_SPAN - 1)
            assert_int_equal(store_commit(store, items, STORE_SPAN, 0), STUDIO_OK);
    }
    return store;
}

static bool fits(const struct event *e, const struct store_walk *w)
{
    return e->seq >= oldest && strcmp(names[e->table], w->table_id) == 0 &&
           (e->kind == EVENT_CHANGE ? w->changes : w->exceptions) && e->seq >= w->from_seq &&
           e->seq <= w->to_seq && e->rev >= w->from_rev && e->rev <= w->to_rev &&
           e->wall_ms >= w->since_ms && e->wall_ms <= w->until_ms;
}

/* Finds just what the model has, in order. */
static void expect_walk(struct store_reader *reader, const struct store_walk *walk)
{
    static struct met met;
    uint64_t n = 0;
    met.stop_after = 0;
    walk_all(reader, *walk, &met);
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct event *e = &model[walk->newest_first ? EVENTS - 1 - i : i];
        if (!fits(e, walk))
            continue;
        if (n == met.count || met.seqs[n] != e->seq)
            fail_msg("%s rev %llu-%llu: %llu is missing, met %llu", walk->table_id,
                     (unsigned long long)walk->from_rev, (unsigned long long)walk->to_rev,
                     (unsigned long long)e->seq, (unsigned long long)met.seqs[n]);
        n++;
    }
    assert_int_equal(met.count, n);
}

static struct store_walk some_walk(void)
{
    struct store_walk w = store_walk(names[number(TABLES)]);
    uint64_t kinds = 1 + number(3);
    w.changes = kinds & 1;
    w.exceptions = (kinds & 2) != 0;
    w.newest_first = number(2);
    if (number(2))
        w.from_rev = number(number(2) ? EVENTS : 200);
    if (number(2))
        w.to_rev = w.from_rev + number(300);
    if (number(3) == 0)
        w.from_seq = number(EVENTS + 10);
    if (number(3) == 0)
        w.to_seq = number(EVENTS + 10);
    if (number(3) == 0)
        w.since_ms = model[number(EVENTS)].wall_ms;
    if (number(3) == 0)
        w.until_ms = model[number(EVENTS)].wall_ms;
    return w;
}

static void test_any_filter_finds_what_is_there(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = fill(dir);
    struct store_reader *reader = open_reader(store);
    for (unsigned i = 0; i < TABLES; i++) {
        struct store_walk w = store_walk(names[i]);
        for (int order = 0; order < 2; order++) {
            w.newest_first = order;
            expect_walk(reader, &w);
        }
    }
    for (int i = 0; i < 300; i++) {
        const struct store_walk w = some_walk();
        expect_walk(reader, &w);
    }
    /* When the oldest are gone. */
    assert_int_equal(store_commit(store, NULL, 0, EVENTS), STUDIO_OK);
    housekeep_all(store, 1);
    oldest = store_info(store)->oldest;
    assert_int_equal(oldest, 301);
    for (int i = 0; i < 300; i++) {
        const struct store_walk w = some_walk();
        expect_walk(reader, &w);
    }
    expect_no_findings(store);
    store_reader_close(reader);
    store_close(store);
    oldest = 1;
}

static void test_steps_are_short_and_can_be_stopped(void **state)
{
    static struct met met;
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = fill(dir);
    struct store_reader *reader = open_reader(store);
    struct store_walk w = store_walk("A-1");
    met = (struct met){.stop_after = 5};
    assert_int_equal(walk_all(reader, w, &met), 1);
    assert_int_equal(met.count, 5);
    w = store_walk("nobody");
    met.stop_after = 0;
    assert_int_equal(walk_all(reader, w, &met), 1);
    assert_int_equal(met.count, 0);
    store_reader_close(reader);
    store_close(store);
}

/* Wherever a step ends, at the edge of a span too, the next one goes on behind it. */
static void test_a_step_may_end_anywhere(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    for (int i = 0; i < 3 * 4; i++)
        commit_batch(store, STORE_SPAN / 4);
    for (unsigned i = 0; i < 3 * STORE_SPAN; i++)
        model[i] = (struct event){.kind = EVENT_CHANGE, .seq = i + 1, .rev = i};
    for (unsigned i = 3 * STORE_SPAN; i < EVENTS; i++)
        model[i] = (struct event){.table = TABLES - 1};
    for (unsigned at = 1; at < STORE_SPAN; at += at < 440 || at > 520 ? 61 : 1) {
        struct store_walk w = store_walk("A-1");
        w.from_seq = STORE_SPAN - at;
        expect_walk(reader, &w);
        w.from_seq = 0;
        w.to_seq = STORE_SPAN + at;
        w.newest_first = true;
        expect_walk(reader, &w);
    }
    store_reader_close(reader);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_filter_finds_what_is_there),
        cmocka_unit_test(test_steps_are_short_and_can_be_stopped),
        cmocka_unit_test(test_a_step_may_end_anywhere),
    };
    return run_store_tests(tests);
}
