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

/* Shown from the first line on: where each of these stands, in this order. */
static void expect_order(const struct view *view, size_t top, size_t lines, const char *words[])
{
    const struct view_style style = {
        .columns = 200, .lines = lines, .colours = false, .state = "connected", .top = top};
    struct buf b;
    buf_init(&b, 1 << 20);
    view_print(view, &style, &b);
    char *text = buf_take(&b);
    assert_non_null(text);
    const char *at = text;
    for (size_t i = 0; words[i] != NULL; i++) {
        at = strstr(at, words[i]);
        if (at == NULL)
            fail_msg("no %s, or not in its place: %s", words[i], text);
        at++;
    }
    free(text);
}
#define IN_ORDER(...)                                                                              \
    (const char *[])                                                                               \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void document(struct view *view, const char *table_id, const char *sdp, const char *zcam)
{
    char json[200];
    snprintf(json, sizeof(json),
             "{\"TABLE_ID\":\"%s\",\"UPTIME\":7,\"SDP\":\"%s\",\"ZCam\":\"%s\"}", table_id, sdp,
             zcam);
    assert_true(view_document(view, json));
}

static void trouble_comes_first(void **state)
{
    struct view view;
    (void)state;
    view_init(&view, &studio_built_in_values);
    document(&view, "A", "up", "up");
    document(&view, "B", "up", "down");
    document(&view, "C", "exception", "up");
    document(&view, "D", "exception", "down");
    expect_order(&view, 0, 40, IN_ORDER("\n!!    C", "\n!!    D", "\n!     B", "\n      A"));
    /* A lost connection makes all of them old, until each is told again. */
    view_stale(&view);
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE C", "\nSTALE D", "\nSTALE B", "\nSTALE A"));
    document(&view, "A", "up", "up");
    document(&view, "C", "up", "up");
    document(&view, "D", "up", "up");
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE B", "\n      A", "\n      C", "\n      D"));
    document(&view, "B", "up", "up");
    view_removed(&view, "{\"event\":\"removed\",\"table_id\":\"C\"}");
    view_removed(&view, "{\"event\":\"removed\",\"table_id\":\"X\"}");
    view_removed(&view, "nonsense");
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE C", "\n      A", "\n      B", "\n      D"));
    /* The last device has left, whatever is set meanwhile, until one is there; trouble is not hidden. */
    view_presence(&view, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"D\"},\"online\":false}");
    view_presence(&view, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"X\"},\"online\":false}");
    view_presence(&view, "nonsense");
    document(&view, "D", "up", "up");
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE C", "\noff   D", "\n      A", "\n      B"));
    document(&view, "D", "up", "down");
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE C", "\n! off D", "\n      A", "\n      B"));
    document(&view, "D", "up", "up");
    view_presence(&view, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"D\"},\"online\":true}");
    expect_order(&view, 0, 40, IN_ORDER("\nSTALE C", "\n      A", "\n      B", "\n      D"));
    view_finish(&view);
}

static void more_rows_than_fit(void **state)
{
    struct view view;
    char name[20];
    (void)state;
    view_init(&view, &studio_built_in_values);
    for (int i = 10; i < 40; i++) {
        snprintf(name, sizeof(name), "T-%d", i);
        document(&view, name, "up", "up");
    }
    assert_int_equal(view_room(&view, 13), 10);
    expect_order(&view, 0, 13, IN_ORDER("T-10", "T-19", "30 tables, 1-10 shown"));
    expect_order(&view, 5, 13, IN_ORDER("T-15", "T-24", "30 tables, 6-15 shown"));
    expect_order(&view, 999, 13, IN_ORDER("T-30", "T-39", "30 tables, 21-30 shown"));
    view_finish(&view);
}

/* A wide character takes two columns, so a name of ten is a line of twenty. */
static void wide_characters(void **state)
{
    struct view view;
    (void)state;
    view_init(&view, &studio_built_in_values);
    for (int i = 0; i < 2; i++)
        view_note(&view, "{\"table_id\":\"A\",\"data\":\"\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\"}");
    char *text = draw(&view, 8, 24, false); /* `A  ` and two and a half of them */
    assert_non_null(strstr(text, "A  \xe8\xa1\xa8\xe8\xa1\xa8\x1b[K"));
    free(text);
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
        cmocka_unit_test(trouble_comes_first),
        cmocka_unit_test(more_rows_than_fit),
        cmocka_unit_test(wide_characters),
        cmocka_unit_test(nothing_reaches_the_terminal_as_a_command),
        cmocka_unit_test(what_is_no_document_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
