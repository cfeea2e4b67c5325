/*
 * test_store_damage.c - a store that is damaged, or is none of ours: the agent does not start on it,
 * says what is wrong and what to do, and leaves every byte as it was (agent/README.md, The store).
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/storedir.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define BACKUP "restore a backup"

enum { UPDATES = 80, NOTE = 900, PAGE = 4096, STEP = 7 };

/* Updates one after the other, a transaction each, so large that an event fills more than a page. */
static void fill(struct agent_proc *a)
{
    char note[NOTE + 1] = "";
    struct wsclient *c = wsclient_login(agent_proc_port(a), "DAM-001_pc", TOKEN_DEVICE);
    for (int n = 1; n <= UPDATES; n++) {
        memset(note, 'a' + n % 26, NOTE);
        wsclient_sendf(c, "{\"n\":%d,\"one\":\"%s\",\"two\":\"%s\",\"three\":\"%s\"}", n, note,
                       note, note);
        wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"DAM-001\"}");
    }
    wsclient_close(c);
}

/* What an agent leaves: all in studio.db after an orderly end; after a kill -9 the second half of it
 * in the log only. */
static struct storedir_files a_store(bool killed)
{
    const char *data = tmpdir_create();
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data});
    fill(a);
    agent_proc_stop(a);
    if (killed) {
        agent_proc_restart(a);
        fill(a);
        agent_proc_kill(a);
    }
    struct storedir_files files = storedir_read(data);
    assert_true(killed ? files.wal_len > UPDATES * PAGE : files.wal_len == 0);
    agent_proc_destroy(a);
    return files;
}

/* No start on these files, with these words (ending with NULL); returns the folder. */
static const char *expect_refused(const struct storedir_files *files, const char *const *words)
{
    const char *data = tmpdir_create();
    storedir_write(data, files);
    storedir_expect_no_start(data, words);
    storedir_expect_unchanged(data, files);
    return data;
}

/* The same, and the commands do not take it for a store either, or find its faults. */
static void expect_refused_by_all(const struct storedir_files *files, const char *const *words)
{
    const char *data = expect_refused(files, words);
    storedir_expect("check", data, 4, "studio.db");
    storedir_expect("restored", data, 4, "studio.db");
    storedir_expect_unchanged(data, files);
}

/* --- studio.db -------------------------------------------------------------------------------- */

/* Bytes that mean nothing, others for each seed. */
static void garbage(char *bytes, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> 24);
    }
}

static void a_page_of_garbage(void **state)
{
    (void)state;
    struct storedir_files files = a_store(false);
    char page[PAGE];
    size_t pages = files.db_len / PAGE;
    assert_true(pages > UPDATES);
    for (size_t i = 1; i < pages; i += STEP) {
        memcpy(page, files.db + i * PAGE, PAGE);
        garbage(files.db + i * PAGE, PAGE, (uint32_t)i);
        expect_refused(&files, (const char *[]){"studio.db is damaged", BACKUP, NULL});
        memcpy(files.db + i * PAGE, page, PAGE);
    }
    garbage(files.db + pages / 2 * PAGE, PAGE, 0);
    expect_refused_by_all(&files, (const char *[]){"studio.db is damaged", BACKUP, NULL});
    garbage(files.db, PAGE, 0);
    expect_refused_by_all(&files, (const char *[]){"studio.db is damaged", BACKUP, NULL});
    storedir_finish(&files);
}

static void an_end_that_is_missing(void **state)
{
    (void)state;
    struct storedir_files files = a_store(false);
    const size_t lengths[] = {files.db_len - 1,
                              files.db_len / 2 / PAGE * PAGE,
                              files.db_len / 2 + PAGE / 3,
                              PAGE,
                              600,
                              20};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        files.db_len = lengths[i];
        expect_refused_by_all(&files, (const char *[]){"studio.db is damaged", BACKUP, NULL});
    }
    storedir_finish(&files);
}

static void a_file_that_is_no_database(void **state)
{
    (void)state;
    char text[3 * PAGE];
    memset(text, '.', sizeof text);
    struct storedir_files files = {.db = text, .db_len = sizeof text};
    expect_refused_by_all(&files, (const char *[]){"studio.db is damaged", BACKUP, NULL});
}

/* A log whose database is gone holds acknowledged updates: no new store is made over it. */
static void a_log_without_its_database(void **state)
{
    (void)state;
    struct storedir_files files = a_store(true);
    files.db_len = 0;
    expect_refused(&files, (const char *[]){"studio.db is missing or empty", BACKUP, NULL});
    storedir_finish(&files);
}

