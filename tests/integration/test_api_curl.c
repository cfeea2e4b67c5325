/* test_api_curl.c - the lines with curl in agent/README.md do what they say. */
#include <sys/wait.h>
#include <unistd.h>

#include "integration/api_rig.h"
#include "support/tmpdir.h"

static char *page(void)
{
    const char *source = getenv("STUDIO_SOURCE");
    char *path = test_printf("%s/agent/README.md", source ? source : "."), *text;

    text = tmpdir_read(path, NULL);
    if (!text)
        test_fail("cannot read %s", path);
    free(path);
    return text;
}

/* What the shell prints for this script. */
static char *run(const char *script)
{
    const char *dir = tmpdir_create();
    const char *file = tmpdir_write(dir, "curl.sh", 0600, script);
    char *command =
        test_printf("AGENT=http://127.0.0.1:%u sh -eu %s >%s/out 2>&1", port, file, dir);
    int status = system(command);
    char *out = tmpdir_read(tmpdir_path(dir, "out"), NULL);

    free(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        test_fail("the lines ended with %d: %s", status, out ? out : "");
    return out;
}

static void the_lines_of_the_readme(void **state)
{
    char *text = page(), *begin = strstr(text, "\n## HTTP with curl\n"), *end, *out, *at, *line;
    int expected = 0;

    (void)state;
    if (system("command -v curl >/dev/null") != 0)
        skip();
    begin = begin ? strstr(begin, "\n```sh\n") : NULL;
    end = begin ? strstr(begin + 1, "\n```\n") : NULL;
    assert_non_null(end);
    end[1] = '\0';
    begin += strlen("\n```sh\n");
    api_make_table("ARO-001");
    at = out = run(begin);
    while ((line = strsep(&begin, "\n")) != NULL) {
        if (strncmp(line, "#> ", 3) != 0)
            continue;
        char *found = strstr(at, line + 3);
        if (!found)
            test_fail("not printed, or not in this order: %s\n%s", line + 3, out);
        at = found + strlen(line + 3);
        expected++;
    }
    assert_true(expected > 5);
    free(out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_lines_of_the_readme)};

    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
