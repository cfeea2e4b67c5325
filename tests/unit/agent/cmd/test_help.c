/* --help and the table for the README: every option is in both. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/help.h"
#include "config/options.h"

static char *print(bool options_only, bool colour)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    if (options_only)
        help_print_options(out);
    else
        help_print(out, colour);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void help_names_every_option(void **state)
{
    (void)state;
    char *text = print(false, false);
    for (size_t i = 0; i < option_count; i++) {
        assert_non_null(strstr(text, options[i].help));
        assert_non_null(strstr(text, options[i].key));
    }
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "--listen HOST:PORT"));
    free(text);
    text = print(false, true);
    assert_non_null(strstr(text, "\033[1m"));
    free(text);
}

static void the_table_has_a_row_for_every_option(void **state)
{
    size_t lines = 0;
    (void)state;
    char *text = print(true, false);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, option_count + 2);
    assert_non_null(strstr(text, "| `log.level` | `--log-level` | `STUDIO_LOG_LEVEL` | "
                                 "error\\|warn\\|info\\|debug | `info` | "));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(the_table_has_a_row_for_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
