/* test_copier.c - the log goes into the database while commits go on, and is begun anew behind it. */
#include <pthread.h>
#include <sys/stat.h>

#include "support/faultvfs.h"
#include "unit/agent/store/fixture.h"

enum { BATCH = 100, TABLES = 400 };

static struct store_copier *open_copier(struct store *store)
{
    struct store_copier *copier = NULL;
    struct studio_error error = {0};
    if (store_copier_open(store, &copier, &error) != STUDIO_OK)
        fail_msg("store_copier_open: %s", error.text);
    return copier;
}

/* The next change of each of some of the tables, in one commit. */
static enum studio_err commit_some(struct store *store)
{
    static struct change changes[BATCH];
    static struct store_item items[BATCH];
    static char ids[BATCH][8];
    uint64_t next = store_info(store)->last_seq;
    for (unsigned i = 0; i < BATCH; i++, next++) {
        snprintf(ids[i], sizeof ids[i], "A-%u", (unsigned)(next % TABLES));
        make_change(&changes[i], ids[i], next / TABLES);
        items[i] = changes[i].item;
    }
    return store_commit(store, items, BATCH, 0);
}

static void commit_until_due(struct store *store)
{
    while (!store_copy_due(store))
        assert_int_equal(commit_some(store), STUDIO_OK);
}

static void expect_sound(const char *dir, uint64_t last_seq)
{
    struct findings findings = {.out = stderr};
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->last_seq, last_seq);
    check_database(as_sqlite(store)->db, &findings);
    assert_int_equal(findings.count, 0);
    store_close(store);
}

static void test_it_copies_and_the_log_is_begun_anew(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_copier *copier = open_copier(store);
    assert_int_equal(store_copy(copier), STUDIO_OK);
    for (int round = 0; round < 20; round++) {
        commit_until_due(store);
        assert_int_equal(store_copy(copier), STUDIO_OK);
        assert_false(store_copy_due(store));
        assert_int_equal(as_sqlite(store)->copied, as_sqlite(store)->wal_pages);
        assert_int_equal(store_copy(copier), STUDIO_OK); /* nothing is left */
        assert_int_equal(commit_some(store), STUDIO_OK);
        assert_in_range(as_sqlite(store)->wal_pages, 1, STORE_COPY_STEP);
    }
    uint64_t last = store_info(store)->last_seq;
    expect_sound(killed_copy(dir), last);
    store_copier_close(copier);
    store_copier_close(NULL);
    store_close(store);
    expect_sound(dir, last);
}

/* What is left to housekeeping is little, or left to the copier. */
static void test_housekeeping_does_the_rest(void **state)
{
    (void)state;
    bool more = true;
    struct store *store = open_store(tmpdir_create());
    struct store_copier *copier = open_copier(store);
    while (as_sqlite(store)->wal_pages < STORE_WAL_STEP)
        assert_int_equal(commit_some(store), STUDIO_OK);
    assert_int_equal(store_housekeep(store, 0, &more), STUDIO_OK);
    assert_false(more);
    assert_true(as_sqlite(store)->wal_pages >= STORE_WAL_STEP);
    assert_int_equal(store_copy(copier), STUDIO_OK);
    assert_int_equal(store_housekeep(store, 0, &more), STUDIO_OK);
    assert_true(more);
    assert_int_equal(as_sqlite(store)->wal_pages, 0);
    store_copier_close(copier);
    store_close(store);
}

static void test_a_failed_sync_ends_the_store(void **state)
{
    (void)state;
    static const int files[] = {SQLITE_OPEN_WAL, SQLITE_OPEN_MAIN_DB};
    faultvfs_register();
    for (size_t i = 0; i < 2; i++) {
        const char *dir = tmpdir_create();
        struct store *store = open_store(dir);
        struct store_copier *copier = open_copier(store);
        bool more = true;
        commit_until_due(store);
        uint64_t last = store_info(store)->last_seq;
        faultvfs_arm(FAULTVFS_SYNC, files[i], 1, 1, SQLITE_IOERR_FSYNC);
        assert_int_equal(store_copy(copier), STUDIO_ERR_IO);
        faultvfs_disarm();
        assert_int_equal(store_copy(copier), STUDIO_ERR_IO);
        assert_int_equal(commit_some(store), STUDIO_ERR_IO);
        assert_int_equal(store_housekeep(store, 0, &more), STUDIO_ERR_IO);
        store_copier_close(copier);
        store_close(store);
        expect_sound(dir, last);
    }
    faultvfs_unregister();
}

/* Each of its writes fails once: nothing is lost, and the next step does it. */
static void test_a_full_disk_passes(void **state)
{
    (void)state;
    faultvfs_register();
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_copier *copier = open_copier(store);
    enum studio_err err = STUDIO_ERR_STORAGE;
    commit_until_due(store);
    for (unsigned nth = 1; err != STUDIO_OK; nth++) {
        faultvfs_arm(FAULTVFS_WRITE, SQLITE_OPEN_MAIN_DB, nth, 1, SQLITE_FULL);
        err = store_copy(copier);
        faultvfs_disarm();
        if (err != STUDIO_OK)
            assert_int_equal(err, STUDIO_ERR_STORAGE);
        assert_int_equal(commit_some(store), STUDIO_OK);
    }
    uint64_t last = store_info(store)->last_seq;
    store_copier_close(copier);
    store_close(store);
    expect_sound(dir, last);
    faultvfs_unregister();
}

/* --- at the same time ------------------------------------------------------------------------ */

struct busy {
    struct store_copier *copier;
    atomic_bool done;
    unsigned long steps;
};

static void *copy_all_the_time(void *arg)
{
    struct busy *busy = arg;
    while (!atomic_load(&busy->done)) {
        if (store_copy(busy->copier) != STUDIO_OK)
            return NULL;
        busy->steps++;
    }
    return busy;
}

/* However the steps fall between and into the commits: nothing is lost, and the log stays small. */
static void test_beside_a_busy_writer(void **state)
{
    enum { COMMITS = 600 };
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    struct busy busy = {.copier = open_copier(store)};
    struct stat st;
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, copy_all_the_time, &busy), 0);
    for (int i = 0; i < COMMITS; i++) {
        bool more = i % 7 == 0;
        assert_int_equal(commit_some(store), STUDIO_OK);
        while (more)
            assert_int_equal(store_housekeep(store, 0, &more), STUDIO_OK);
        if (i % 50 == 0)
            assert_int_equal(read_events(reader, 1, UINT64_MAX, SIZE_MAX).count,
                             store_info(store)->last_seq);
        assert_true(as_sqlite(store)->wal_pages < STORE_WAL_MAX);
    }
    atomic_store(&busy.done, true);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &busy);
    assert_true(busy.steps > 0);
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE "-wal"), &st), 0);
    assert_true(st.st_size < (STORE_WAL_MAX + 1000) * (off_t)4120);
    uint64_t last = store_info(store)->last_seq;
    store_copier_close(busy.copier);
    store_reader_close(reader);
    as_sqlite(store)->failed = true; /* closes without a checkpoint, as a crash would */
    store_close(store);
    expect_sound(dir, last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_copies_and_the_log_is_begun_anew),
        cmocka_unit_test(test_housekeeping_does_the_rest),
        cmocka_unit_test(test_a_failed_sync_ends_the_store),
        cmocka_unit_test(test_a_full_disk_passes),
        cmocka_unit_test(test_beside_a_busy_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
