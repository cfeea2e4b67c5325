/* test_reader_walk.c - what the index of spans makes of a walk. */
#include "unit/agent/store/walk_fixture.h"

/* A walk of many spans takes many steps, so that others are not kept waiting. */
static void test_a_long_walk_takes_many_steps(void **state)
{
    static struct met met;
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    for (int i = 0; i < 24; i++)
        commit_batch(store, STORE_SPAN / 4);
    for (int i = 0; i < 18 * 4; i++)
        commit_batch(store, STORE_SPAN / 4);
    struct store_walk w = store_walk("A-1");
    w.to_rev = 0; /* of which the first only is */
    w.newest_first = true;
    met.stop_after = 0;
    assert_int_equal(walk_all(reader, w, &met), 1); /* the others are passed over */
    assert_int_equal(met.count, 1);
    w.to_rev = UINT64_MAX;
    w.exceptions = true;
    w.changes = false; /* none: all spans are looked through */
    assert_true(walk_all(reader, w, &met) > 1);
    assert_int_equal(met.count, 0);
    w.since_ms = 1700000000001; /* none can be: known after the first time */
    assert_true(walk_all(reader, w, &met) > 1);
    assert_int_equal(walk_all(reader, w, &met), 1);
    store_reader_close(reader);
    store_close(store);
}

/* Large events are fewer: their size is what takes the time. */
static void test_large_events_end_a_step_early(void **state)
{
    enum { LARGE = 100 };
    static struct change changes[LARGE];
    static struct store_item items[LARGE];
    static struct met met;
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    static char body[16384];
    memset(body, ' ', sizeof(body) - 1);
    for (unsigned i = 0; i < LARGE; i++) {
        make_change(&changes[i], "A-1", i);
        changes[i].event.body = body;
        changes[i].event.body_len = sizeof(body) - 1;
        items[i] = changes[i].item;
    }
    assert_int_equal(store_commit(store, items, LARGE, 0), STUDIO_OK);
    met.stop_after = 0;
    assert_in_range(walk_all(reader, store_walk("A-1"), &met), 5, 20);
    assert_int_equal(met.count, LARGE);
    store_reader_close(reader);
    store_close(store);
}

/* As version 4 left them: exceptions are in no span, but where changes are. */
static void test_exceptions_of_an_older_store_are_found(void **state)
{
    static struct met met;
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct change exception;
    commit_changes(store, "A-1", 0, 1);
    for (int i = 0; i < 5; i++) {
        commit_batch(store, STORE_SPAN);
        make_exception(&exception, "B-2", 3);
        assert_int_equal(store_commit(store, &exception.item, 1, 0), STUDIO_OK);
    }
    assert_int_equal(sql_exec(as_sqlite(store)->db,
                              "DELETE FROM spans WHERE table_id = 'B-2'; PRAGMA user_version = 4"),
                     SQLITE_OK);
    store_close(store);
    store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    met.stop_after = 0;
    walk_all(reader, store_walk("B-2"), &met);
    assert_int_equal(met.count, 5);
    store_reader_close(reader);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_walk_takes_many_steps),
        cmocka_unit_test(test_large_events_end_a_step_early),
        cmocka_unit_test(test_exceptions_of_an_older_store_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
