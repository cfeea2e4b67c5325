/* test_client_events.c - studio-client events and history, and the calls beneath, against the real agent
 * (protocol sections 5 and 7). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "studio/client.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/proc.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { ARGS_MAX = 20 };

static struct agent_proc *agent;
static struct wsclient *pc;

static void log_in(void)
{
    pc = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
}

static int setup(void **state)
{
    (void)state;
    agent = agent_proc_start(
        &(struct agent_options){.config = "[limits]\nupdates_per_second = 0\n", .same_port = true});
    log_in();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wsclient_close(pc);
    agent_proc_destroy(agent);
    return 0;
}

/* `count` updates, each of which sets another `n`. */
static void updates(int count)
{
    static int n;
    for (int i = 0; i < count; i++) {
        wsclient_sendf(pc, "{\"n\":%d}", n++);
        expect_json(wsclient_text(pc), "status", "updated");
    }
}

/* `studio-client --url ... --id wall args...` with a viewer's token. */
static struct proc *spawn(const char *const args[], const char *token)
{
    char url[64], *env = test_printf("STUDIO_TOKEN=%s", token);
    const char *argv[ARGS_MAX] = {studio_program("studio-client"), "--url", url, "--id", "wall"};
    size_t n = 5;
    snprintf(url, sizeof url, "ws://localhost:%u", agent_proc_port(agent));
    for (size_t i = 0; args[i]; i++)
        argv[n++] = args[i];
    assert_true(n < ARGS_MAX);
    struct proc *p = proc_spawn(argv, (const char *const[]){env, NULL});
    proc_close_stdin(p);
    free(env);
    return p;
}
#define SPAWN(...) spawn((const char *const[]){__VA_ARGS__, NULL}, TOKEN_VIEWER)

