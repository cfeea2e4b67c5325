/* test_sql.c - what a result means, and that arguments and numbers arrive as given. */
#include "unit/agent/store/fixture.h"

static void test_classify(void **state)
{
    static const struct {
        int rc;
        enum studio_err err;
    } rows[] = {
        {SQLITE_OK, STUDIO_OK},
        {SQLITE_DONE, STUDIO_OK},
        {SQLITE_FULL, STUDIO_ERR_STORAGE},
        {SQLITE_CANTOPEN, STUDIO_ERR_STORAGE},
        {SQLITE_CANTOPEN_SYMLINK, STUDIO_ERR_STORAGE},
        {SQLITE_READONLY, STUDIO_ERR_STORAGE},
        {SQLITE_READONLY_DBMOVED, STUDIO_ERR_STORAGE},
        {SQLITE_BUSY, STUDIO_ERR_STORAGE},
        {SQLITE_BUSY_SNAPSHOT, STUDIO_ERR_STORAGE},
        {SQLITE_NOMEM, STUDIO_ERR_STORAGE},
        {SQLITE_IOERR_NOMEM, STUDIO_ERR_STORAGE},
        {SQLITE_IOERR, STUDIO_ERR_STORAGE},
        {SQLITE_IOERR_WRITE, STUDIO_ERR_STORAGE},
        {SQLITE_IOERR_SHMSIZE, STUDIO_ERR_STORAGE},
        {SQLITE_IOERR_FSYNC, STUDIO_ERR_IO},
        {SQLITE_IOERR_DIR_FSYNC, STUDIO_ERR_IO},
        {SQLITE_IOERR_TRUNCATE, STUDIO_ERR_IO},
        {SQLITE_CORRUPT, STUDIO_ERR_IO},
        {SQLITE_CORRUPT_INDEX, STUDIO_ERR_IO},
        {SQLITE_NOTADB, STUDIO_ERR_IO},
        {SQLITE_ERROR, STUDIO_ERR_IO},
        {SQLITE_CONSTRAINT_PRIMARYKEY, STUDIO_ERR_IO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sql_classify(rows[i].rc) != rows[i].err)
            fail_msg("%s (%d)", sqlite3_errstr(rows[i].rc), rows[i].rc);
}

static void test_refusal_says_what_to_do(void **state)
{
    static const struct {
        int rc;
        const char *advice;
    } rows[] = {
        {SQLITE_NOTADB, "restore a backup"},   {SQLITE_CORRUPT_VTAB, "restore a backup"},
        {SQLITE_FULL, "free some space"},      {SQLITE_CANTOPEN, "check that the directory"},
        {SQLITE_READONLY, "write permission"}, {SQLITE_BUSY, "locked by another program"},
        {SQLITE_IOERR_READ, "check the disk"}, {SQLITE_NOMEM, "memory"},
        {SQLITE_CONSTRAINT, "store check"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct studio_error error = {0};
        assert_int_equal(sql_refuse(&error, "/d/studio.db", rows[i].rc, NULL),
                         STUDIO_ERR_STORE_UNUSABLE);
        assert_non_null(strstr(error.text, "/d/studio.db"));
        if (!strstr(error.text, rows[i].advice))
            fail_msg("%d: %s", rows[i].rc, error.text);
    }
}

static sqlite3 *memory_db(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static void test_arguments(void **state)
{
    (void)state;
    static const char *const text = "SELECT ?1, ?2, ?3 IS NULL, ?4, length(?5)";
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = memory_db();
    assert_int_equal(sql_prepare_all(db, &text, &stmt, 1), SQLITE_OK);
    struct sql_call call = sql_call(stmt);
    sql_u64(&call, UINT64_MAX);
    sql_i64(&call, -5);
    sql_text(&call, NULL, 7);
    sql_text(&call, "abcdef", 3);
    sql_blob(&call, "\0\1\2", 3);
    assert_int_equal(sql_step(&call), SQLITE_ROW);
    assert_true(sqlite3_column_int64(stmt, 0) == INT64_MAX);
    assert_int_equal(sqlite3_column_int64(stmt, 1), -5);
    assert_int_equal(sqlite3_column_int(stmt, 2), 1);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 3), "abc");
    assert_int_equal(sqlite3_column_int(stmt, 4), 3);
    sql_end(&call);
    sql_finalize_all(&stmt, 1);
    assert_null(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_first_bad_argument_sticks(void **state)
{
    (void)state;
    static const char *const text = "SELECT ?1";
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = memory_db();
    assert_int_equal(sql_prepare_all(db, &text, &stmt, 1), SQLITE_OK);
    struct sql_call call = sql_call(stmt);
    sql_i64(&call, 1);
    sql_i64(&call, 2); /* there is no ?2 */
    assert_int_equal(sql_run(&call), SQLITE_RANGE);
    call = sql_call(stmt);
    sql_i64(&call, 1);
    assert_int_equal(sql_run(&call), SQLITE_OK);
    sql_finalize_all(&stmt, 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_number(void **state)
{
    (void)state;
    int64_t n = 0;
    sqlite3 *db = memory_db();
    assert_int_equal(sql_number(db, "SELECT 42", &n), SQLITE_OK);
    assert_int_equal(n, 42);
    assert_int_equal(sql_number(db, "SELECT 1 WHERE 0", &n), SQLITE_NOTFOUND);
    assert_int_equal(sql_number(db, "SELECT nothing", &n), SQLITE_ERROR);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classify),  cmocka_unit_test(test_refusal_says_what_to_do),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_first_bad_argument_sticks),
        cmocka_unit_test(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
