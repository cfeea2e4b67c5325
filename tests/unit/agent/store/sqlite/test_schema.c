/* test_schema.c - only a sound store of a known version is opened, and none is ever replaced. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/agent/store/fixture.h"

/* A database made by hand at `dir/studio.db`. */
static void make_database(const char *dir, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(tmpdir_path(dir, STORE_FILE), &db), SQLITE_OK);
    assert_int_equal(sql_exec(db, sql), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Opening is refused with these words, and the file is byte for byte what it was. */
static void expect_refused(const char *dir, const char *words)
{
    struct store_options options = options_for(dir);
    struct studio_error error = {0};
    struct store *store = NULL;
    size_t before_len = 0, after_len = 0;
    char *before = tmpdir_read(tmpdir_path(dir, STORE_FILE), &before_len);
    assert_int_equal(store_open(&options, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_null(store);
    if (!strstr(error.text, words))
        fail_msg("no '%s' in: %s", words, error.text);
    char *after = tmpdir_read(tmpdir_path(dir, STORE_FILE), &after_len);
    assert_int_equal(before_len, after_len);
    if (before)
        assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

static void overwrite(const char *dir, off_t offset, size_t len, int byte)
{
    char junk[4096];
    assert_true(len <= sizeof junk);
    memset(junk, byte, len);
    int fd = open(tmpdir_path(dir, STORE_FILE), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, len, offset), len);
    close(fd);
}

static const char *filled_store(void)
{
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "ARO-001", 0, 200);
    store_close(store);
    return dir;
}

static void test_other_program(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    make_database(dir, "PRAGMA application_id = 77; CREATE TABLE t (x)");
    expect_refused(dir, "another program");
    dir = tmpdir_create();
    make_database(dir, "CREATE TABLE t (x)"); /* no id at all */
    expect_refused(dir, "another program");
}

static void test_newer_version(void **state)
{
    (void)state;
    const char *dir = filled_store();
    make_database(dir, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 999");
    expect_refused(dir, "newer studio-agent (format 999");
}

static void test_refused_with_its_log_untouched(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *wal = tmpdir_path(dir, STORE_FILE "-wal");
    size_t before_len = 0, after_len = 0;
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 20);
    assert_int_equal(sql_exec(as_sqlite(store)->db, "PRAGMA user_version = 999"), SQLITE_OK);
    as_sqlite(store)->failed = true; /* closes without a checkpoint, as a crash would */
    store_close(store);
    char *before = tmpdir_read(wal, &before_len);
    expect_refused(dir, "format 999");
    char *after = tmpdir_read(wal, &after_len);
    assert_true(before_len > 0);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

static void test_text_file(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    tmpdir_write(dir, STORE_FILE, 0600,
                 "this is not a database, and it is long enough to be read"
                 " as a header of one hundred bytes by whoever tries to.");
    expect_refused(dir, "restore a backup");
}

static void test_damaged_header(void **state)
{
    (void)state;
    const char *dir = filled_store();
    overwrite(dir, 0, 100, 0xa5);
    expect_refused(dir, "move " STORE_FILE "* away");
}

static void test_damaged_page(void **state)
{
    (void)state;
    const char *dir = filled_store();
    struct stat st;
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE), &st), 0);
    off_t pages = st.st_size / 4096;
    assert_true(pages > 6);
    for (off_t page = 1; page < pages; page++) {
        char *whole = tmpdir_read(tmpdir_path(dir, STORE_FILE), NULL);
        assert_non_null(whole);
        overwrite(dir, page * 4096, 4096, 0xa5);
        expect_refused(dir, "restore a backup");
        int fd = open(tmpdir_path(dir, STORE_FILE), O_WRONLY);
        assert_int_equal(pwrite(fd, whole, (size_t)st.st_size, 0), st.st_size);
        close(fd);
        free(whole);
    }
    store_close(open_store(dir));
}