static void wait_for(struct proc *p, uint64_t seq)
{
    char *needle = test_printf("{\"seq\":%llu,", (unsigned long long)seq);
    free(proc_wait_line(p, PROC_STDOUT, needle, WAIT_MS));
    free(needle);
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

/* The events in the text are `from` to `to`, one after the other. */
static void expect_events(const char *text, uint64_t from, uint64_t to)
{
    while ((text = strstr(text, "{\"seq\":")) != NULL) {
        text += strlen("{\"seq\":");
        if (strtoull(text, NULL, 10) != from)
            test_fail("event %llu was to come: %s", (unsigned long long)from, text);
        from++;
    }
    assert_int_equal(from, to + 1);
}

static void documents_then_events(void **state)
{
    (void)state;
    struct proc *p = SPAWN("events");
    free(proc_wait_line(p, PROC_STDOUT, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",",
                        WAIT_MS));
    updates(3);
    wait_for(p, 4);
    char *out = stopped(p);
    expect_events(out, 2, 4);
    free(out);
}

static void it_goes_on_behind_its_state(void **state)
{
    (void)state;
    const char *file = tmpdir_path(tmpdir_create(), "seen");
    struct proc *p = SPAWN("events", "--from-seq", "1", "--state", file);
    updates(9);
    wait_for(p, 10);
    char *out = stopped(p);
    expect_events(out, 1, 10);
    free(out);
    updates(10);
    p = SPAWN("events", "--from-seq", "1", "--state", file);
    wait_for(p, 20);
    out = stopped(p);
    expect_events(out, 11, 20);
    free(out);
}

/* Also where no event has come yet, and behind those it did not ask for. */
static void it_has_a_state_before_the_first_event(void **state)
{
    (void)state;
    const char *file = tmpdir_path(tmpdir_create(), "seen");
    int64_t deadline = now_ms() + WAIT_MS;
    struct proc *p = SPAWN("events", "--kinds", "exceptions", "--state", file);
    while (access(file, F_OK) != 0) {
        if (deadline_left(deadline) == 0)
            test_fail("there is no state");
        usleep(1000);
    }
    char *out = stopped(p);
    expect_events(out, 1, 0);
    free(out);
    updates(3);
    p = SPAWN("events", "--state", file);
    wait_for(p, 4);
    out = stopped(p);
    expect_events(out, 2, 4);
    free(out);
}

static void over_a_kill_of_the_agent(void **state)
{
    (void)state;
    struct proc *p =
        SPAWN("events", "--tables", "ARO-001", "--kinds", "changes", "--from-seq", "1");
    updates(9);
    wait_for(p, 10);
    wsclient_close(pc);
    agent_proc_kill(agent);
    free(proc_wait_line(p, PROC_STDERR, "connecting again", WAIT_MS));
    agent_proc_restart(agent);
    log_in();
    updates(10);
    wait_for(p, 20);
    free(proc_wait_line(p, PROC_STDERR, "connected again", WAIT_MS));
    char *out = stopped(p);
    expect_events(out, 1, 20);
    free(out);
}

static void expect_exit(const char *const args[], const char *token, int code, const char *word)
{
    struct proc *p = spawn(args, token);
    int got = proc_wait(p, WAIT_MS);
    char *err = proc_output(p, PROC_STDERR);
    if (got != code || !strstr(err, word))
        test_fail("%s: exit %d, not %d with '%s': %s", args[0], got, code, word, err);
    free(err);
    proc_destroy(p);
}

static void what_is_refused(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    expect_exit(ARGS("events"), "WRONG_TOKEN", 4, "Invalid credentials");
    expect_exit(ARGS("events", "--tables", "ARO-001"), TOKEN_DEVICE, 1, "Not permitted");
    expect_exit(ARGS("events", "--tables", "a b"), TOKEN_VIEWER, 1, "Invalid value for tables");
    expect_exit(ARGS("events", "--from-seq", "x"), TOKEN_VIEWER, 2, "--from-seq is a number");
    expect_exit(ARGS("events", "--state", dir), TOKEN_VIEWER, 2, "cannot be read");
    expect_exit(ARGS("events", "ARO-001"), TOKEN_VIEWER, 2, "usage:");
    wsclient_close(pc);
    agent_proc_stop(agent);
    expect_exit(ARGS("events"), TOKEN_VIEWER, 3, "is the agent running");
    agent_proc_restart(agent);
    log_in();
}

/* --- history ---------------------------------------------------------------------------------- */

static char *history(const char *const args[], int code)
{
    struct proc *p = spawn(args, TOKEN_VIEWER);
    int got = proc_wait(p, WAIT_MS);
    char *out = proc_output(p, PROC_STDOUT), *err = proc_output(p, PROC_STDERR);
    if (got != code)
        test_fail("history: exit %d, not %d: %s", got, code, err);
    free(err);
    proc_destroy(p);
    return out;
}

/* Each an event of some 20 KB. */
static void large_updates(int count)
{
    for (int i = 0; i < count; i++) {
        char *value = test_printf("%0900d", i);
        wsclient_sendf(pc,
                       "{\"a\":\"%s\",\"b\":\"%s\",\"c\":\"%s\",\"d\":\"%s\",\"e\":\"%s\","
                       "\"f\":\"%s\",\"g\":\"%s\",\"h\":\"%s\",\"i\":\"%s\",\"j\":\"%s\"}",
                       value, value, value, value, value, value, value, value, value, value);
        expect_json(wsclient_text(pc), "status", "updated");
        free(value);
    }
}

static void what_has_happened(void **state)
{
    (void)state;
    updates(250);
    char *out = history(ARGS("history", "ARO-001"), 0);
    expect_events(out, 1, 251);
    free(out);
    out = history(ARGS("--table", "ARO-001", "history", "--from-rev", "100", "--to-rev", "230"), 0);
    expect_events(out, 101, 231);
    free(out);
    out = history(ARGS("history", "ARO-001", "--newest-first", "--limit", "150"), 0);
    assert_int_equal(json_number(out, "seq"), 251);
    assert_non_null(strstr(out, "{\"seq\":102,"));
    assert_null(strstr(out, "{\"seq\":101,"));
    free(out);
    wsclient_ask(pc, "{\"event\":\"exception\",\"data\":\"X\"}",
                 "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    out = history(
        ARGS("history", "ARO-001", "--kinds", "exceptions", "--since", "2024-01-01T00:00:00Z"), 0);
    expect_events(out, 252, 252);
    free(out);
    large_updates(60); /* of more than two pages */
    out = history(ARGS("history", "ARO-001", "--from-rev", "251"), 0);
    expect_events(out, 253, 312);
    free(out);
    expect_exit(ARGS("history", "NOPE-1"), TOKEN_VIEWER, 1, "Unknown table: NOPE-1");
    expect_exit(ARGS("history", "a b"), TOKEN_VIEWER, 2, "no table id");
    expect_exit(ARGS("history", "ARO-001", "--since", "soon"), TOKEN_VIEWER, 1, "since");
    expect_exit(ARGS("history", "ARO-001"), "WRONG_TOKEN", 4, "Invalid credentials");
}

/* Who asks for more than the rate allows gets it a little later. */
static void the_rate_is_waited_for(void **state)
{
    (void)state;
    struct agent_proc *other = agent, *slow = agent_proc_start(&(struct agent_options){
                                          .config = "[limits]\nupdates_per_second = 1\n"
                                                    "updates_burst = 1\n"});
    struct proc *asking[4];
    agent = slow;
    wsclient_close(wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE));
    for (size_t i = 0; i < 4; i++)
        asking[i] = SPAWN("history", "ARO-001");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(proc_wait(asking[i], WAIT_MS), 0);
        proc_destroy(asking[i]);
    }
    agent = other;
    agent_proc_destroy(slow);
}

