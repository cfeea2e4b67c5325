/* test_python.c - clients that are not ours, in Python: the earlier system's flow, the program on the page at the top. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/wsfake.h"

/* Debian's interpreter, which has Debian's python3-websockets. */
#define PYTHON "/usr/bin/python3"

static void the_earlier_flow(void **state)
{
    (void)state;
    const char *source = getenv("STUDIO_SOURCE");
    char url[64], *err;
    assert_non_null(source);
    struct agent_proc *agent = agent_proc_start(NULL);
    snprintf(url, sizeof url, "ws://localhost:%u", agent_proc_port(agent));
    const char *argv[] = {PYTHON, tmpdir_path(source, "tests/integration/legacy_flow.py"), url,
                          NULL};
    int code = proc_run(argv, NULL, NULL, &err);
    if (code != 0)
        test_fail("legacy_flow.py ended with %d: %s", code, err);
    free(err);
    agent_proc_destroy(agent);
}

/* Puts `with` for each `what` into a new text. */
static char *replaced(char *text, const char *what, const char *with)
{
    for (char *at; (at = strstr(text, what)) != NULL;) {
        char *next = test_printf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
        free(text);
        text = next;
    }
    return text;
}

/* The program on the page at the top, with the first agent that does not serve and the second that does. */
static void the_page_finds_the_agent_that_serves(void **state)
{
    (void)state;
    struct wsfake *standby = wsfake_create();
    struct agent_proc *agent = agent_proc_start(NULL);
    char *page = tmpdir_read(tmpdir_path(getenv("STUDIO_SOURCE"), "README.md"), NULL), *out;
    char *first = test_printf("127.0.0.1:%u", wsfake_port(standby));
    char *second = test_printf("127.0.0.1:%u", agent_proc_port(agent));

    assert_non_null(page);
    char *begin = strstr(page, "\n```python\n"), *end = begin ? strstr(begin + 1, "\n```\n") : NULL;
    assert_non_null(end);
    char *text = test_printf("%.*s\n", (int)(end - begin) - 11, begin + 11);
    text = replaced(replaced(text, "localhost:8080", first), "localhost:8081", second);
    const char *argv[] = {PYTHON, tmpdir_write(tmpdir_create(), "page.py", 0600, text), NULL};
    struct proc *program = proc_spawn(argv, NULL);
    wsfake_answer(standby, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                           "Content-Length: 0\r\nConnection: close\r\n\r\n");
    if (proc_wait(program, WAIT_MS) != 0)
        test_fail("it ends with: %s", proc_output(program, PROC_STDERR));
    out = proc_output(program, PROC_STDOUT);
    assert_non_null(strstr(out, "{\"TABLE_ID\":\"ARO-001\""));
    assert_non_null(strstr(out, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"));
    proc_destroy(program);
    wsfake_destroy(standby);
    agent_proc_destroy(agent);
    free(page);
    free(text);
    free(first);
    free(second);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earlier_flow),
        cmocka_unit_test(the_page_finds_the_agent_that_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