/* --- the log ---------------------------------------------------------------------------------- */

static const char *const damaged_log[] = {"studio.db-wal is damaged at",
                                          "acknowledged transactions", BACKUP, NULL};

/* What the commands make of it; then the way on that the refusal names: without what cannot be read,
 * under a new epoch. */
static void expect_goes_on_without(const char *data, const struct storedir_files *files)
{
    storedir_expect("check", data, 4, "fault: log: damaged at ");
    storedir_expect("export", data, 4, "studio.db-wal is damaged");
    storedir_expect_unchanged(data, files);
    storedir_expect("restored", data, 0, "new epoch");
    storedir_expect("check", data, 0, "no fault found");
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data});
    struct wsclient *c = wsclient_connect(agent_proc_port(a), "/?id=DAM-001_pc&token=MY_TOKEN");
    const char *document = wsclient_text(c);
    uint64_t uptime = json_number(document, "UPTIME"), n = json_number(document, "n");
    assert_in_range(uptime, UPDATES, 2 * UPDATES - 1);
    assert_int_equal(n, uptime > UPDATES ? uptime - UPDATES : UPDATES);
    wsclient_ask(c, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"DAM-001\"}");
    wsclient_close(c);
    agent_proc_destroy(a);
}

static void a_byte_of_the_log(void **state)
{
    (void)state;
    struct storedir_files files = a_store(true);
    for (size_t i = 2; i <= 8; i += 2) {
        size_t at = files.wal_len / 10 * i;
        files.wal[at] ^= 1;
        expect_goes_on_without(expect_refused(&files, damaged_log), &files);
        files.wal[at] ^= 1;
    }
    storedir_finish(&files);
}

static void the_beginning_of_the_log(void **state)
{
    (void)state;
    struct storedir_files files = a_store(true);
    memset(files.wal, 0, PAGE);
    expect_goes_on_without(expect_refused(&files, damaged_log), &files);
    storedir_finish(&files);
}

/* The very first log: without it there is nothing to go on with. */
static void the_beginning_of_all(void **state)
{
    (void)state;
    const char *data = tmpdir_create();
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data});
    fill(a);
    agent_proc_kill(a);
    agent_proc_destroy(a);
    struct storedir_files files = storedir_read(data);
    memset(files.wal, 0, PAGE);
    expect_refused_by_all(&files, damaged_log);
    storedir_finish(&files);
}

/* --- others' ---------------------------------------------------------------------------------- */

static sqlite3 *open_database(const char *data)
{
    sqlite3 *db;
    if (sqlite3_open(tmpdir_path(data, "studio.db"), &db) != SQLITE_OK)
        test_fail("cannot open a database in %s", data);
    return db;
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        test_fail("%s: %s", sql, sqlite3_errmsg(db));
}

/* Also one that was just killed, with all it has in its log. */
static void a_database_of_another_program(void **state)
{
    (void)state;
    static const char *const words[] = {"a database of another program", "--data", NULL};
    const char *data = tmpdir_create();
    sqlite3 *db = open_database(data);
    run_sql(db, "PRAGMA journal_mode = WAL; CREATE TABLE notes (text)");
    run_sql(db, "INSERT INTO notes VALUES ('mine')");
    struct storedir_files files = storedir_read(data);
    assert_true(files.wal_len > 0);
    expect_refused_by_all(&files, words);
    storedir_finish(&files);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    files = storedir_read(data);
    assert_int_equal(files.wal_len, 0);
    expect_refused_by_all(&files, words);
    storedir_finish(&files);
}

static void a_store_of_a_newer_version(void **state)
{
    (void)state;
    static const char *const words[] = {"a newer studio-agent", "format 99", BACKUP, NULL};
    const char *data = tmpdir_create();
    struct storedir_files files = a_store(false);
    storedir_write(data, &files);
    storedir_finish(&files);
    sqlite3 *db = open_database(data);
    run_sql(db, "PRAGMA user_version = 99");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    files = storedir_read(data);
    expect_refused_by_all(&files, words);
    storedir_finish(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_garbage),
        cmocka_unit_test(an_end_that_is_missing),
        cmocka_unit_test(a_file_that_is_no_database),
        cmocka_unit_test(a_log_without_its_database),
        cmocka_unit_test(a_byte_of_the_log),
        cmocka_unit_test(the_beginning_of_the_log),
        cmocka_unit_test(the_beginning_of_all),
        cmocka_unit_test(a_database_of_another_program),
        cmocka_unit_test(a_store_of_a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
