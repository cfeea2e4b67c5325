/* test_commit.c - a batch is durable whole or has not happened, whatever fails on the way. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/faultvfs.h"
#include "unit/agent/store/fixture.h"

enum { BATCH = 500 };

static struct change batch[BATCH];
static struct store_item items[BATCH];

static void make_batch(uint64_t rev)
{
    for (unsigned i = 0; i < BATCH; i++) {
        make_change(&batch[i], i % 2 ? "A-1" : "B-2", rev + i / 2);
        items[i] = batch[i].item;
    }
}

static void test_one_commit_of_many(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(dir);
    make_batch(0);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_OK);
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(items[i].event->seq, i + 1);
    assert_int_equal(store_info(store)->last_seq, BATCH);
    struct seen seen = read_events(reader, 0, UINT64_MAX, SIZE_MAX);
    assert_int_equal(seen.count, BATCH);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.last, BATCH);
    assert_string_equal(seen.body, batch[BATCH - 1].body);
    store_reader_close(reader);
    store_close(store);
}

static void test_watermark(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 10);
    assert_int_equal(store_commit(store, NULL, 0, 4), STUDIO_OK);
    assert_int_equal(store_info(store)->acked, 4);
    assert_int_equal(store_commit(store, NULL, 0, 3), STUDIO_OK); /* never back */
    assert_int_equal(store_info(store)->acked, 4);
    assert_int_equal(store_commit(store, NULL, 0, 99), STUDIO_OK); /* never ahead */
    assert_int_equal(store_info(store)->acked, 10);
    struct change c;
    make_change(&c, "A-1", 10);
    assert_int_equal(store_commit(store, &c.item, 1, 11), STUDIO_OK); /* not yet sent */
    assert_int_equal(store_info(store)->acked, 10);
    store_close(store);
    store = open_store(dir);
    assert_int_equal(store_info(store)->acked, 10);
    store_close(store);
}

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
    assert_int_equal(sqlite3_db_status(store->db, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &ignored, 1),
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
            char id[8];
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

static void test_cleared_fields(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    static const char *const both[] = {"note", "light"};
    struct change c;
    int64_t n = 0;
    make_change(&c, "A-1", 0);
    c.item.cleared = both;
    c.item.cleared_count = 2;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK); /* again does no harm */
    assert_int_equal(sql_number(store->db, "SELECT count(*) FROM cleared", &n), SQLITE_OK);
    assert_int_equal(n, 2);
    make_change(&c, "A-1", 1);
    c.item.set = both;
    c.item.set_count = 1;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(sql_number(store->db, "SELECT count(*) FROM cleared", &n), SQLITE_OK);
    assert_int_equal(n, 1);
    store_close(store);
}

/* Table A-1 removes so many names, one with each rev. */
static void remove_names(struct store *store, uint64_t from, uint64_t to)
{
    for (uint64_t rev = from; rev <= to; rev++) {
        char name[16];
        const char *names[] = {name};
        struct change c;
        snprintf(name, sizeof name, "n%llu", (unsigned long long)rev);
        make_change(&c, "A-1", rev);
        c.item.cleared = names;
        c.item.cleared_count = 1;
        assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    }
}

static int64_t names_kept(struct store *store, uint64_t above_rev)
{
    char sql[96];
    int64_t n = 0;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cleared WHERE rev > %llu",
             (unsigned long long)above_rev);
    assert_int_equal(sql_number(store->db, sql, &n), SQLITE_OK);
    return n;
}

static void test_cleared_names_are_forgotten_but_for_the_newest(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct store_clearing told[] = {{"B-1", 900}, {"A-1", 50}};
    remove_names(store, 1, 100);
    assert_int_equal(names_kept(store, 0), 100); /* none is cleared yet */
    assert_int_equal(store_forget_cleared(store, told, 2), STUDIO_OK);
    assert_int_equal(names_kept(store, 0), 50);
    told[1].rev = 90;
    assert_int_equal(store_forget_cleared(store, told, 2), STUDIO_OK);
    assert_int_equal(names_kept(store, 0), STORE_CLEARED_KEPT);
    assert_int_equal(names_kept(store, 100 - STORE_CLEARED_KEPT), STORE_CLEARED_KEPT);
    store_close(store);
}

static void test_without_a_broker_only_the_newest_names_are_kept(void **state)
{
    (void)state;
    struct store_options options = options_for(tmpdir_create());
    options.mirror = false;
    struct store *store = open_with(&options);
    remove_names(store, 1, 100);
    assert_int_equal(names_kept(store, 0), STORE_CLEARED_KEPT);
    assert_int_equal(names_kept(store, 100 - STORE_CLEARED_KEPT), STORE_CLEARED_KEPT);
    store_close(store);
}

static void test_park(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(dir);
    commit_changes(store, "A-1", 0, 5);
    assert_int_equal(store_park(store, 3, "0x87"), STUDIO_OK);
    assert_int_equal(store_park(store, 3, "again"), STUDIO_OK);
    assert_int_equal(store_park(store, 4, NULL), STUDIO_OK);
    assert_int_equal(store_park(store, 99, "no such event"), STUDIO_OK);
    assert_int_equal(store_info(store)->parked, 2);
    struct seen seen = read_events(reader, 1, 9, 99);
    assert_int_equal(seen.count, 5); /* parked ones are kept for replay */
    assert_int_equal(seen.parked, 2);
    store_reader_close(reader);
    store_close(store);
    store = open_store(dir);
    assert_int_equal(store_info(store)->parked, 2);
    store_close(store);
}

/* --- failures -------------------------------------------------------------------------------- */

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
    struct store_reader *reader = open_reader(dir);
    commit_changes(store, "A-1", 0, 3);
    uint64_t last = store_info(store)->last_seq;
    unsigned failures = 0;
    /* Few pages of memory: the log is written in many pieces, not in one by the sync alone. */
    assert_int_equal(sql_exec(store->db, "PRAGMA cache_size = 10"), SQLITE_OK);
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
    struct store_reader *reader = open_reader(dir);
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
    assert_int_equal(sql_number(store->db, "SELECT count(*) FROM meta WHERE key = 'probe'", &n),
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
    assert_int_equal(sql_exec(store->db, "PRAGMA max_page_count = 12"), SQLITE_OK);
    make_batch(3);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_ERR_STORAGE);
    assert_int_equal(store_info(store)->last_seq, 3);
    assert_int_equal(sql_exec(store->db, "PRAGMA max_page_count = 100000"), SQLITE_OK);
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
    struct store_reader *reader = open_reader(dir);
    int limit = sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, 1000);
    static char body[2000];
    make_batch(0);
    memset(body, 'x', sizeof body);
    items[2].event->body = body;
    items[2].event->body_len = sizeof body;
    assert_int_equal(store_commit(store, items, 5, 0), STUDIO_ERR_STORAGE);
    assert_int_equal(read_events(reader, 1, 9, 9).count, 0);
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, limit);
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
        cmocka_unit_test(test_one_commit_of_many),
        cmocka_unit_test(test_watermark),
        cmocka_unit_test(test_nothing_to_write_is_no_transaction),
        cmocka_unit_test(test_few_pages_a_commit),
        cmocka_unit_test(test_cleared_fields),
        cmocka_unit_test(test_cleared_names_are_forgotten_but_for_the_newest),
        cmocka_unit_test(test_without_a_broker_only_the_newest_names_are_kept),
        cmocka_unit_test(test_park),
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