static void test_cut_short(void **state)
{
    (void)state;
    const char *dir = filled_store();
    assert_int_equal(truncate(tmpdir_path(dir, STORE_FILE), 4096 * 3), 0);
    expect_refused(dir, "restore a backup");
}

static void test_numbers_that_contradict_each_other(void **state)
{
    static const char *const damages[] = {
        "UPDATE meta SET value = 900 WHERE key = 'last_seq'", /* more than there are events */
        "UPDATE meta SET value = 201 WHERE key = 'acked'",
        "UPDATE meta SET value = 'short' WHERE key = 'epoch'",
        "DELETE FROM meta WHERE key = 'boot'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *dir = filled_store();
        make_database(dir, damages[i]);
        expect_refused(dir, "restore a backup");
    }
}

/* --- a store of an earlier version ------------------------------------------------------------ */

/* As version 2 made it: 3,000 events of A-1 in turn with others, the first 1,500 removed. */
static const char version_2[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tables (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, document TEXT)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, table_id TEXT NOT NULL,"
    "  rev INTEGER NOT NULL, wall_ms INTEGER NOT NULL, parked TEXT, body TEXT NOT NULL) STRICT;"
    "CREATE INDEX events_changes ON events (table_id, rev) WHERE kind = 1;"
    "CREATE INDEX events_parked ON events (seq) WHERE parked IS NOT NULL;"
    "CREATE TABLE requests (table_id TEXT NOT NULL, client TEXT NOT NULL,"
    "  request_id TEXT NOT NULL, digest BLOB NOT NULL, answer TEXT NOT NULL,"
    "  wall_ms INTEGER NOT NULL, hour INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (table_id, client, request_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX requests_age ON requests (hour);"
    "CREATE TABLE cleared (table_id TEXT NOT NULL, field TEXT NOT NULL,"
    "  PRIMARY KEY (table_id, field)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE hours (hour INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL) STRICT;"
    "INSERT INTO meta VALUES ('epoch', '00112233445566778899aabbccddeeff'), ('agent_id', 'edge-1'),"
    " ('boot', 3), ('last_seq', 3000), ('acked', 2000), ('hours', 7);"
    "WITH RECURSIVE n(i) AS (SELECT 1501 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    " INSERT INTO events SELECT i, 1, iif(i % 2, 'A-1', 'B-' || (i % 10)),"
    " iif(i % 2, i / 2, i / 10), 1700000000000, NULL,"
    " printf('\"table_id\":\"%s\",\"rev\":%d,\"changes\":{}}',"
    " iif(i % 2, 'A-1', 'B-' || (i % 10)), iif(i % 2, i / 2, i / 10)) FROM n;"
    "INSERT INTO tables SELECT table_id, max(rev),"
    " printf('{\"TABLE_ID\":\"%s\",\"UPTIME\":%d}', table_id, max(rev)) FROM events GROUP BY 1;"
    "PRAGMA user_version = 2; PRAGMA application_id = 1398035780";

static struct seen read_changes(struct store_reader *reader, const char *table_id,
                                uint64_t from_rev, uint64_t after_seq)
{
    struct seen seen = {.ordered = true};
    assert_int_equal(
        store_read_changes(reader, table_id, from_rev, after_seq, SIZE_MAX, see_event, &seen),
        STUDIO_OK);
    assert_true(seen.ordered);
    return seen;
}

static void test_an_older_store_is_brought_to_this_version(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    make_database(dir, version_2);
    for (int start = 0; start < 2; start++) {
        struct store *store = open_store(dir);
        assert_int_equal(store_info(store)->last_seq, 3000 + start);
        assert_int_equal(store_info(store)->acked, 2000);
        assert_int_equal(store_info(store)->oldest, 1501);
        struct store_reader *reader = open_reader(store);
        struct seen seen = read_changes(reader, "A-1", 0, 0);
        assert_int_equal(seen.count, 750 + start);
        assert_int_equal(seen.first, 1501);
        assert_int_equal(seen.last, start ? 3001 : 2999);
        assert_int_equal(read_changes(reader, "B-4", 260, 2700).first, 2704);
        assert_int_equal(commit_change(store, "A-1", 1500 + (uint64_t)start), STUDIO_OK);
        store_reader_close(reader);
        struct findings findings = {.out = stderr};
        check_database(as_sqlite(store)->db, &findings);
        assert_int_equal(findings.count, 0);
        store_close(store);
    }
}

static void test_empty_file(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    tmpdir_write(dir, STORE_FILE, 0600, "");
    tmpdir_write(dir, STORE_FILE "-wal", 0600, "what is left of a store");
    expect_refused(dir, "-wal is there");
    assert_int_equal(unlink(tmpdir_path(dir, STORE_FILE)), 0);
    expect_refused(dir, "-wal is there");
    char *wal = tmpdir_read(tmpdir_path(dir, STORE_FILE "-wal"), NULL);
    assert_string_equal(wal, "what is left of a store");
    free(wal);
    assert_int_equal(unlink(tmpdir_path(dir, STORE_FILE "-wal")), 0);
    tmpdir_write(dir, STORE_FILE, 0600, "");
    store_close(open_store(dir));
}

static void test_blank_database_is_a_new_store(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    make_database(dir, "PRAGMA journal_mode = WAL"); /* a start cut off before its first commit */
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 1);
    store_close(store);
}

