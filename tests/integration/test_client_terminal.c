/* test_client_terminal.c - studio-client as people meet it: on a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/pty.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsfake.h"

enum { ARGS_MAX = 24 };

static struct agent_proc *agent;
static char url[64], home[200];

static int start_agent(void **state)
{
    (void)state;
    agent = agent_proc_start(NULL);
    snprintf(url, sizeof(url), "ws://localhost:%u", agent_proc_port(agent));
    snprintf(home, sizeof(home), "HOME=%s", tmpdir_create());
    return 0;
}

static int stop_agent(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return 0;
}

/* studio-client with these arguments, as in a container that sets no locale. */
static struct pty *on_terminal(const char *address, const char *const args[])
{
    const char *argv[ARGS_MAX] = {studio_program("studio-client"), "--url", address};
    const char *const env[] = {
        "STUDIO_TOKEN=" TOKEN_DEVICE, "LANG=", "LC_ALL=", "LC_CTYPE=", "TERM=xterm", home, NULL};
    size_t n = 3;

    for (size_t i = 0; args[i] != NULL; i++)
        argv[n++] = args[i];
    assert_true(n < ARGS_MAX);
    return pty_spawn(argv, env, 200, 40);
}
#define ON_TERMINAL(...) on_terminal(url, (const char *const[]){__VA_ARGS__, NULL})

static void expect_end(struct pty *pty, int exit_code)
{
    int got = pty_wait(pty);

    if (got != exit_code)
        test_fail("exit %d, expected %d:\n%s", got, exit_code, pty_seen(pty));
    pty_destroy(pty);
}

/* What `get` shows must hold this. */
static void expect_status(const char *table, const char *text)
{
    struct pty *pty = ON_TERMINAL("--table", table, "get");

    pty_expect(pty, text);
    expect_end(pty, 0);
}

static void the_demo_asks_first(void **state)
{
    (void)state;
    struct pty *pty = ON_TERMINAL("--table", "DEM-001");
    pty_expect(pty, "every field of table DEM-001");
    pty_expect(pty, "[y/N]");
    pty_type(pty, "\n");
    pty_expect(pty, "nothing was sent");
    expect_end(pty, 2);

    pty = ON_TERMINAL("--table", "DEM-001");
    pty_expect(pty, "[y/N]");
    pty_type(pty, "y\n");
    pty_expect(pty, "\"SDP\":\"calibration\"");
    expect_end(pty, 0);

    pty = ON_TERMINAL("--table", "DEM-002", "--yes");
    pty_expect(pty, "\"SDP\":\"calibration\"");
    assert_null(strstr(pty_seen(pty), "[y/N]"));
    expect_end(pty, 0);
}

static void a_mistyped_field_is_asked_about(void **state)
{
    (void)state;
    struct pty *pty = ON_TERMINAL("--table", "MIS-001", "set", "roulete=down");
    pty_expect(pty, "did you mean roulette?");
    pty_type(pty, "n\n");
    pty_expect(pty, "Nothing was sent");
    expect_end(pty, 2);
    expect_status("MIS-001", "\"NFC_SCANNER\":\"down\"}");

    pty = ON_TERMINAL("--table", "MIS-001", "roulete=down");
    pty_expect(pty, "[y/N]");
    pty_type(pty, "y\n");
    pty_expect(pty, "updated");
    expect_end(pty, 0);
    expect_status("MIS-001", "\"roulete\":\"down\"}");
}

static void a_prompt(void **state)
{
    /* Of an earlier version, which kept everything. */
    static const char kept[] = "_HiStOrY_V2_\nshaker\\040up\ntoken=OLD_TOKEN\n"
                               "custom\\040{\"Token\":\"OLD_TOKEN\"}\nzcam\\040up\n";
    (void)state;
    (void)tmpdir_write(home + 5, ".studio_client_history", 0600, kept);
    struct pty *pty = ON_TERMINAL("--table", "PRO-001", "interactive");
    pty_expect(pty, "studio> ");
    pty_type(pty, "note=J\xc3\xbcrgen\xe8\xa1\xa8\n");
    pty_expect(pty, "updated");
    pty_expect(pty, "studio> ");
    pty_type(pty, "sdp ca");
    pty_expect(pty, "sdp ca");
    pty_type(pty, "\x03");
    pty_type(pty, "set idp up\n"); /* alone: the half-typed line is gone */
    pty_expect(pty, "updated");
    pty_expect(pty, "studio> ");
    static const char *const unreadable[] = {"a=\xfc!\n", "set a=\xfc!\n", "sdp=up a=\xfc!\n",
                                             "custom {\"a\":\"\xfc!\"}\n", "exception \xfc!\n"};
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        pty_type(pty, unreadable[i]);
        pty_expect(pty, "not UTF-8");
    }
    pty_type(pty, "token=" TOKEN_DEVICE "\n");
    pty_expect(pty, "studio-client: token");
    pty_type(pty, "?\n");
    pty_expect(pty, "set KEY=VALUE");
    pty_type(pty, "get\n");
    pty_expect(pty, "\"UPTIME\":2,");
    pty_expect(pty, "\"SDP\":\"standby\",\"IDP\":\"up\"");
    pty_expect(pty, "\"note\":\"J\xc3\xbcrgen\xe8\xa1\xa8\"}");
    pty_type(pty, "quit\n");
    expect_end(pty, 0);

    size_t len;
    char *history = tmpdir_read(tmpdir_path(home + 5, ".studio_client_history"), &len);
    assert_non_null(history);
    assert_non_null(strstr(history, "set\\040idp\\040up"));
    assert_non_null(strstr(history, "shaker\\040up\nzcam\\040up\n"));
    assert_null(strstr(history, TOKEN_DEVICE));
    assert_null(strstr(history, "OLD_TOKEN"));
    free(history);
}

