/* test_import.c - what was exported comes back the same; anything else is refused whole. */
#include <sys/stat.h>
#include <unistd.h>

#include "support/deadline.h"
#include "unit/agent/store/tools_fixture.h"

static bool is_there(const char *dir, const char *name)
{
    struct stat st;
    return stat(tmpdir_path(dir, name), &st) == 0;
}

static bool has_store(const char *dir)
{
    if (!on_postgres())
        return is_there(dir, STORE_FILE);
    url_for(dir);
    char *rows = pgserver_ask(
        pgserver_shared(), store_schema,
        "SELECT (SELECT count(*) FROM studio_agents) + (SELECT count(*) FROM studio_log)"
        " + (SELECT count(*) FROM studio_tables) + (SELECT count(*) FROM studio_requests)"
        " + (SELECT count(*) FROM studio_cleared)");
    bool there = strcmp(rows, "0") != 0;
    free(rows);
    return there;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct studio_error error = {0};
    const char *to = tmpdir_path(tmpdir_create(), "new");
    char *text = export_text(full_store());
    if (import_text(to, text, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    char *again = export_text(to);
    assert_string_equal(text, again);
    free(text);
    free(again);
    assert_false(is_there(to, STORE_FILE ".import"));

    struct stat st;
    if (!on_postgres()) {
        assert_int_equal(stat(tmpdir_path(to, STORE_FILE), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    struct store *store = open_store(to);
    assert_int_equal(store_info(store)->boot, 2);
    assert_int_equal(store_info(store)->parked, 1);
    assert_int_equal(commit_change(store, "A-1", 7), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 13);
    store_close(store);
}

/* An export made elsewhere may escape more than ours does. */
static void test_escapes_become_their_text(void **state)
{
    (void)state;
    struct studio_error error = {0};
    const char *to = tmpdir_create();
    char *text = export_text(full_store());
    assert_non_null(strstr(text, "\"note\""));
    size_t at = (size_t)(strstr(text, "\"note\"") - text);
    char *other = test_printf("%.*s\"\\u00f6\\ud83d\\ude00\\n\\/\"%s", (int)at, text,
                              text + at + strlen("\"note\""));
    assert_int_equal(import_text(to, other, &error), STUDIO_OK);
    free(other);
    free(text);
    struct store *store = open_store(to);
    assert_int_equal(ask_number(store,
                                "SELECT count(*) FROM cleared WHERE field = "
                                "'\xc3\xb6\xf0\x9f\x98\x80' || char(10) || '/'",
                                "SELECT count(*) FROM studio_cleared WHERE field = "
                                "'\xc3\xb6\xf0\x9f\x98\x80' || chr(10) || '/'"),
                     1);
    store_close(store);
}

static void test_columns_that_are_not_in_the_lines(void **state)
{
    (void)state;
    static const struct {
        const char *rows;
        int64_t n;
    } rows[] = {
        {"WHERE seq = 6 AND rev = 4", 1}, /* after change 4 of A-1 */
        {"WHERE seq = 7 AND rev = 2", 1}, /* before change 3 of B-2 */
        {"WHERE wall_ms = 1700000000000", 12},
        {"WHERE kind = 2", 2},
    };
    struct studio_error error = {0};
    const char *to = tmpdir_create();
    char *text = export_text(full_store());
    assert_int_equal(import_text(to, text, &error), STUDIO_OK);
    free(text);
    struct store *store = open_store(to);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sqlite[128], postgres[128];
        snprintf(sqlite, sizeof sqlite, "SELECT count(*) FROM events %s", rows[i].rows);
        snprintf(postgres, sizeof postgres, "SELECT count(*) FROM studio_log %s", rows[i].rows);
        assert_int_equal(ask_number(store, sqlite, postgres), rows[i].n);
    }
    assert_int_equal(count_rows(store, "requests WHERE length(digest) = 32"), 1);
    store_close(store);
}

static void test_only_into_a_new_store(void **state)
{
    (void)state;
    struct studio_error error = {0};
    char *text = export_text(full_store());
    const char *to = full_store();
    assert_int_equal(import_text(to, text, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "already"));
    struct store *store = open_store(to);
    assert_int_equal(import_text(to, text, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "in use"));
    store_close(store);
    to = tmpdir_create();
    tmpdir_write(to, STORE_FILE "-wal", 0600, "x");
    if (!on_postgres())
        assert_int_equal(import_text(to, text, &error), STUDIO_ERR_STORE_UNUSABLE);
    free(text);
}

static void test_what_a_cut_off_import_left_is_replaced(void **state)
{
    (void)state;
    if (on_postgres())
        skip();
    struct studio_error error = {0};
    const char *to = tmpdir_create();
    char *text = export_text(full_store());
    tmpdir_write(to, STORE_FILE ".import", 0644, "half of something");
    assert_int_equal(import_text(to, text, &error), STUDIO_OK);
    free(text);
    store_close(open_store(to));
}

/* --- refused --------------------------------------------------------------------------------- */

static const char *refusing; /* where they go, and nothing is ever there */

static void expect_refused(const char *text, const char *words)
{
    struct studio_error error = {0};
    if (!refusing)
        refusing = tmpdir_create();
    enum studio_err err = import_text(refusing, text, &error);
    if (err != STUDIO_ERR_USAGE || !strstr(error.text, words))
        fail_msg("no '%s' (error %d) in: %s", words, (int)err, error.text);
    assert_non_null(strstr(error.text, "nothing was imported"));
    assert_false(is_there(refusing, STORE_FILE));
    assert_false(is_there(refusing, STORE_FILE ".import"));
}

static void test_cut_short_anywhere(void **state)
{
    (void)state;
    char *text = export_text(full_store());
    size_t len = strlen(text);
    /* Without its very last newline it is still whole. */
    for (size_t cut = 0; cut + 1 < len; cut += cut > len - 40 ? 1 : 37) {
        char kept = text[cut];
        text[cut] = '\0';
        expect_refused(text, "line ");
        text[cut] = kept;
    }
    free(text);
}

static void test_lines_missing_or_twice(void **state)
{
    (void)state;
    char *text = export_text(full_store());
    size_t len = strlen(text);
    char *other = malloc(2 * len);
    assert_non_null(other);
    for (const char *line = text; *line;) {
        size_t start = (size_t)(line - text), n = strcspn(line, "\n") + 1;
        memcpy(other, text, start);
        memcpy(other + start, line + n, len - start - n + 1);
        expect_refused(other, "import");
        memcpy(other, text, start + n);
        memcpy(other + start + n, line, len - start + 1);
        expect_refused(other, "import");
        line += n;
    }
    free(other);
    free(text);
}

/* One export with the first `from` made `to`. */
static void test_changed_lines(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        {"\"format\":1", "\"format\":2", "line 1 of the import: this studio-agent knows format 1"},
        {"{\"record\":\"store\"", "{\"record\":\"other\"",
         "line 1 of the import: an export starts"},
        {"\"boot\":1", "\"boot\":-1", "line 1 of the import: `boot`"},
        {"\"acked\":8", "\"acked\":13", "13 is acknowledged, but the newest event is 12"},
        {"\"acked\":8", "\"asked\":8", "line 1 of the import: `acked`"},
        {"\"last_seq\":12", "\"last_seq\":14", "the newest is 12, not 14"},
        {"\"last_seq\":12", "\"last_seq\":11", "the newest event is 12, not 11"},
        {"{\"seq\":3,", "{ \"seq\":3,", "line 4 of the import: an event of this export starts"},
        {"{\"seq\":3,", "{\"seq\":4,", "line 4 of the import: event 3 is missing"},
        {"{\"seq\":1,", "{\"seq\":0,", "line 2 of the import: `seq` begins with 1"},
        {"{\"seq\":3,", "{\"sec\":3,", "line 4 of the import: `seq`"},
        {"\"ts\":\"2023", "\"ts\":\"x023", "line 2 of the import: `ts`"},
        {"\"changes\":{}", "\"changed\":{}", "line 2 of the import: an event has either"},
        {"\"changes\":{}}", "\"changes\":{},\"data\":1}",
         "line 2 of the import: an event has either"},
        {"\"changes\":{}}", "\"changes\":{}", "line 2 of the import: it is not a JSON object"},
        {"\"rev\":3,", "\"rev\":7,", "has rev"},
        {"\"rev\":3,", "\"rev\":\"3\",", "line 5 of the import: `rev`"},
        {"\"table_id\":\"A-1\"", "\"table_id\":7", "line 2 of the import: `table_id`"},
        {"\"parked\",\"seq\":8", "\"parked\",\"seq\":99",
         "line 14 of the import: event 99 is not there"},
        {"\"record\":\"table\"", "\"record\":\"stool\"", "line 15 of the import: `record`"},
        {"\"document\":null", "\"document\":7", "line 16 of the import: `document`"},
        {"\"document\":null", "\"document\":{}", "B-2"},
        {"\"rev\":6,\"document\"", "\"rev\":5,\"document\"", "tables: A-1"},
        {"\"abcd0", "\"abcg0", "line 18 of the import: `digest`"},
        {"\"wall_ms\":1700000000000", "\"wall_ms\":1.5", "line 18 of the import: `wall_ms`"},
        {"\"field\":\"note\"", "\"field\":null", "line 20 of the import: `field`"},
        {"\"lines\":20", "\"lines\":21", "line 21 of the import: 21 lines were exported"},
        {"\"lines\":20}\n", "\"lines\":20}\n{}\n", "line 22 of the import: there is more"},
        {"\"lines\":20}\n", "\"lines\":20}\n\n", "line 22 of the import: it is not a JSON"},
    };
    (void)state;
    char *text = export_text(full_store());
    size_t len = strlen(text);
    char *other = malloc(len + 64);
    assert_non_null(other);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = strstr(text, rows[i].from);
        assert_non_null(at);
        size_t start = (size_t)(at - text);
        snprintf(other, len + 64, "%.*s%s%s", (int)start, text, rows[i].to,
                 at + strlen(rows[i].from));
        expect_refused(other, rows[i].words);
    }
    free(other);
    free(text);
}

static void test_nothing_readable(void **state)
{
    (void)state;
    expect_refused("", "line 1 of the import: the export is cut short");
    expect_refused("\n", "line 1 of the import: it is not a JSON object");
    expect_refused("SQLite format 3", "line 1 of the import: it is not a JSON object");
}

static void test_nothing_is_left_of_them(void **state)
{
    (void)state;
    assert_false(has_store(refusing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_escapes_become_their_text),
        cmocka_unit_test(test_columns_that_are_not_in_the_lines),
        cmocka_unit_test(test_only_into_a_new_store),
        cmocka_unit_test(test_what_a_cut_off_import_left_is_replaced),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_lines_missing_or_twice),
        cmocka_unit_test(test_changed_lines),
        cmocka_unit_test(test_nothing_readable),
        cmocka_unit_test(test_nothing_is_left_of_them),
    };
    return run_store_tests(tests);
}
