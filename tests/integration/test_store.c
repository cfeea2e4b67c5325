/* test_store.c - the commands for the store: check, export, import, restored (protocol section 7). */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"
#include "support/storedir.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { TABLES = 3, TABLE_EVENTS = 4 /* creation, two updates, an exception */ };

static const char *const names[TABLES] = {"STO-001", "STO-002", "STO-003"};

static struct agent_proc *start(const char *data, struct broker *broker)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    return agent_proc_start(&(struct agent_options){
        .data = data, .broker = broker ? broker_uri(broker) : NULL, .args = args});
}

/* What a store can hold: tables with all kinds of values, fields that were removed, exceptions. */
static void fill(struct agent_proc *a)
{
    char answer[64];
    for (int t = 0; t < TABLES; t++) {
        struct wsclient *c = wsclient_login(agent_proc_port(a), names[t], TOKEN_DEVICE);
        snprintf(answer, sizeof answer, "{\"status\":\"updated\",\"table_id\":\"%s\"}", names[t]);
        wsclient_ask(c, "{\"sdp\":\"up\",\"gone\":1,\"note\":\"K\xc3\xa4se \\\"1\\\"\"}", answer);
        wsclient_ask(c, "{\"gone\":null,\"tree\":{\"a\":[1.5,null]}}", answer);
        snprintf(answer, sizeof answer, "{\"status\":\"received\",\"table_id\":\"%s\"}", names[t]);
        wsclient_ask(c, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}", answer);
        wsclient_close(c);
    }
}

/* A folder with such a store, with nobody at work in it. */
static const char *a_store(bool killed)
{
    const char *data = tmpdir_create();
    struct agent_proc *a = start(data, NULL);
    fill(a);
    if (killed)
        agent_proc_kill(a);
    agent_proc_destroy(a);
    return data;
}

static char *export_of(const char *data)
{
    char *out;
    assert_int_equal(storedir_command("export", data, NULL, &out, NULL), 0);
    return out;
}

/* The documents of all tables, a line each; free(). */
static char *documents(struct agent_proc *a)
{
    char *all = test_printf("%s", "");
    struct wsclient *c = wsclient_login(agent_proc_port(a), "office", TOKEN_VIEWER);
    for (int t = 0; t < TABLES; t++) {
        wsclient_sendf(c, "{\"event\":\"get\",\"data\":{\"table_id\":\"%s\"}}", names[t]);
        char *longer = test_printf("%s%s\n", all, wsclient_text(c));
        free(all);
        all = longer;
    }
    wsclient_close(c);
    return all;
}

/* --- check ------------------------------------------------------------------------------------ */

static void a_sound_store_has_no_fault(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        const char *data = a_store(killed);
        struct storedir_files files = storedir_read(data);
        char *out, *err;
        assert_int_equal(storedir_command("check", data, NULL, &out, &err), 0);
        char *events =
            test_printf("%d events (1 to %d)", TABLES * TABLE_EVENTS, TABLES * TABLE_EVENTS);
        assert_non_null(strstr(out, events));
        assert_non_null(strstr(out, "no fault found\n"));
        assert_string_equal(err, "");
        storedir_expect_unchanged(data, &files);
        storedir_finish(&files);
        free(events);
        free(out);
        free(err);
    }
}

