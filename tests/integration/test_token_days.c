/* test_token_days.c - `token list` tells on which day each token was last used, whatever the tokens file is and however the
 * agent ends. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/api_rig.h"
#include "support/proc.h"
#include "support/tmpdir.h"

static const char *folder; /* of the tokens, which the agent cannot change */

static char *studio(const char *const words[])
{
    const char *argv[16] = {studio_program("studio-agent")};
    char *out, *err;
    size_t n = 1;

    for (; words[n - 1]; n++)
        argv[n] = words[n - 1];
    if (strcmp(words[0], "token") == 0) {
        argv[n++] = "--tokens";
        argv[n++] = folder;
    }
    argv[n++] = "--data";
    argv[n++] = agent_proc_data(agent);
    argv[n] = NULL;
    if (proc_run(argv, NULL, &out, &err) != 0)
        test_fail("studio-agent %s: %s", words[0], err);
    free(err);
    return out;
}
#define STUDIO(...) studio((const char *const[]){__VA_ARGS__, NULL})

/* What the list says of the line for this id: the day, or `-`. */
static char *last_used(const char *id)
{
    char *list = STUDIO("token", "list"), *rest = NULL, *found = NULL;

    for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char expires[16], last[16], who[64];

        if (sscanf(line, "%*u %*s %*s %15s %15s %63s", expires, last, who) == 3 &&
            strcmp(who, id) == 0)
            found = test_printf("%s", last);
    }
    free(list);
    if (!found)
        test_fail("%s is not in the list", id);
    return found;
}

static bool was_used(const char *id)
{
    char *day = last_used(id);
    bool used = strcmp(day, "-") != 0;

    if (used && (strlen(day) != 10 || day[4] != '-' || day[7] != '-'))
        test_fail("%s is no day", day);
    free(day);
    return used;
}

static void wait_until_used(const char *id)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (!was_used(id))
        if (deadline_left(deadline) == 0)
            test_fail("%s was never used", id);
}

static int setup(void **state)
{
    char *pc = tokens_line("ARO-001_pc", "device", TOKEN_DEVICE, NULL);
    char *plc = tokens_line("ARO-001_plc", "device", TOKEN_DEVICE, NULL);
    char *board = tokens_line("board", "viewer", TOKEN_VIEWER, NULL);
    char *devices = test_printf("%s%s", pc, plc);

    (void)state;
    folder = tmpdir_create();
    tmpdir_write(folder, "a.tokens", 0400, devices);
    tmpdir_write(folder, "b.tokens", 0400, board);
    assert_int_equal(chmod(folder, 0500), 0);
    free(pc);
    free(plc);
    free(board);
    free(devices);
    agent = agent_proc_start(&(struct agent_options){.tokens = folder, .same_port = true});
    port = agent_proc_port(agent);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return chmod(folder, 0700);
}

static void by_all_ways_in_and_through_every_end(void **state)
{
    (void)state;
    assert_false(was_used("ARO-001_pc"));
    wsclient_close(wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE));
    wait_until_used("ARO-001_pc"); /* while the agent runs */
    agent_proc_kill(agent);
    agent_proc_restart(agent);
    api_expect(VIEWER, "GET", "/api/v1/agent", NULL, 200, NULL);
    api_expect("ARO-001_plc:wrong-token", "GET", "/api/v1/agent", NULL, 401, NULL);
    agent_proc_stop(agent);
    assert_true(was_used("ARO-001_pc"));
    assert_true(was_used("board"));
    assert_false(was_used("ARO-001_plc")); /* has the same token */
    agent_proc_restart(agent);
}

/* With its token a day goes from the file. */
static void what_is_revoked_is_forgotten(void **state)
{
    char *path = test_printf("%s/token-days", agent_proc_data(agent)), *text, *day;
    size_t before, after;

    (void)state;
    wsclient_close(wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE));
    wsclient_close(wsclient_login(port, "board", TOKEN_VIEWER));
    agent_proc_stop(agent);
    text = tmpdir_read(path, &before);
    assert_non_null(text);
    free(text);
    agent_proc_restart(agent);
    assert_int_equal(chmod(folder, 0700), 0);
    text = STUDIO("token", "revoke", "board");
    day = strstr(text, "last used");
    assert_non_null(day); /* who takes it away sees whether somebody needs it */
    free(text);
    free(STUDIO("reload"));
    agent_proc_stop(agent);
    text = tmpdir_read(path, &after);
    assert_non_null(text);
    assert_true(after < before);
    free(text);
    free(path);
    agent_proc_restart(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_all_ways_in_and_through_every_end, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_revoked_is_forgotten, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
