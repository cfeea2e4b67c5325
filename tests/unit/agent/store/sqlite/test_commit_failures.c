/* test_commit_failures.c - commits that fail: nothing of the batch is there, and what comes next is known. */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/faultvfs.h"
#include "unit/agent/store/batch_fixture.h"
#include "unit/agent/store/fixture.h"

static int with_faults(void **state)
{
    (void)state;
    faultvfs_register();
    return 0;
}

static int without_faults(void **state)
{
    (void)state;
    faultvfs_unregister();
    return 0;
}

/* Every write of a big commit fails once with `rc`: nothing of it is there, the next one works, and
 * its numbers follow without a hole. */
static void fail_each_write(int rc)
{
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    commit_changes(store, "A-1", 0, 3);
    uint64_t last = store_info(store)->last_seq;
    unsigned failures = 0;
    /* Few pages of memory: the log is written in many pieces, not in one by the sync alone. */
    assert_int_equal(sql_exec(as_sqlite(store)->db, "PRAGMA cache_size = 10"), SQLITE_OK);
    for (unsigned nth = 1;; nth++) {
        make_batch(100);
        faultvfs_arm(FAULTVFS_WRITE, SQLITE_OPEN_WAL, nth, 1, rc);
        enum studio_err err = store_commit(store, items, BATCH, last);
        faultvfs_disarm();
        if (err == STUDIO_OK)
            break;
        failures++;
        assert_int_equal(err, STUDIO_ERR_STORAGE);
        assert_int_equal(store_info(store)->last_seq, last);
        assert_int_equal(items[BATCH - 1].event->seq, 0);
        assert_int_equal(read_events(reader, last + 1, UINT64_MAX, 9).count, 0);
        if (nth % 8 == 0) {
            assert_int_equal(commit_change(store, "A-1", nth), STUDIO_OK);
            assert_int_equal(store_info(store)->last_seq, ++last);
        }
    }
    assert_true(failures > 0); /* of the few pieces it is written in */
    assert_int_equal(store_info(store)->last_seq, last + BATCH);
    struct seen seen = read_events(reader, 1, UINT64_MAX, SIZE_MAX);
    assert_int_equal(seen.count, last + BATCH);
    assert_int_equal(seen.last, last + BATCH);
    store_reader_close(reader);
    store_close(store);
    store = open_store(dir);
    assert_int_equal(store_info(store)->last_seq, last + BATCH);
    store_close(store);
}

static void test_full_disk_at_each_write(void **state)
{
    (void)state;
    fail_each_write(SQLITE_FULL);
}

static void test_write_error_at_each_write(void **state)
{
    (void)state;
    fail_each_write(SQLITE_IOERR_WRITE);
}

/* What was refused with a batch is not taken for written. */
static void test_history_after_a_refused_batch(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    for (int i = 0; i < 2; i++) {
        struct seen seen = {.ordered = true};
        const char *id = i ? "B-2" : "A-1";
        faultvfs_arm(FAULTVFS_WRITE, SQLITE_OPEN_WAL, 1, 1, SQLITE_FULL);
        assert_int_equal(commit_change(store, id, 0), STUDIO_ERR_STORAGE);
        faultvfs_disarm();
        commit_changes(store, id, 0, 3);
        assert_int_equal(store_read_changes(reader, id, 0, 0, 9, see_event, &seen), STUDIO_OK);
        assert_int_equal(seen.count, 3);
    }
    store_reader_close(reader);
    store_close(store);
}

static void test_failed_sync_ends_the_store(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    bool more = true;
    commit_changes(store, "A-1", 0, 3);
    faultvfs_arm(FAULTVFS_SYNC, SQLITE_OPEN_WAL, 1, 1, SQLITE_IOERR_FSYNC);
    assert_int_equal(commit_change(store, "A-1", 3), STUDIO_ERR_IO);
    faultvfs_disarm();
    assert_int_equal(store_info(store)->last_seq, 3);
    /* The disk is fine again, but what it has dropped is not known. */
    assert_int_equal(commit_change(store, "A-1", 3), STUDIO_ERR_IO);
    assert_int_equal(store_commit(store, NULL, 0, 0), STUDIO_ERR_IO);
    assert_int_equal(store_probe(store), STUDIO_ERR_IO);
    assert_int_equal(store_park(store, 1, "x"), STUDIO_ERR_IO);
    assert_int_equal(store_housekeep(store, 0, &more), STUDIO_ERR_IO);
    assert_false(more);
    store_close(store);
    store = open_store(dir);
    uint64_t last = store_info(store)->last_seq;
    assert_true(last == 3 || last == 4); /* it may prove committed */
    assert_int_equal(commit_change(store, "A-1", last), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, last + 1);
    store_close(store);
}

static void test_probe(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    int64_t n = 1;
    assert_int_equal(store_probe(store), STUDIO_OK);
    faultvfs_arm(FAULTVFS_WRITE, 0, 1, 0, SQLITE_FULL);
    assert_int_equal(store_probe(store), STUDIO_ERR_STORAGE);
    assert_int_equal(store_probe(store), STUDIO_ERR_STORAGE);
    faultvfs_disarm();
    assert_int_equal(store_probe(store), STUDIO_OK);
    assert_int_equal(faultvfs_calls(FAULTVFS_SYNC), 1);
    assert_int_equal(
        sql_number(as_sqlite(store)->db, "SELECT count(*) FROM meta WHERE key = 'probe'", &n),
        SQLITE_OK);
    assert_int_equal(n, 0);
    store_close(store);
}

