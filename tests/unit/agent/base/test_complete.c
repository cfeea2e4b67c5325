/* The script that completes a command line; what bash makes of it is tests/lint/completion.sh. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complete.h"

static void a_whole_script(void **state)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    (void)state;
    assert_non_null(out);
    complete_begin(out, "a-b");
    complete_value(out, "--file", "FILE");
    complete_value(out, "--dir", "DIR");
    complete_value(out, "--level", "error|warn");
    complete_value(out, "--broker", "URI[|URI]");
    complete_value(out, "--name", "NAME");
    complete_commands(out, "run|stop");
    complete_command(out, "stop");
    complete_word(out, "now");
    complete_word(out, "--hard");
    complete_command_end(out);
    complete_end(out, "a-b");
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\n_a_b()\n{\n"));
    assert_non_null(strstr(text, "--file) compopt -o filenames 2>/dev/null\n"
                                 "            mapfile -t COMPREPLY < <(compgen -f "));
    assert_non_null(strstr(text, "(compgen -d "));
    assert_non_null(strstr(text, "        --level) words='error warn' ;;\n"));
    assert_non_null(strstr(text, "        --broker) return ;;\n"));
    assert_non_null(strstr(text, "        --name) return ;;\n"));
    assert_non_null(strstr(text, "                run|stop) command="));
    assert_non_null(strstr(text, "        'stop') words='now --hard ' ;;\n"));
    assert_non_null(strstr(text, "\n}\ncomplete -F _a_b a-b\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_whole_script)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
