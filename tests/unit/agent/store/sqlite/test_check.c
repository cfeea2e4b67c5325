/* test_check.c - each fault is found and named, and a sound store has none. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/agent/store/tools_fixture.h"

static void expect_fault(const char *dir, const char *words)
{
    struct studio_error error = {0};
    enum studio_err err;
    char *text = check_text(dir, &err, &error);
    if (err != STUDIO_ERR_STORE_UNUSABLE || !strstr(text, words))
        fail_msg("no '%s' (error %d) in:\n%s", words, (int)err, text);
    assert_non_null(strstr(error.text, "faults"));
    free(text);
}

static void expect_sound(const char *dir)
{
    struct studio_error error = {0};
    enum studio_err err;
    char *text = check_text(dir, &err, &error);
    if (err != STUDIO_OK || !strstr(text, "no fault found\n"))
        fail_msg("%s", text);
    free(text);
}

static void test_sound(void **state)
{
    (void)state;
    struct studio_error error = {0};
    enum studio_err err;
    const char *dir = full_store();
    char *text = check_text(dir, &err, &error);
    assert_int_equal(err, STUDIO_OK);
    assert_non_null(strstr(text, "1 starts, 2 tables\n"));
    assert_non_null(strstr(text, "12 events (1 to 12), acknowledged to 8, 1 parked\n"));
    free(text);
    dir = tmpdir_create();
    store_close(open_store(dir));
    expect_sound(dir);
}

static void test_sound_after_retention(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    options.retention_events = 3;
    struct store *store = open_with(&options);
    commit_changes(store, "A-1", 0, 20);
    assert_int_equal(store_commit(store, NULL, 0, 20), STUDIO_OK);
    housekeep_all(store, 1700000000000);
    store_close(store);
    expect_sound(dir);
    options.retention_events = 0;
    options.retention_days = 1;
    store = open_with(&options);
    int64_t mono = 0;
    run_hours(store, &mono, 25);
    assert_int_equal(store_info(store)->oldest, 21);
    store_close(store);
    expect_sound(dir);
}

static void test_each_fault(void **state)
{
    static const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        {"DELETE FROM events WHERE seq = 4", "events: 4 to 4 are missing"},
        {"DELETE FROM events WHERE seq BETWEEN 3 AND 7", "events: 3 to 7 are missing"},
        {"DELETE FROM events WHERE seq = 12", "events: the newest is 11, not 12"},
        {"DELETE FROM events WHERE seq < 10", "events: 9 was never acknowledged"},
        {"DELETE FROM events", "events: 9 was never acknowledged"},
        {"UPDATE events SET kind = 3 WHERE seq = 4", "events: 4 has no known kind (3)"},
        {"UPDATE events SET rev = 9 WHERE seq = 12", "events: 12 of A-1 has rev 9, the change"},
        {"UPDATE events SET rev = CASE seq WHEN 11 THEN 6 ELSE 5 END WHERE seq IN (11, 12)",
         "of A-1 has rev 6"},
        {"UPDATE events SET body = 'x' WHERE seq = 2", "events: what 2 holds is not JSON"},
        {"UPDATE events SET body = '\"table_id\":\"A-1\"}' WHERE seq = 2",
         "events: what 2 holds is not"},
        {"UPDATE events SET table_id = 'C-3' WHERE seq = 6",
         "events: what 6 holds is not about C-3"},
        {"DELETE FROM spans WHERE table_id = 'B-2'",
         "spans: span 0 does not know the events of B-2 from rev 3 on"},
        {"UPDATE spans SET rev = rev + 1 WHERE table_id = 'A-1'",
         "spans: span 0 does not know the events of A-1 from rev 0 on"},
        {"DELETE FROM tables WHERE id = 'B-2'", "tables: B-2 has events but is not there"},
        {"UPDATE tables SET rev = 5 WHERE id = 'A-1'",
         "tables: A-1 is at rev 5, its newest change at 6"},
        {"UPDATE tables SET document = '{}' WHERE id = 'A-1'",
         "tables: what A-1 holds is not about"},
        {"UPDATE tables SET document = '{' WHERE id = 'A-1'", "tables: what A-1 holds is not JSON"},
        {"UPDATE requests SET digest = x'00'", "requests: \"r-1\" of plc for C-3"},
        {"UPDATE meta SET value = 13 WHERE key = 'acked'", "meta: 13 is acknowledged, but"},
        {"UPDATE meta SET value = 'x' WHERE key = 'boot'", "meta: boot is not a number"},
        {"DELETE FROM meta WHERE key = 'last_seq'", "meta: last_seq is not a number"},
        {"UPDATE meta SET value = 'xyz' WHERE key = 'epoch'", "meta: the epoch is not"},
        {"DELETE FROM meta WHERE key = 'agent_id'", "meta: there is no agent id"},
        {"DROP TABLE cleared; DROP TABLE tables", "cannot be read: no such table: tables"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *dir = full_store();
        alter_store(dir, rows[i].sql);
        expect_fault(dir, rows[i].words);
    }
}

static void test_damaged_page(void **state)
{
    (void)state;
    const char *dir = full_store();
    struct stat st;
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE), &st), 0);
    int fd = open(tmpdir_path(dir, STORE_FILE), O_WRONLY);
    assert_int_equal(pwrite(fd, junk, sizeof junk, st.st_size - 4096), sizeof junk);
    close(fd);
    expect_fault(dir, "fault: ");
}

static void test_many_faults_are_counted(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 150);
    store_close(store);
    alter_store(dir, "UPDATE events SET body = 'x'");
    expect_fault(dir, "and 50 more\n150 faults found\n");
}

static void test_changes_nothing(void **state)
{
    (void)state;
    const char *dir = full_store();
    size_t before_len = 0, after_len = 0;
    char *before = tmpdir_read(tmpdir_path(dir, STORE_FILE), &before_len);
    expect_sound(dir);
    char *after = tmpdir_read(tmpdir_path(dir, STORE_FILE), &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_sound_after_retention),
        cmocka_unit_test(test_each_fault),
        cmocka_unit_test(test_damaged_page),
        cmocka_unit_test(test_many_faults_are_counted),
        cmocka_unit_test(test_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
