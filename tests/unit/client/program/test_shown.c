#include <string.h>

#include "client/program/shown.h"
#include "support/cmocka_all.h"

static void expect(const char *text, const char *on_terminal, const char *on_pipe)
{
    char space[100];

    strcpy(space, text);
    shown_line(space, true);
    assert_string_equal(space, on_terminal);
    strcpy(space, text);
    shown_line(space, false);
    assert_string_equal(space, on_pipe);
}

static void what_a_terminal_would_obey(void **state)
{
    (void)state;
    expect("plain J\xc3\xbcrgen \xe8\xa1\xa8 \xf0\x9f\x8e\xb2",
           "plain J\xc3\xbcrgen \xe8\xa1\xa8 \xf0\x9f\x8e\xb2",
           "plain J\xc3\xbcrgen \xe8\xa1\xa8 \xf0\x9f\x8e\xb2");
    expect("a\x1b[2Jb\x07\x7f", "a?[2Jb??", "a\x1b[2Jb\x07\x7f");
    expect("\xc2\x9b"
           "31m",
           "??31m",
           "\xc2\x9b"
           "31m"); /* CSI in one character */
    expect("\x9b"
           "31m\xff",
           "?31m?",
           "\x9b"
           "31m\xff");                                         /* and in one byte, no UTF-8 */
    expect("a\xe2\x80\xaegpj", "a???gpj", "a\xe2\x80\xaegpj"); /* turns the direction */
    expect("cut \xe8\xa1", "cut ??", "cut \xe8\xa1");
}

static void one_line_stays_one(void **state)
{
    (void)state;
    expect("{\n\t\"a\":1\r\n}", "{  \"a\":1  }", "{  \"a\":1  }");
    expect("", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_obey),
        cmocka_unit_test(one_line_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
