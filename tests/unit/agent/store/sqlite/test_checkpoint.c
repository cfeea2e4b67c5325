/* test_checkpoint.c - the log is copied into the database in time, and a sync that fails there ends the store. */
#include <sys/stat.h>

#include "support/faultvfs.h"
#include "unit/agent/store/fixture.h"

static const int64_t now_ms = 5000; /* monotonic */

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_checkpoint_lets_the_log_be_reused(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *wal = tmpdir_path(dir, STORE_FILE "-wal");
    struct store *store = open_store(dir);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; as_sqlite(store)->wal_pages < STORE_WAL_STEP; i++)
            commit_batch(store, 100);
        bool more = false;
        assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_OK);
        assert_true(more);
        assert_int_equal(as_sqlite(store)->wal_pages, 0);
    }
    assert_true(size_of(wal) < 2 * STORE_WAL_STEP * (off_t)4120);
    store_close(store);
}

static void test_commits_without_a_pause_checkpoint_too(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *wal = tmpdir_path(dir, STORE_FILE "-wal");
    struct store *store = open_store(dir);
    commit_batch(store, 1);
    as_sqlite(store)->wal_pages = 0;
    int64_t pages = 0;
    while (pages < STORE_WAL_MAX + 4000) {
        int before = as_sqlite(store)->wal_pages;
        commit_batch(store, 2000);
        pages += as_sqlite(store)->wal_pages > before ? as_sqlite(store)->wal_pages - before : 0;
        assert_true(as_sqlite(store)->wal_pages < STORE_WAL_MAX);
    }
    assert_true(size_of(wal) < (STORE_WAL_MAX + 1000) * (off_t)4120);
    store_close(store);
}

static void test_failed_sync_in_a_checkpoint_ends_the_store(void **state)
{
    (void)state;
    static const int files[] = {SQLITE_OPEN_WAL, SQLITE_OPEN_MAIN_DB};
    faultvfs_register();
    for (size_t i = 0; i < 2; i++) {
        const char *dir = tmpdir_create();
        struct store *store = open_store(dir);
        bool more = false;
        while (as_sqlite(store)->wal_pages < STORE_WAL_STEP)
            commit_batch(store, 500);
        uint64_t last = store_info(store)->last_seq;
        faultvfs_arm(FAULTVFS_SYNC, files[i], 1, 1, SQLITE_IOERR_FSYNC);
        assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_ERR_IO);
        faultvfs_disarm();
        assert_int_equal(commit_change(store, "A-1", 0), STUDIO_ERR_IO);
        store_close(store);
        store = open_store(dir);
        assert_int_equal(store_info(store)->last_seq, last);
        store_close(store);
    }
    faultvfs_unregister();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint_lets_the_log_be_reused),
        cmocka_unit_test(test_commits_without_a_pause_checkpoint_too),
        cmocka_unit_test(test_failed_sync_in_a_checkpoint_ends_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