static void each_fault_is_told(void **state)
{
    (void)state;
    sqlite3 *db;
    char *out, *err;
    const char *data = a_store(false);
    assert_int_equal(sqlite3_open(tmpdir_path(data, "studio.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM events WHERE seq = 6;"
                                  "UPDATE tables SET rev = 7 WHERE id = 'STO-001'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    struct storedir_files files = storedir_read(data);
    assert_int_equal(storedir_command("check", data, NULL, &out, &err), 4);
    assert_non_null(strstr(out, "fault: events: 6 to 6 are missing\n"));
    assert_non_null(strstr(out, "fault: tables: STO-001 is at rev 7, its newest change at 2\n"));
    assert_non_null(strstr(out, "faults found\n"));
    assert_non_null(strstr(err, "restore a backup"));
    storedir_expect_unchanged(data, &files);
    storedir_finish(&files);
    free(out);
    free(err);
}

/* --- export and import ------------------------------------------------------------------------ */

static void an_export_is_lines_of_json(void **state)
{
    (void)state;
    const char *data = a_store(false);
    char *out = export_of(data), *rest = out, *line, *last = NULL;
    uint64_t lines = 0, events = 0, tables = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *record = json_at(line, "record");
        if (lines == 0)
            assert_string_equal(record, "store");
        if (!record)
            assert_int_equal(json_number(line, "seq"), ++events);
        else
            tables += strcmp(record, "table") == 0;
        free(record);
        last = line;
        lines++;
    }
    assert_int_equal(events, TABLES * TABLE_EVENTS);
    assert_int_equal(tables, TABLES);
    expect_json(out, "last_seq", "12");
    expect_json(out, "agent_id", "edge-1");
    expect_json(last, "record", "end");
    assert_int_equal(json_number(last, "lines"), lines - 1);
    free(out);
}

/* The next event has the number after the last one and this epoch; returns the epoch it has. */
static char *next_event(struct broker *broker, const char *data, uint64_t seq)
{
    char number[24];
    struct mqttclient *sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .subscribe = "studio/tables/STO-001/changes"});
    struct agent_proc *a = start(data, broker);
    struct wsclient *c = wsclient_login(agent_proc_port(a), names[0], TOKEN_DEVICE);
    wsclient_ask(c, "{\"sdp\":\"down\"}", "{\"status\":\"updated\",\"table_id\":\"STO-001\"}");
    snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
    const struct mqtt_message *m =
        mqttclient_wait_json(sub, "studio/tables/STO-001/changes", "seq", number);
    expect_json(m->payload, "rev", "3");
    char *epoch = json_at(m->payload, "epoch");
    wsclient_close(c);
    agent_proc_destroy(a);
    mqttclient_destroy(sub);
    return epoch;
}

static void an_import_is_the_same_store(void **state)
{
    (void)state;
    const char *from = a_store(true), *to = tmpdir_create();
    char *lines = export_of(from), *err;
    assert_int_equal(storedir_command("import", to, lines, NULL, &err), 0);
    assert_string_equal(err, "");
    char *again = export_of(to);
    assert_string_equal(again, lines);
    free(again);
    free(err);
    storedir_expect("check", to, 0, "no fault found");

    char *shown[2];
    const char *folders[] = {from, to};
    for (int i = 0; i < 2; i++) {
        struct agent_proc *a = start(folders[i], NULL);
        shown[i] = documents(a);
        agent_proc_destroy(a);
    }
    assert_non_null(strstr(shown[0], "\"tree\":{\"a\":[1.5,null]}"));
    assert_string_equal(shown[1], shown[0]);
    struct broker *broker = broker_create(NULL);
    char *epoch = next_event(broker, to, TABLES * TABLE_EVENTS + 1);
    expect_json(lines, "epoch", epoch);
    broker_destroy(broker);
    free(epoch);
    free(shown[0]);
    free(shown[1]);
    free(lines);
}

static void no_import_over_a_store(void **state)
{
    (void)state;
    const char *data = a_store(true);
    struct storedir_files files = storedir_read(data);
    char *lines = export_of(a_store(false)), *err;
    assert_int_equal(storedir_command("import", data, lines, NULL, &err), 4);
    assert_non_null(strstr(err, "there is a store in"));
    storedir_expect_unchanged(data, &files);
    storedir_finish(&files);
    free(lines);
    free(err);
}

/* Nothing but the lock file. */
static void expect_nothing_left(const char *data)
{
    DIR *dir = opendir(data);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0)
            test_fail("%s was left behind", entry->d_name);
    closedir(dir);
}

static void half_an_export_is_not_imported(void **state)
{
    (void)state;
    const char *to = tmpdir_create();
    char *lines = export_of(a_store(false)), *err;
    size_t len = strlen(lines), last = len - 1;
    while (lines[last - 1] != '\n')
        last--;
    /* In the middle of a line, without the last line, only the first one, nothing at all. */
    const size_t cuts[] = {len / 2, last, strcspn(lines, "\n") + 1, 0};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char *part = test_printf("%.*s", (int)cuts[i], lines);
        assert_int_equal(storedir_command("import", to, part, NULL, &err), 2);
        assert_non_null(strstr(err, "nothing was imported"));
        expect_nothing_left(to);
        free(part);
        free(err);
    }
    assert_int_equal(storedir_command("import", to, lines, NULL, NULL), 0);
    storedir_expect("check", to, 0, "no fault found");
    free(lines);
}

