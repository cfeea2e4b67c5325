/* test_transfer.c - a store goes from SQLite to PostgreSQL and back; what an import finds in the database. */
#include "unit/agent/store/postgres/database_fixture.h"
#include "unit/agent/store/tools_fixture.h"

static void on_sqlite(void)
{
    assert_int_equal(unsetenv("STUDIO_STORE"), 0);
}

static void on_database(void)
{
    assert_int_equal(setenv("STUDIO_STORE", "postgres", 1), 0);
}

/* An export out of SQLite; free(). */
static char *an_export(void)
{
    on_sqlite();
    char *text = export_text(full_store());
    on_database();
    return text;
}

static void expect_import(const char *dir, const char *text)
{
    struct studio_error error = {0};
    if (import_text(dir, text, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
}

static void expect_refused(const char *dir, const char *text, enum studio_err code,
                           const char *words)
{
    struct studio_error error = {0};
    assert_int_equal(import_text(dir, text, &error), code);
    if (!strstr(error.text, words))
        fail_msg("no '%s' in: %s", words, error.text);
}

static void expect_sound(const char *dir)
{
    struct studio_error error = {0};
    enum studio_err err;
    char *text = check_text(dir, &err, &error);
    if (err != STUDIO_OK || !strstr(text, "12 events (1 to 12), acknowledged to 8, 1 parked"))
        fail_msg("%s%s", text, error.text);
    free(text);
}

static void there_and_back(void **state)
{
    (void)state;
    const char *database = tmpdir_create(), *file = tmpdir_create();
    char *text = an_export();
    expect_import(database, text);
    expect_sound(database);
    char *there = export_text(database);
    assert_string_equal(text, there);
    on_sqlite();
    expect_import(file, there);
    expect_sound(file);
    char *back = export_text(file);
    on_database();
    assert_string_equal(text, back);
    free(back);
    free(there);
    free(text);
}

/* The size the agent counts, and whose it is: nobody's, so a start need not wait. */
static void the_agents_row(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    expect_import(dir, text);
    free(text);
    expect_answer("SELECT count(*) FROM studio_agents WHERE owner = 'nobody' AND boot = 1"
                  " AND last_seq = 12 AND acked = 8 AND valid_until <= clock_timestamp()",
                  "1");
    expect_answer("SELECT bytes - (SELECT sum(octet_length(body) + 128) FROM studio_log)"
                  " - (SELECT sum(octet_length(answer) + 128) FROM studio_requests)"
                  " FROM studio_agents",
                  "0");
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 2);
    assert_int_equal(commit_change(store, "A-1", 7), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 13);
    store_close(store);
}

static void not_over_another_store(void **state)
{
    (void)state;
    const char *dir = tmpdir_create(), *beside = tmpdir_create();
    struct studio_error error = {0};
    char *text = an_export();
    struct store *store = open_store(dir);
    expect_refused(dir, text, STUDIO_ERR_STORE_UNUSABLE, "in use");
    struct store_place place = place_of(dir); /* from another machine */
    place.dir = beside;
    FILE *in = fmemopen(text, strlen(text), "r");
    assert_non_null(in);
    assert_int_equal(store_import(&place, in, NULL, &error), STUDIO_ERR_STORE_UNUSABLE);
    fclose(in);
    assert_non_null(strstr(error.text, "agent edge-1 is in use by edge-1 ("));
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    store_close(store);
    expect_refused(dir, text, STUDIO_ERR_STORE_UNUSABLE, "a store of agent edge-1 in the database");
    expect_answer("SELECT count(*) FROM studio_log", "1");
    free(text);
}

/* It was only tried out; but clients have seen its boots, and it may not have ended. */
static void over_one_that_stored_nothing(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    struct store *store = NULL, *forgotten;
    struct studio_error error = {0};
    for (int i = 0; i < 3; i++)
        store_close(open_store(dir));
    assert_int_equal(open_beside(dir, "edge-1", &forgotten, &error), STUDIO_OK);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()");
    expect_import(dir, text);
    assert_int_equal(commit_change(forgotten, "A-1", 0), STUDIO_ERR_IO);
    store_close(forgotten);
    store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 6);
    assert_int_equal(store_info(store)->last_seq, 12);
    store_close(store);
    free(text);
}

