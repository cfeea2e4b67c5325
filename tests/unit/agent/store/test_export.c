/* test_export.c - the lines of an export, one by one: the same of each engine. */
#include "store/record.h"
#include "unit/agent/store/tools_fixture.h"

/* Line `n` (from 1) of `text`, without its end, in a static buffer. */
static const char *line_of(const char *text, unsigned n)
{
    static char line[512];
    while (--n > 0) {
        text = strchr(text, '\n');
        assert_non_null(text);
        text++;
    }
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    return line;
}

static void test_lines(void **state)
{
    (void)state;
    const char *dir = full_store();
    char expected[512];
    struct store *store = open_store(dir);
    char epoch[STORE_EPOCH_LEN + 1];
    memcpy(epoch, store_info(store)->epoch, sizeof epoch);
    store_close(store);
    char *text = export_text(dir);
    snprintf(expected, sizeof expected,
             "{\"record\":\"store\",\"format\":1,\"epoch\":\"%s\",\"agent_id\":\"edge-1\","
             "\"boot\":2,\"last_seq\":12,\"acked\":8}",
             epoch);
    assert_string_equal(line_of(text, 1), expected);
    snprintf(expected, sizeof expected,
             "{\"seq\":1,\"epoch\":\"%s\",\"table_id\":\"A-1\",\"rev\":0," FIXTURE_ORIGIN
             ",\"changes\":{}}",
             epoch);
    assert_string_equal(line_of(text, 2), expected);
    snprintf(expected, sizeof expected,
             "{\"seq\":6,\"epoch\":\"%s\",\"table_id\":\"A-1\"," FIXTURE_ORIGIN
             ",\"data\":\"NO BALL DETECT\"}",
             epoch);
    assert_string_equal(line_of(text, 7), expected);
    static const char *const rest[] = {
        "{\"record\":\"parked\",\"seq\":8,\"reason\":\"0x87 not \\\"authorized\\\"\"}",
        "{\"record\":\"table\",\"table_id\":\"A-1\",\"rev\":6,"
        "\"document\":{\"TABLE_ID\":\"A-1\",\"UPTIME\":6}}",
        "{\"record\":\"table\",\"table_id\":\"B-2\",\"rev\":4,\"document\":null}",
        "{\"record\":\"table\",\"table_id\":\"C-3\",\"rev\":0,"
        "\"document\":{\"TABLE_ID\":\"C-3\",\"UPTIME\":0}}",
        "{\"record\":\"request\",\"table_id\":\"C-3\",\"client\":\"plc\","
        "\"request_id\":\"\\\"r-1\\\"\",\"digest\":\"abcd0000000000000000000000000000"
        "00000000000000000000000000000000\",\"wall_ms\":1700000000000,"
        "\"answer\":\"{\\\"status\\\":\\\"updated\\\"}\"}",
        "{\"record\":\"cleared\",\"table_id\":\"B-2\",\"field\":\"l\\\"ight\"}",
        "{\"record\":\"cleared\",\"table_id\":\"B-2\",\"field\":\"note\"}",
        "{\"record\":\"end\",\"lines\":20}",
        "",
    };
    for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++)
        assert_string_equal(line_of(text, 14 + i), rest[i]);
    free(text);
}

static void test_every_line_is_json(void **state)
{
    (void)state;
    struct json_members record;
    char *text = export_text(full_store());
    unsigned lines = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1, lines++)
        assert_true(json_members(line, strcspn(line, "\n"), &record));
    assert_int_equal(lines, 21);
    free(text);
}

static void test_empty_store(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    store_close(open_store(dir));
    char *text = export_text(dir);
    assert_string_equal(line_of(text, 2), "{\"record\":\"end\",\"lines\":1}");
    free(text);
}

static void test_after_a_crash(void **state)
{
    (void)state;
    if (on_postgres())
        skip();
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 3);
    as_sqlite(store)->failed = true; /* closes without a checkpoint, as a crash would */
    store_close(store);
    char *text = export_text(dir);
    assert_non_null(strstr(text, "{\"record\":\"end\",\"lines\":5}"));
    free(text);
}

static void test_nowhere_to_write(void **state)
{
    (void)state;
    struct studio_error error = {0};
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    assert_int_equal(export_to(full_store(), -1, full, &error), STUDIO_ERR_IO);
    assert_non_null(strstr(error.text, "could not be written"));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_every_line_is_json),
        cmocka_unit_test(test_empty_store),
        cmocka_unit_test(test_after_a_crash),
        cmocka_unit_test(test_nowhere_to_write),
    };
    return run_store_tests(tests);
}