/* An export as a version without NFC_SCANNER had made it: the documents lack the field, and have
 * these as the last of their custom ones. */
static char *older_export(const char *lines, const char *const members[TABLES])
{
    static const char own[] = ",\"NFC_SCANNER\":\"down\"";
    char *all = test_printf("%s", "");
    size_t table = 0;
    for (const char *line = lines, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *at = strstr(line, own);
        bool edited = at && at < end && strncmp(line, "{\"record\":\"table\"", 17) == 0;
        const char *rest = edited ? at + sizeof own - 1 : line;
        char *longer;
        if (edited)
            longer = test_printf("%s%.*s%.*s,%s}}\n", all, (int)(at - line), line,
                                 (int)(end - 2 - rest), rest, members[table++]);
        else
            longer = test_printf("%s%.*s\n", all, (int)(end - line), line);
        free(all);
        all = longer;
    }
    assert_int_equal(table, TABLES);
    return all;
}

static void a_new_field_takes_over_a_custom_one(void **state)
{
    (void)state;
    static const char *const members[TABLES] = {"\"nfcScanner\":\"up\"", "\"nfc_scanner\":7",
                                                "\"NFC_SCANNER\":\"idle\""};
    static const char *const values[TABLES] = {"up", "down", "down"};
    const char *data = tmpdir_create();
    char *lines = export_of(a_store(false)), *older = older_export(lines, members), *rest, *shown;
    assert_int_equal(storedir_command("import", data, older, NULL, NULL), 0);

    struct agent_proc *a = start(data, NULL);
    rest = shown = documents(a);
    for (int t = 0; t < TABLES; t++) {
        char *line = strsep(&rest, "\n");
        expect_json(line, "data.TABLE_ID", names[t]);
        expect_json(line, "data.NFC_SCANNER", values[t]);
        expect_json(line, "data.SDP", "up");
        assert_null(strstr(line, "nfc"));
    }
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR,
                        "the custom field nfc_scanner was left out", WAIT_MS));
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR,
                        "the custom field NFC_SCANNER was left out", WAIT_MS));
    agent_proc_destroy(a);
    free(shown);
    free(older);
    free(lines);
}

/* Nor does the broker keep what it had of it, whenever that is reached. */
static void a_former_custom_field_leaves_no_topic(void **state)
{
    (void)state;
    static const char *const members[TABLES] = {"\"nfcScanner\":\"up\"", "\"nfc_scanner\":7",
                                                "\"NFC_SCANNER\":\"idle\""};
    static const char former[] = "studio/tables/STO-001/fields/nfcScanner";
    const char *data = tmpdir_create();
    char *lines = export_of(a_store(false)), *older = older_export(lines, members);
    assert_int_equal(storedir_command("import", data, older, NULL, NULL), 0);
    struct agent_proc *a = start(data, NULL);
    struct wsclient *c = wsclient_login(agent_proc_port(a), names[0], TOKEN_DEVICE);
    wsclient_ask(c, "{\"idp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"STO-001\"}");
    wsclient_close(c);
    agent_proc_destroy(a);

    struct broker *broker = broker_create(NULL);
    struct mqttclient *m = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker), .subscribe = "studio/#"});
    mqttclient_send(
        m, &(struct mqttclient_publish){.topic = former, .payload = "\"up\"", .retain = true});
    mqttclient_wait_payload(m, former, "\"up\"");
    a = start(data, broker);
    mqttclient_wait_payload(m, former, "");
    mqttclient_wait_payload(m, "studio/tables/STO-001/fields/NFC_SCANNER", "up");
    mqttclient_wait_payload(m, "studio/tables/STO-003/fields/NFC_SCANNER", "down");
    agent_proc_destroy(a);
    mqttclient_destroy(m);
    broker_destroy(broker);
    free(older);
    free(lines);
}

/* --- restored --------------------------------------------------------------------------------- */