static void test_open_on_a_failing_disk(void **state)
{
    (void)state;
    static const struct {
        enum faultvfs_op op;
        int rc;
        const char *words;
    } rows[] = {
        {FAULTVFS_WRITE, SQLITE_FULL, "free some space"},
        {FAULTVFS_SYNC, SQLITE_IOERR_FSYNC, "check the disk"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *dir = tmpdir_create();
        struct store_options options = options_for(dir);
        struct store *store = NULL;
        unsigned failures = 0;
        for (unsigned nth = 1; !store; nth++) {
            struct studio_error error = {0};
            faultvfs_arm(rows[i].op, 0, nth, 0, rows[i].rc);
            enum studio_err err = store_open(&options, &store, &error);
            faultvfs_disarm();
            if (err == STUDIO_OK)
                break;
            failures++;
            assert_int_equal(err, STUDIO_ERR_STORE_UNUSABLE);
            if (!strstr(error.text, rows[i].words))
                fail_msg("call %u: %s", nth, error.text);
        }
        assert_true(failures > 1);
        assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
        store_close(store);
        store_close(open_store(dir));
    }
}

static void test_page_limit(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    commit_changes(store, "A-1", 0, 3);
    assert_int_equal(sql_exec(as_sqlite(store)->db, "PRAGMA max_page_count = 12"), SQLITE_OK);
    make_batch(3);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_ERR_STORAGE);
    assert_int_equal(store_info(store)->last_seq, 3);
    assert_int_equal(sql_exec(as_sqlite(store)->db, "PRAGMA max_page_count = 100000"), SQLITE_OK);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_OK);
    assert_int_equal(items[0].event->seq, 4);
    store_close(store);
}

/* An error that does not end the transaction by itself. */
static void test_one_item_that_cannot_be_kept(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    int limit = sqlite3_limit(as_sqlite(store)->db, SQLITE_LIMIT_LENGTH, 1000);
    static char body[2000];
    make_batch(0);
    memset(body, 'x', sizeof body);
    items[2].event->body = body;
    items[2].event->body_len = sizeof body;
    assert_int_equal(store_commit(store, items, 5, 0), STUDIO_ERR_STORAGE);
    assert_int_equal(read_events(reader, 1, 9, 9).count, 0);
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    sqlite3_limit(as_sqlite(store)->db, SQLITE_LIMIT_LENGTH, limit);
    assert_int_equal(store_commit(store, items, 5, 0), STUDIO_OK);
    assert_int_equal(read_events(reader, 1, 9, 9).count, 6);
    store_reader_close(reader);
    store_close(store);
}

/* A real small file system, where the user may mount one. */
static const char *mounted;

static int unmount(void **state)
{
    (void)state;
    return mounted ? umount2(mounted, MNT_DETACH) : 0;
}

static void test_full_file_system(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
        skip();
    mounted = dir;
    const char *ballast = tmpdir_path(dir, "ballast");
    const char *data = tmpdir_path(dir, "data");
    struct store *store = open_store(data);
    FILE *file = fopen(ballast, "wb");
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    while (fputc('x', file) != EOF && errno != ENOSPC)
        if (fseek(file, 4095, SEEK_CUR) != 0)
            break;
    fclose(file);
    make_batch(0);
    uint64_t last = 0;
    enum studio_err err = STUDIO_OK;
    for (int i = 0; err == STUDIO_OK && i < 100; i++) {
        err = store_commit(store, items, BATCH, 0);
        if (err == STUDIO_OK)
            last += BATCH;
    }
    assert_int_equal(err, STUDIO_ERR_STORAGE);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(store_probe(store), STUDIO_OK);
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, last + 1);
    store_close(store);
    store = open_store(data);
    assert_int_equal(store_info(store)->last_seq, last + 1);
    store_close(store);
}

/* No room for the log's index, after the transaction stands in the log and is synced. */
static void test_a_refused_batch_is_not_there_after_a_kill(void **state)
{
    enum { ENOUGH = 20000 };
    (void)state;
    const char *dir = tmpdir_create();
    faultvfs_register();
    struct store *store = open_store(dir);
    uint64_t rev = 0;
    faultvfs_arm(FAULTVFS_INDEX, 0, 1, 1, SQLITE_IOERR_SHMSIZE);
    enum studio_err err;
    while ((err = commit_change(store, "A-1", rev)) == STUDIO_OK && rev < ENOUGH)
        rev++;
    assert_int_equal(err, STUDIO_ERR_STORAGE);
    assert_int_equal(store_info(store)->last_seq, rev);
    struct store *killed = open_store(killed_copy(dir));
    assert_int_equal(store_info(killed)->last_seq, rev);
    store_close(killed);
    faultvfs_disarm();
    assert_int_equal(commit_change(store, "A-1", rev), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, rev + 1);
    store_close(store);
    faultvfs_unregister();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_disk_at_each_write, with_faults, without_faults),
        cmocka_unit_test_setup_teardown(test_write_error_at_each_write, with_faults,
                                        without_faults),
        cmocka_unit_test_setup_teardown(test_history_after_a_refused_batch, with_faults,
                                        without_faults),
        cmocka_unit_test_setup_teardown(test_failed_sync_ends_the_store, with_faults,
                                        without_faults),
        cmocka_unit_test_setup_teardown(test_probe, with_faults, without_faults),
        cmocka_unit_test_setup_teardown(test_open_on_a_failing_disk, with_faults, without_faults),
        cmocka_unit_test(test_page_limit),
        cmocka_unit_test(test_one_item_that_cannot_be_kept),
        cmocka_unit_test_setup_teardown(test_full_file_system, NULL, unmount),
        cmocka_unit_test(test_a_refused_batch_is_not_there_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