/* A server's text is text: no command of the terminal comes through, whatever is asked. */
static void nothing_of_a_server_is_obeyed(void **state)
{
    static const char *const commands[][4] = {
        {"get"}, {"custom", "{\"a\":1}"}, {"set", "sdp=up"}, {"watch", "--json"}};
    static const char evil[] = "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":4,\"x\":\"\\u001b[2J\xc2\x9b"
                               "31m\x1b[5n\\u009b\"}";
    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct wsfake *fake = wsfake_create();
        char address[64];
        snprintf(address, sizeof(address), "ws://localhost:%u", wsfake_port(fake));
        struct pty *pty = on_terminal(address, commands[i]);
        struct wsfake_conn *conn = wsfake_accept(fake);
        wsfake_send(conn, evil);
        (void)wsfake_receive(conn);
        wsfake_send(conn, strcmp(commands[i][0], "get") == 0 ? evil
                          : strcmp(commands[i][0], "set") == 0
                              ? "{\"error\":\"bad\\u001b[2J\\u009b31m\\u0007\"}"
                              : "{\"status\":\"\x1b[2J\xc2\x9b\"}");
        int exit_code = pty_wait(pty);
        assert_int_equal(exit_code, i < 2 ? 0 : 1);
        if (strchr(pty_seen(pty), '\x1b') != NULL || strstr(pty_seen(pty), "\xc2\x9b") != NULL ||
            strchr(pty_seen(pty), '\a') != NULL || strchr(pty_seen(pty), '?') == NULL)
            test_fail("%s: %s", commands[i][0], pty_seen(pty));
        pty_destroy(pty);
        wsfake_drop(conn);
        wsfake_destroy(fake);
    }
}

/* Told by a word and its place, not only by colour: what is old, and that there is more than fits. */
static void watching_a_wall(void **state)
{
    struct agent_proc *own = agent_proc_start(&(struct agent_options){.same_port = true});
    char address[64], name[16];
    (void)state;
    snprintf(address, sizeof(address), "ws://localhost:%u", agent_proc_port(own));
    for (int i = 10; i < 20; i++) {
        snprintf(name, sizeof(name), "WAL-%d", i);
        const char *const set[] = {"--table", name, "set", i == 15 ? "sdp=exception" : "sdp=up",
                                   NULL};
        expect_end(on_terminal(address, set), 0);
    }
    const char *const args[] = {"--id", "wall", "--token", TOKEN_VIEWER, "watch", "--all", NULL};
    struct pty *pty = on_terminal(address, args);
    pty_resize(pty, 120, 8);
    pty_expect(pty, "!!off"); /* the one in trouble, then the others; their devices have left */
    pty_expect(pty, "WAL-15");
    pty_expect(pty, "WAL-10");
    pty_expect(pty, "10 tables, 1-5 shown");
    pty_type(pty, "G");
    pty_expect(pty, "WAL-19");
    pty_expect(pty, "6-10 shown");
    const char *const come[] = {"--table", "WAL-10", "watch", NULL};
    struct pty *device = on_terminal(address, come);
    pty_expect(device, "WAL-10");
    pty_expect(pty, "!\x1b[0m     WAL-10"); /* no longer `! off` */
    pty_type(device, "q");
    expect_end(device, 0);
    agent_proc_kill(own);
    pty_expect(pty, "STALE");
    pty_type(pty, "q");
    expect_end(pty, 0);
    agent_proc_restart(own);
    agent_proc_destroy(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_demo_asks_first),
        cmocka_unit_test(a_mistyped_field_is_asked_about),
        cmocka_unit_test(a_prompt),
        cmocka_unit_test(watching_a_wall),
        cmocka_unit_test(nothing_of_a_server_is_obeyed),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
