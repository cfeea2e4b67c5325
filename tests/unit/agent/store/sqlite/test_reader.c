/* test_reader.c - what the reading connection holds, and what becomes of it without the file. */
#include <unistd.h>

#include "unit/agent/store/fixture.h"

static void test_a_stopped_callback_holds_nothing(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    commit_changes(store, "A-1", 0, 20);
    struct seen seen = {.ordered = true, .stop_after = 2};
    assert_int_equal(store_read_events(reader, 1, 20, 20, see_event, &seen), STUDIO_OK);
    assert_int_equal(seen.count, 2);
    /* A reader still inside would keep this from finishing. */
    int left = -1, done = -1;
    assert_int_equal(sqlite3_wal_checkpoint_v2(as_sqlite(store)->db, NULL,
                                               SQLITE_CHECKPOINT_TRUNCATE, &left, &done),
                     SQLITE_OK);
    assert_int_equal(left, 0);
    store_reader_close(reader);
    store_close(store);
}

static void test_the_file_is_gone(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = NULL;
    struct studio_error error = {0};
    assert_int_equal(unlink(tmpdir_path(dir, STORE_FILE)), 0);
    assert_int_equal(store_reader_open(store, &reader, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_null(reader);
    assert_non_null(strstr(error.text, STORE_FILE));
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stopped_callback_holds_nothing),
        cmocka_unit_test(test_the_file_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
