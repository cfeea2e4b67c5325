#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/program/watch_view.h"
#include "studio/status.h"
#include "support/cmocka_all.h"

static void feed(struct view *view, const char *table_id, const char *more)
{
    char json[1000];
    snprintf(json, sizeof(json),
             "{\"TABLE_ID\":\"%s\",\"UPTIME\":7,\"TIMESTAMP\":\"2026-01-02T03:04:05\","
             "\"MAINTENANCE\":true,\"SDP\":\"up\",\"IDP\":\"exception\"%s}",
             table_id, more);
    assert_true(view_document(view, json));
}

static char *draw(const struct view *view, size_t columns, size_t lines, bool colours)
{
    const struct view_style style = {
        .columns = columns, .lines = lines, .colours = colours, .state = "connected"};
    struct buf b;
    buf_init(&b, 1 << 20);
    view_print(view, &style, &b);
    assert_true(buf_ok(&b));
    return buf_take(&b);
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

static void rows_are_sorted_and_replaced(void **state)
{
    struct view view;
    (void)state;
    view_init(&view, &studio_built_in_values);
    feed(&view, "B-2", "");
    feed(&view, "A-1", "");
    feed(&view, "C-3", ",\"note\":\"x y\",\"n\":[1]");
    feed(&view, "B-2", "");
    assert_int_equal(view.count, 3);
    char *text = draw(&view, 200, 40, false);
    const char *a = strstr(text, "A-1"), *b = strstr(text, "B-2"), *c = strstr(text, "C-3");
    assert_true(a != NULL && b != NULL && c != NULL && a < b && b < c);
    assert_non_null(strstr(text, "note=x y  n=[1]"));
    assert_non_null(strstr(text, "3 tables, connected"));
    assert_null(strstr(text, "\x1b[32m"));
    free(text);
    text = draw(&view, 200, 40, true);
    assert_int_equal(count_of(text, "\x1b[32mup"), 3);
    free(text);
    view_finish(&view);
}

static void no_more_lines_or_columns_than_the_terminal(void **state)
{
    struct view view;
    char name[20];
    (void)state;
    view_init(&view, &studio_built_in_values);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "T-%03d", i);
        feed(&view, name, ",\"note\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"");
    }
    for (int i = 0; i < 9; i++)
        view_note(&view, "{\"event\":\"exception\",\"table_id\":\"T-1\",\"ts\":\"now\",\"data\":"
                         "\"NO BALL\"}");
    assert_int_equal(view.note_count, VIEW_NOTES_MAX);
    for (size_t lines = 1; lines < 40; lines++) {
        char *text = draw(&view, 30, lines, false);
        if (lines > VIEW_NOTES_MAX + 4)
            assert_true(count_of(text, "\r\n") < lines);
        for (const char *line = text; line != NULL; line = strchr(line + 1, '\n')) {
            size_t len = strcspn(line + 1, "\x1b");
            assert_true(len <= 32);
        }
        assert_non_null(strstr(text, "500 tables"));
        free(text);
    }
    view_finish(&view);
}

static void nothing_reaches_the_terminal_as_a_command(void **state)
{
    struct view view;
    (void)state;
    view_init(&view, &studio_built_in_values);
    feed(&view, "A", ",\"evil\":\"a\\u001b[2Jb\\u009bc\\u007f\"");
    view_note(&view,
              "{\"event\":\"exception\",\"table_id\":\"A\",\"data\":\"\\u001b]0;x\\u0007\"}");
    char *text = draw(&view, 300, 40, false);
    assert_non_null(strstr(text, "evil=a?[2Jb??c?"));
    assert_non_null(strstr(text, "?]0;x?"));
    assert_null(strstr(text, "\x1b[2J"));
    free(text);
    view_finish(&view);
}

static void what_is_no_document_changes_nothing(void **state)
{
    struct view view;
    (void)state;
    view_init(&view, &studio_built_in_values);
    assert_false(view_document(&view, "{\"SDP\":\"up\"}"));
    assert_false(view_document(&view, "nonsense"));
    assert_int_equal(view.count, 0);
    view_note(&view, "{\"event\":\"lagged\",\"data\":{\"missed\":3}}");
    char *text = draw(&view, 80, 24, false);
    assert_non_null(strstr(text, "{\"missed\":3}"));
    assert_non_null(strstr(text, "0 tables"));
    free(text);
    view_finish(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_and_replaced),
        cmocka_unit_test(no_more_lines_or_columns_than_the_terminal),
        cmocka_unit_test(nothing_reaches_the_terminal_as_a_command),
        cmocka_unit_test(what_is_no_document_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