/* --- the library ------------------------------------------------------------------------------ */

struct heard {
    uint64_t newest;
    size_t count, most;
    char id[128];
};

static bool hear(void *ctx, const struct studio_client_event *event)
{
    struct heard *h = ctx;
    assert_string_equal(event->event, "change");
    assert_int_equal(json_number(event->json, "seq"), h->newest + 1);
    h->newest++;
    snprintf(h->id, sizeof h->id, "%s", event->id);
    return ++h->count < h->most;
}

static void follow(struct heard *h, const char *last_id, uint64_t from_seq)
{
    char url[64];
    struct studio_client_stream *s;
    struct studio_error error;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/v1/ws", agent_proc_port(agent));
    const struct studio_client_options options = {.server_url = url,
                                                  .table_id = "ARO-001",
                                                  .device_name = "pc2",
                                                  .token = TOKEN_DEVICE,
                                                  .timeout_ms = WAIT_MS,
                                                  .ctx = h};
    const struct studio_client_stream_query query = {
        .last_id = last_id, .from_seq = from_seq, .on_event = hear};
    assert_int_equal(studio_client_stream_create(&options, &query, &s, &error), STUDIO_OK);
    assert_int_equal(studio_client_stream_run(s, &error), STUDIO_OK);
    assert_int_equal(h->count, h->most);
    studio_client_stream_destroy(s);
}

static void a_callback_ends_the_stream(void **state)
{
    (void)state;
    updates(9);
    struct heard first = {.most = 6}, rest = {.newest = 6, .most = 4};
    follow(&first, NULL, 1);
    assert_int_equal(first.newest, 6);
    follow(&rest, first.id, 1);
    assert_int_equal(rest.newest, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(documents_then_events),      TEST(it_goes_on_behind_its_state),
        TEST(over_a_kill_of_the_agent),   TEST(what_is_refused),
        TEST(a_callback_ends_the_stream), TEST(what_has_happened),
        TEST(the_rate_is_waited_for),     TEST(it_has_a_state_before_the_first_event),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