static void test_steps_run_once_each(void **state)
{
    static const char *const three[] = {
        "CREATE TABLE one (x); INSERT INTO one VALUES (1)",
        "CREATE TABLE two (x); INSERT INTO two SELECT x + 1 FROM one",
        "UPDATE one SET x = x * 10",
    };
    (void)state;
    sqlite3 *db = NULL;
    int64_t n = 0;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(schema_apply(db, three, 1), SQLITE_OK);
    assert_int_equal(sql_number(db, "PRAGMA user_version", &n), SQLITE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(schema_apply(db, three, 3), SQLITE_OK); /* from version 1 */
    assert_int_equal(schema_apply(db, three, 3), SQLITE_OK); /* nothing left to do */
    assert_int_equal(sql_number(db, "SELECT one.x + two.x FROM one, two", &n), SQLITE_OK);
    assert_int_equal(n, 12);
    assert_int_equal(sql_number(db, "PRAGMA user_version", &n), SQLITE_OK);
    assert_int_equal(n, 3);
    assert_int_equal(sql_number(db, "PRAGMA application_id", &n), SQLITE_OK);
    assert_int_equal(n, STORE_APPLICATION_ID);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_failed_step_leaves_the_old_version(void **state)
{
    static const char *const two[] = {"CREATE TABLE one (x)", "CREATE TABLE two (x); nonsense"};
    (void)state;
    sqlite3 *db = NULL;
    int64_t n = 0;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(schema_apply(db, two, 1), SQLITE_OK);
    assert_int_equal(sql_exec(db, "BEGIN IMMEDIATE"), SQLITE_OK);
    assert_int_equal(schema_apply(db, two, 2), SQLITE_ERROR);
    assert_int_equal(sql_exec(db, "ROLLBACK"), SQLITE_OK);
    assert_int_equal(sql_number(db, "PRAGMA user_version", &n), SQLITE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(sql_number(db, "SELECT count(*) FROM sqlite_schema", &n), SQLITE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_program),
        cmocka_unit_test(test_newer_version),
        cmocka_unit_test(test_refused_with_its_log_untouched),
        cmocka_unit_test(test_text_file),
        cmocka_unit_test(test_damaged_header),
        cmocka_unit_test(test_damaged_page),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_numbers_that_contradict_each_other),
        cmocka_unit_test(test_an_older_store_is_brought_to_this_version),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_blank_database_is_a_new_store),
        cmocka_unit_test(test_steps_run_once_each),
        cmocka_unit_test(test_failed_step_leaves_the_old_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