static void only_the_agent_itself(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    struct studio_error error = {0};
    struct store_place place = place_of(dir);
    static const struct {
        const char *agent_id;
        enum studio_err err;
        const char *words;
    } rows[] = {
        {"edge-2", STUDIO_ERR_USAGE, "it is of agent edge-1, but mqtt.agent_id is edge-2"},
        {NULL, STUDIO_ERR_USAGE, "store.url needs mqtt.agent_id"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *in = fmemopen(text, strlen(text), "r");
        assert_non_null(in);
        place.agent_id = rows[i].agent_id;
        assert_int_equal(store_import(&place, in, NULL, &error), rows[i].err);
        assert_non_null(strstr(error.text, rows[i].words));
        fclose(in);
    }
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    place.agent_id = "edge-2";
    assert_int_equal(store_export(&place, out, NULL, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "no store of agent edge-2 in the database"));
    assert_int_equal(store_check(&place, out, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "no store of agent edge-2 in the database"));
    fclose(out);
    free(text);
}

/* Two agents of one database do not see each other's rows. */
static void beside_another_agent(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    struct store *other;
    struct studio_error error = {0};
    assert_int_equal(open_beside(dir, "edge-2", &other, &error), STUDIO_OK);
    commit_changes(other, "A-1", 0, 3);
    expect_import(dir, text);
    char *again = export_text(dir);
    assert_string_equal(text, again);
    commit_changes(other, "A-1", 3, 3);
    store_close(other);
    free(again);
    free(text);
}

static uint64_t told_total;

static void note_progress(uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    if (total > told_total)
        told_total = total;
}

/* While its owner writes; more than one piece of COPY. */
static void many_events(void **state)
{
    enum { EVENTS = 6000 };
    (void)state;
    const char *dir = tmpdir_create(), *to = tmpdir_create();
    struct studio_error error = {0};
    struct store *store = open_store(dir);
    for (int i = 0; i < EVENTS; i += 2000)
        commit_batch(store, 2000);
    told_total = 0;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    struct store_place place = place_of(dir);
    assert_int_equal(store_export(&place, out, note_progress, &error), STUDIO_OK);
    fclose(out);
    assert_int_equal(told_total, EVENTS);
    commit_batch(store, 1);
    store_close(store);
    told_total = 0;
    place = place_of(to);
    FILE *in = fmemopen(text, len, "r");
    assert_non_null(in);
    assert_int_equal(store_import(&place, in, note_progress, &error), STUDIO_OK);
    fclose(in);
    assert_int_equal(told_total, EVENTS);
    expect_answer("SELECT count(*) || ' ' || max(seq) FROM studio_log", "6000 6000");
    free(text);
}

static void a_new_epoch(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char epoch[STORE_EPOCH_LEN + 1] = "", before[STORE_EPOCH_LEN + 1];
    struct studio_error error = {0};
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 2);
    memcpy(before, store_info(store)->epoch, sizeof before);
    assert_int_equal(restored(dir, epoch, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "in use by"));
    store_close(store);
    assert_int_equal(restored(dir, epoch, &error), STUDIO_OK);
    assert_int_equal(strspn(epoch, "0123456789abcdef"), STORE_EPOCH_LEN);
    assert_string_not_equal(epoch, before);
    store = open_store(dir);
    assert_string_equal(store_info(store)->epoch, epoch);
    assert_int_equal(store_info(store)->last_seq, 2);
    store_close(store);
    assert_int_equal(restored(tmpdir_create(), epoch, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "no store of agent edge-1"));
}

static void what_check_finds(void **state)
{
    static const struct {
        const char *sql, *words;
    } rows[] = {
        {"DELETE FROM studio_log WHERE seq = 4", "events: 4 to 4 are missing"},
        {"DELETE FROM studio_log WHERE seq = 12", "events: the newest is 11, not 12"},
        {"UPDATE studio_agents SET acked = 13", "13 is acknowledged, but the newest event is 12"},
        {"UPDATE studio_log SET kind = 3 WHERE seq = 6", "events: 6 has no known kind (3)"},
        {"UPDATE studio_log SET rev = 9 WHERE seq = 3", "events: 3 of A-1 has rev 9"},
        {"UPDATE studio_tables SET rev = 9 WHERE id = 'C-3'", "tables: C-3 is at rev 9"},
        {"DELETE FROM studio_tables WHERE id = 'C-3'", "tables: C-3 has events but is not there"},
        {"UPDATE studio_log SET body = '{' WHERE seq = 2", "events: what 2 holds is not JSON"},
        {"UPDATE studio_requests SET digest = 'x'", "has no digest of 32 bytes"},
        {"UPDATE studio_agents SET epoch = 'x'", "meta: the epoch is not 32 hex digits"},
    };
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    struct studio_error error = {0};
    enum studio_err err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_import(dir, text);
        tell(rows[i].sql);
        char *found = check_text(dir, &err, &error);
        if (err != STUDIO_ERR_STORE_UNUSABLE || !strstr(found, rows[i].words))
            fail_msg("no '%s' in: %s", rows[i].words, found);
        free(found);
        tell("TRUNCATE studio_agents, studio_log, studio_tables, studio_requests, studio_cleared");
    }
    free(text);
}

/* Of a server that goes away in between nothing is there. */
static void the_database_away(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *text = an_export();
    (void)place_of(dir); /* makes its schema */
    pgserver_stop(pgserver_shared());
    expect_refused(dir, text, STUDIO_ERR_STORE_UNUSABLE, "the database cannot be used");
    pgserver_start(pgserver_shared());
    expect_import(dir, text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(the_agents_row),
        cmocka_unit_test(not_over_another_store),
        cmocka_unit_test(over_one_that_stored_nothing),
        cmocka_unit_test(only_the_agent_itself),
        cmocka_unit_test(beside_another_agent),
        cmocka_unit_test(many_events),
        cmocka_unit_test(a_new_epoch),
        cmocka_unit_test(what_check_finds),
        cmocka_unit_test(the_database_away),
    };
    return run_database_tests(tests);
}
