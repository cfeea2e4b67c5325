/* test_commit.c - what a commit writes, and how often it is synced. */
#include "support/faultvfs.h"
#include "unit/agent/store/batch_fixture.h"
#include "unit/agent/store/fixture.h"

static void test_nothing_to_write_is_no_transaction(void **state)
{
    (void)state;
    faultvfs_register();
    struct store *store = open_store(tmpdir_create());
    faultvfs_disarm();
    assert_int_equal(store_commit(store, NULL, 0, 0), STUDIO_OK);
    assert_int_equal(faultvfs_calls(FAULTVFS_SYNC), 0);
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    assert_true(faultvfs_calls(FAULTVFS_SYNC) >= 1);
    faultvfs_disarm();
    assert_int_equal(commit_change(store, "A-1", 1), STUDIO_OK);
    assert_int_equal(faultvfs_calls(FAULTVFS_SYNC), 1); /* one sync for a commit */
    store_close(store);
    faultvfs_unregister();
}

static int pages_written(struct store *store)
{
    int pages = 0, ignored;
    assert_int_equal(
        sqlite3_db_status(as_sqlite(store)->db, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &ignored, 1),
        SQLITE_OK);
    return pages;
}

/* What each page costs is written, checked and synced for every update. */
static void test_few_pages_a_commit(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    for (uint64_t rev = 0; rev < 10; rev++)
        for (int table = 0; table < 50; table++) {
            char id[16];
            snprintf(id, sizeof id, "A-%d", table);
            assert_int_equal(commit_change(store, id, rev), STUDIO_OK);
        }
    (void)pages_written(store);
    for (uint64_t rev = 10; rev < 60; rev++)
        assert_int_equal(commit_change(store, "A-1", rev), STUDIO_OK);
    int alone = pages_written(store);
    assert_in_range(alone, 2 * 50, 2 * 50 + 10); /* its row, its event; seldom a new page begins */
    make_batch(60);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_OK);
    assert_in_range(pages_written(store), 10, 40);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_write_is_no_transaction),
        cmocka_unit_test(test_few_pages_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
