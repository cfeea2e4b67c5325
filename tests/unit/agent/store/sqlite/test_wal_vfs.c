/* test_wal_vfs.c - the log is written in long pieces, before each sync, and reads as if it were not. */
#include "unit/agent/store/fixture.h"

/* The calls on the log's file, counted and made to fail, below what is tested. */
static sqlite3_vfs below;
static int (*open_below)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static int writes, syncs, unsynced, fail_writes;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods counting;

static int count_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (fail_writes)
        return SQLITE_FULL;
    writes++;
    unsynced++;
    return real_methods->xWrite(file, bytes, len, at);
}

static int count_sync(sqlite3_file *file, int flags)
{
    syncs++;
    unsynced = 0;
    return real_methods->xSync(file, flags);
}

static int count_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    int rc = open_below(vfs, name, file, flags, got);
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL)) {
        real_methods = file->pMethods;
        counting = *real_methods;
        counting.xWrite = count_write;
        counting.xSync = count_sync;
        file->pMethods = &counting;
    }
    return rc;
}

static int setup(void **state)
{
    static const char *vfs;
    if (!vfs) {
        below = *sqlite3_vfs_find(NULL);
        below.zName = "counted";
        below.pNext = NULL;
        open_below = below.xOpen;
        below.xOpen = count_open;
        assert_int_equal(sqlite3_vfs_register(&below, 1), SQLITE_OK);
        vfs = wal_vfs();
    }
    assert_non_null(vfs);
    sqlite3 *db = NULL;
    char *path = NULL;
    assert_true(asprintf(&path, "%s/t.db", tmpdir_create()) > 0);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs),
                     SQLITE_OK);
    free(path);
    assert_int_equal(sql_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(a, b)"),
                     SQLITE_OK);
    *state = db;
    writes = syncs = 0;
    return 0;
}

static int teardown(void **state)
{
    fail_writes = 0;
    assert_int_equal(sqlite3_close(*state), SQLITE_OK);
    return 0;
}

static int64_t sum(sqlite3 *db)
{
    int64_t out = -1;
    assert_int_equal(sql_number(db, "SELECT sum(a) FROM t", &out), SQLITE_OK);
    return out;
}

/* N rows of half a page. */
static int insert(sqlite3 *db, int rows)
{
    char text[200];
    snprintf(text, sizeof text,
             "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             "INSERT INTO t SELECT i, randomblob(2000) FROM n",
             rows);
    return sql_exec(db, text);
}

static sqlite3 *another(sqlite3 *db)
{
    sqlite3 *other = NULL;
    assert_int_equal(
        sqlite3_open_v2(sqlite3_db_filename(db, "main"), &other, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    return other;
}

static void a_commit_is_one_write(void **state)
{
    sqlite3 *db = *state;
    assert_int_equal(insert(db, 20), SQLITE_OK); /* ten pages and more */
    assert_int_equal(writes, 1);
    assert_int_equal(syncs, 1);
    assert_int_equal(unsynced, 0);
    sqlite3 *other = another(db);
    assert_int_equal(sum(other), 210);
    assert_int_equal(insert(db, 1), SQLITE_OK);
    assert_int_equal(writes, 2);
    assert_int_equal(sum(other), 211);
    sqlite3_close(other);
}

/* More than is kept, more than the cache holds: pages are read back before the end. */
static void a_large_one_reads_itself(void **state)
{
    sqlite3 *db = *state;
    assert_int_equal(sql_exec(db, "PRAGMA cache_size = 10; BEGIN"), SQLITE_OK);
    assert_int_equal(insert(db, 1000), SQLITE_OK);
    assert_int_equal(sql_exec(db, "UPDATE t SET a = a + 1"), SQLITE_OK);
    assert_int_equal(sum(db), 501500);
    assert_int_equal(sql_exec(db, "COMMIT"), SQLITE_OK);
    assert_int_equal(unsynced, 0);
    sqlite3 *other = another(db);
    assert_int_equal(sum(other), 501500);
    int64_t sound = 0;
    assert_int_equal(
        sql_number(other, "SELECT integrity_check = 'ok' FROM pragma_integrity_check", &sound),
        SQLITE_OK);
    assert_int_equal(sound, 1);
    sqlite3_close(other);
}

static void a_failed_write_fails_the_commit(void **state)
{
    sqlite3 *db = *state;
    assert_int_equal(insert(db, 2), SQLITE_OK);
    fail_writes = 1;
    assert_int_equal(insert(db, 20), SQLITE_FULL);
    assert_int_equal(sum(db), 3);
    fail_writes = 0;
    assert_int_equal(insert(db, 1), SQLITE_OK);
    sqlite3 *other = another(db);
    assert_int_equal(sum(other), 4);
    sqlite3_close(other);
}

static void what_is_rolled_back_leaves_nothing(void **state)
{
    sqlite3 *db = *state;
    assert_int_equal(sql_exec(db, "PRAGMA cache_size = 10; BEGIN"), SQLITE_OK);
    assert_int_equal(insert(db, 200), SQLITE_OK);
    assert_int_equal(sql_exec(db, "ROLLBACK"), SQLITE_OK);
    assert_int_equal(insert(db, 2), SQLITE_OK);
    assert_int_equal(sum(db), 3);
    assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(insert(db, 2), SQLITE_OK);
    sqlite3 *other = another(db);
    assert_int_equal(sum(other), 6);
    sqlite3_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_is_one_write, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_one_reads_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_fails_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_leaves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
