/* test_python.c - clients that are not ours, in Python: the earlier system's flow. */
#include <stdio.h>
#include <stdlib.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_earlier_flow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
