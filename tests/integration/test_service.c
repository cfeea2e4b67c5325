/* test_service.c - the agent started by a service manager: what that is told, and what goes no further. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/manager.h"
#include "support/tmpdir.h"
#include "support/wsclient.h"

static struct agent_proc *start(const struct manager *manager, const char *watchdog,
                                struct agent_options options)
{
    char *socket = test_printf("NOTIFY_SOCKET=%s", manager_address(manager));
    const char *env[] = {socket, watchdog, NULL};
    struct agent_proc *agent;

    options.env = env;
    agent = agent_proc_start(&options);
    free(socket);
    return agent;
}

static void from_its_start_to_its_end(void **state)
{
    struct manager *manager = manager_create(MANAGER_ABSTRACT);
    struct agent_proc *agent = start(manager, "WATCHDOG_USEC=1000000", (struct agent_options){0});
    struct wsclient *client;

    (void)state;
    assert_non_null(strstr(manager_hear(manager), "READY=1\nWATCHDOG=1\nSTATUS=0 tables, "
                                                  "0 connections, no broker configured\n"));
    client = wsclient_connect(agent_proc_port(agent), "/?id=ARO-001_dealerPC&token=MY_TOKEN");
    (void)wsclient_text(client);
    (void)manager_until(manager, "STATUS=1 tables, 1 connections");
    wsclient_close(client);
    proc_signal(agent_proc_proc(agent), SIGHUP);
    (void)manager_until(manager, "RELOADING=1\nMONOTONIC_USEC=");
    (void)manager_until(manager, "READY=1");
    (void)manager_until(manager, "WATCHDOG=1");
    agent_proc_destroy(agent);
    (void)manager_until(manager, "STOPPING=1");
    manager_destroy(manager);
}

static void stop_dead(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

/* It does not come of itself: the loop that serves gives it. */
static void a_loop_that_stands_still_gives_no_sign(void **state)
{
    struct manager *manager = manager_create(MANAGER_PATH);
    struct agent_proc *agent = start(manager, "WATCHDOG_USEC=400000", (struct agent_options){0});

    (void)state;
    (void)manager_until(manager, "WATCHDOG=1");
    stop_dead(proc_pid(agent_proc_proc(agent)));
    while (manager_hears(manager, 0)) /* before that */
        (void)manager_hear(manager);
    assert_false(manager_hears(manager, 400));
    proc_signal(agent_proc_proc(agent), SIGCONT);
    (void)manager_until(manager, "WATCHDOG=1");
    agent_proc_destroy(agent);
    manager_destroy(manager);
}

/* The process of an MQTT connection has nothing to tell. */
static void its_children_are_not_told_of_it(void **state)
{
    const char *dir = tmpdir_create(), *out = tmpdir_path(dir, "environment");
    char *script = test_printf("#!/bin/sh\nenv >%s.new && mv %s.new %s\n", out, out, out);
    char *config = test_printf("[mqtt]\nlink_program = %s\nbroker = mqtt://127.0.0.1:1\n",
                               tmpdir_write(dir, "link", 0700, script));
    struct manager *manager = manager_create(MANAGER_PATH);
    struct agent_proc *agent =
        start(manager, "WATCHDOG_USEC=1000000", (struct agent_options){.config = config});
    char *seen = NULL;
    const int64_t deadline = now_ms() + WAIT_MS;

    (void)state;
    while (!(seen = tmpdir_read(out, NULL)) && deadline_left(deadline) > 0)
        (void)manager_until(manager, "WATCHDOG=1");
    assert_non_null(seen);
    assert_non_null(strstr(seen, "PATH="));
    assert_null(strstr(seen, "NOTIFY_SOCKET"));
    assert_null(strstr(seen, "WATCHDOG"));
    agent_proc_destroy(agent);
    manager_destroy(manager);
    free(seen);
    free(config);
    free(script);
}

/* Also what is said before the log is as it is configured, and each line of what has several. */
static void the_journal_is_told_how_important_a_line_is(void **state)
{
    static const char script[] =
        "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$0\" \"$@\"";
    const char *argv[] = {"bash",   "-c", script, studio_program("studio-agent"),
                          "--data", NULL, NULL},
               *env[] = {"STUDIO_LOG_COLOUR=1", NULL};
    char *err, *rest, *line;
    unsigned warnings = 0, errors = 0;

    (void)state;
    argv[5] = tmpdir_create();
    assert_int_equal(proc_run(argv, env, NULL, &err), 2); /* there are no users */
    rest = err;
    while ((line = strsep(&rest, "\n")) && *line) {
        warnings += strncmp(line, "<4>warn config: ", 16) == 0;
        errors += strncmp(line, "<3>", 3) == 0;
        if (strncmp(line, "<4>", 3) != 0 && strncmp(line, "<3>", 3) != 0)
            test_fail("without a mark: %s", line);
    }
    assert_int_equal(warnings, 1);
    assert_in_range(errors, 2, 10);
    free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_its_start_to_its_end),
        cmocka_unit_test(a_loop_that_stands_still_gives_no_sign),
        cmocka_unit_test(its_children_are_not_told_of_it),
        cmocka_unit_test(the_journal_is_told_how_important_a_line_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
