/* test_client_agents.c - studio-client with several addresses, and agents that follow one another on one store. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/port.h"
#include "support/proc.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { ARGS_MAX = 20 };

/* `studio-client --url URL --id wall args...` with a viewer's token. */
static struct proc *spawn(const char *url, const char *const args[])
{
    const char *argv[ARGS_MAX] = {studio_program("studio-client"), "--url", url, "--id", "wall"};
    size_t n = 5;
    for (size_t i = 0; args[i]; i++)
        argv[n++] = args[i];
    assert_true(n < ARGS_MAX);
    struct proc *p = proc_spawn(argv, (const char *const[]){"STUDIO_TOKEN=" TOKEN_VIEWER, NULL});
    proc_close_stdin(p);
    return p;
}

/* Each sets another `n`. */
static void updates(struct agent_proc *agent, int from, int to)
{
    struct wsclient *pc = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    for (int n = from; n <= to; n++) {
        wsclient_sendf(pc, "{\"n\":%d}", n);
        expect_json(wsclient_text(pc), "status", "updated");
    }
    wsclient_close(pc);
}

static void wait_for(struct proc *p, const char *needle)
{
    free(proc_wait_line(p, PROC_STDOUT, needle, WAIT_MS));
}

/* Its end by a signal; what it has written. */
static char *stopped(struct proc *p)
{
    proc_signal(p, SIGTERM);
    assert_int_equal(proc_wait(p, WAIT_MS), 0);
    char *out = proc_output(p, PROC_STDOUT);
    proc_destroy(p);
    return out;
}

/* One agent is killed, another goes on with its store at another address. */
static void from_agent_to_agent(void **state)
{
    (void)state;
    struct port port;
    port_reserve(&port);
    struct agent_proc *a = agent_proc_start(NULL);
    char *url = test_printf("ws://localhost:%u,ws://localhost:%u", port.number, agent_proc_port(a));
    char *listen = test_printf("localhost:%u", port.number);
    const char *const args[] = {"--listen", listen, NULL};

    updates(a, 1, 9);
    struct proc *events = spawn(url, ARGS("events", "--tables", "ARO-001", "--from-seq", "1"));
    struct proc *watch = spawn(url, ARGS("watch", "ARO-001"));
    wait_for(events, "{\"seq\":10,");
    wait_for(watch, "\"n\":9");
    agent_proc_kill(a);
    free(proc_wait_line(events, PROC_STDERR, "connecting again", WAIT_MS));
    struct agent_proc *b =
        agent_proc_start(&(struct agent_options){.data = agent_proc_data(a), .args = args});
    updates(b, 10, 20);
    wait_for(events, "{\"seq\":21,");
    wait_for(watch, "\"n\":20");
    free(proc_wait_line(watch, PROC_STDERR, "connected to localhost:", WAIT_MS));
    free(stopped(watch));

    char *out = stopped(events), *at = out;
    uint64_t seq = 0;
    while ((at = strstr(at, "{\"seq\":")) != NULL) {
        at += strlen("{\"seq\":");
        assert_int_equal(strtoull(at, NULL, 10), ++seq);
    }
    assert_int_equal(seq, 21);
    free(out);

    struct proc *get = spawn(url, ARGS("--table", "ARO-001", "get"));
    wait_for(get, "\"n\":20");
    assert_int_equal(proc_wait(get, WAIT_MS), 0);
    proc_destroy(get);
    agent_proc_destroy(b);
    get = spawn(url, ARGS("--table", "ARO-001", "get"));
    assert_int_equal(proc_wait(get, WAIT_MS), 3);
    free(proc_wait_line(get, PROC_STDERR, "none of 2 servers", WAIT_MS));
    proc_destroy(get);
    get = spawn("ws://localhost,localhost", ARGS("--table", "ARO-001", "get"));
    assert_int_equal(proc_wait(get, WAIT_MS), 2);
    free(proc_wait_line(get, PROC_STDERR, "address 2 of 2, 'localhost'", WAIT_MS));
    proc_destroy(get);
    agent_proc_destroy(a);
    port_release(&port);
    free(url);
    free(listen);
}

/* The certificate has to be for the name of each address. */
static void each_name_is_verified(void **state)
{
    (void)state;
    const char *cert = cert_create(tmpdir_create(), "cert.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert);
    const char *const args[] = {
        "--listen", "ws://localhost:0,wss://localhost:0", "--tls-cert", cert, "--tls-key", key,
        NULL};
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.args = args});
    char *line =
        proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    unsigned port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
    char *right = test_printf("wss://localhost:%u", port);
    char *both = test_printf("wss://127.0.0.1:%u,wss://localhost:%u", port, port);
    char *plain = test_printf("ws://localhost:%u,wss://127.0.0.1:%u,ws://localhost:%u", port, port,
                              (unsigned)agent_proc_port(agent));
    char *wrong = test_printf("wss://127.0.0.1:%u,ws://127.0.0.1:%u", port, port);
    const struct {
        const char *url;
        int code;
        const char *words;
    } rows[] = {{right, 0, ""},
                {both, 0, ""},
                {plain, 0, ""},
                {wrong, 3, "its certificate is for localhost, not for 127.0.0.1"},
                {wrong, 3, "with TLS the address begins with wss://"}};

    updates(agent, 1, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct proc *by_ws = spawn(rows[i].url, ARGS("--ca", cert, "--table", "ARO-001", "get"));
        struct proc *by_http = spawn(rows[i].url, ARGS("--ca", cert, "history", "ARO-001"));
        assert_int_equal(proc_wait(by_ws, WAIT_MS), rows[i].code);
        assert_int_equal(proc_wait(by_http, WAIT_MS), rows[i].code);
        if (rows[i].code != 0) {
            free(proc_wait_line(by_ws, PROC_STDERR, rows[i].words, WAIT_MS));
            free(proc_wait_line(by_http, PROC_STDERR, rows[i].words, WAIT_MS));
        }
        proc_destroy(by_ws);
        proc_destroy(by_http);
    }
    agent_proc_destroy(agent);
    free(key);
    free(line);
    free(right);
    free(both);
    free(plain);
    free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_agent_to_agent),
        cmocka_unit_test(each_name_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