/* A backup that is older than what subscribers have seen. */
static void a_restored_store_has_a_new_epoch(void **state)
{
    (void)state;
    const char *data = a_store(false), *backup = tmpdir_create();
    struct storedir_files files = storedir_read(data);
    storedir_write(backup, &files);
    storedir_finish(&files);
    struct broker *broker = broker_create(NULL);
    char *before = next_event(broker, data, TABLES * TABLE_EVENTS + 1), *out;

    assert_int_equal(storedir_command("restored", backup, NULL, &out, NULL), 0);
    char *after = next_event(broker, backup, TABLES * TABLE_EVENTS + 1);
    assert_string_not_equal(after, before);
    assert_non_null(strstr(out, after));
    storedir_expect("check", backup, 0, "no fault found");
    broker_destroy(broker);
    free(before);
    free(after);
    free(out);
}

/* --- usage ------------------------------------------------------------------------------------ */

static void none_that_writes_runs_beside_an_agent(void **state)
{
    (void)state;
    static const char *const actions[] = {"import", "restored"};
    struct agent_proc *a = agent_proc_start(NULL);
    fill(a);
    char *before = documents(a);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        storedir_expect(actions[i], agent_proc_data(a), 4, "in use");
    char *after = documents(a);
    assert_string_equal(after, before);
    free(before);
    free(after);
    agent_proc_destroy(a);
}

/* An index of the log that an older version left plays no part either. */
static void no_other_program_opens_it_meanwhile(void **state)
{
    (void)state;
    char garbage[8192];
    const char *data = a_store(true);
    memset(garbage, 'x', sizeof garbage - 1);
    garbage[sizeof garbage - 1] = '\0';
    tmpdir_write(data, "studio.db-shm", 0600, garbage);
    struct agent_proc *a = start(data, NULL);
    char *before = documents(a);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(tmpdir_path(data, "studio.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM tables", NULL, NULL, NULL), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    fill(a);
    agent_proc_kill(a);
    agent_proc_destroy(a);
    assert_int_equal(sqlite3_open(tmpdir_path(data, "studio.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM tables", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    a = start(data, NULL);
    char *after = documents(a);
    assert_null(strstr(before, "\"UPTIME\":4"));
    assert_non_null(strstr(after, "\"UPTIME\":4"));
    free(before);
    free(after);
    agent_proc_destroy(a);
}

static void a_folder_without_a_store(void **state)
{
    (void)state;
    static const char *const actions[] = {"check", "export", "restored"};
    const char *data = tmpdir_create();
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        storedir_expect(actions[i], data, 4, "there is no store in");
    expect_nothing_left(data);
}

static void anything_else_is_a_usage_mistake(void **state)
{
    (void)state;
    const char *data = a_store(false);
    struct storedir_files files = storedir_read(data);
    static const char *const words[][3] = {{"repair"}, {NULL}, {"check", "export"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *argv[8] = {studio_program("studio-agent"), "store"};
        char *err;
        size_t n = 2;
        for (size_t k = 0; words[i][k]; k++)
            argv[n++] = words[i][k];
        argv[n++] = "--data";
        argv[n] = data;
        int code = proc_run(argv, NULL, NULL, &err);
        if (code != 2 || !strstr(err, "check, verify FILE, export, import, restored"))
            test_fail("exit %d: %s", code, err);
        free(err);
    }
    storedir_expect_unchanged(data, &files);
    storedir_finish(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_store_has_no_fault),
        cmocka_unit_test(each_fault_is_told),
        cmocka_unit_test(an_export_is_lines_of_json),
        cmocka_unit_test(an_import_is_the_same_store),
        cmocka_unit_test(no_import_over_a_store),
        cmocka_unit_test(half_an_export_is_not_imported),
        cmocka_unit_test(a_new_field_takes_over_a_custom_one),
        cmocka_unit_test(a_former_custom_field_leaves_no_topic),
        cmocka_unit_test(a_restored_store_has_a_new_epoch),
        cmocka_unit_test(none_that_writes_runs_beside_an_agent),
        cmocka_unit_test(no_other_program_opens_it_meanwhile),
        cmocka_unit_test(a_folder_without_a_store),
        cmocka_unit_test(anything_else_is_a_usage_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
