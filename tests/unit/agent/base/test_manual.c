/* A page of the manual: plain text stays plain, whatever it contains. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/manual.h"

static char *text;
static size_t length;
static FILE *out;

static int begin(void **state)
{
    (void)state;
    out = open_memstream(&text, &length);
    return out ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(text);
    return 0;
}

static void is(const char *wanted)
{
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, wanted);
}

static void letters_that_mean_something(void **state)
{
    (void)state;
    manual_text(out, ".it isn't a `request`");
    manual_text(out, "--flag a\\nb ^ ~\nmore");
    is("\\&.it isn\\(aqt a \\(garequest\\(ga\n\\-\\-flag a\\enb \\(ha \\(ti more\n");
}

static void its_parts(void **state)
{
    static const char *const others[] = {"a-b(1)", "c(7)", NULL};
    (void)state;
    manual_chapter(out, "OPTIONS");
    manual_part(out, "[log]");
    manual_item(out, "--level WORD");
    manual_text(out, "what");
    manual_paragraph(out, "more");
    manual_line(out, "one", true);
    manual_line(out, "two", false);
    manual_see_also(out, others);
    is(".SH OPTIONS\n.SS [log]\n.TP\n\\fB\\-\\-level WORD\\fR\nwhat\n.PP\nmore\none\n.br\ntwo\n"
       ".SH SEE ALSO\n.BR a\\-b (1),\n.BR c (7)\n");
}

static void its_head(void **state)
{
    (void)state;
    manual_begin(out, "a-b", "1", "does something");
    assert_int_equal(fclose(out), 0);
    assert_memory_equal(text, ".TH A\\-B 1 2", 12);
    assert_non_null(strstr(text, "\n.SH NAME\na\\-b \\- does something\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(letters_that_mean_something, begin, end),
        cmocka_unit_test_setup_teardown(its_parts, begin, end),
        cmocka_unit_test_setup_teardown(its_head, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
