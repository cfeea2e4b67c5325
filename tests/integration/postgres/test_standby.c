/*
 * test_standby.c - two agents on one database: the second waits, takes over when the first is gone, and nobody ever
 * hears of two.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/pgserver.h"
#include "support/procfs.h"
#include "support/scene.h"

static const char refused[] = "{\"error\":\"Storage unavailable\"}";

static int use_database(void **state)
{
    (void)state;
    return setenv("STUDIO_STORE", "postgres", 1);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* --- two agents ------------------------------------------------------------------------------ */

static struct agent_proc *start_beside(const struct scene *s, const char *config)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    return agent_proc_start(&(struct agent_options){.beside = agent_proc_data(s->agent),
                                                    .broker = broker_uri(s->broker),
                                                    .config = config,
                                                    .args = args});
}

static void expect_answer(const struct agent_proc *a, const char *target, int status,
                          const char *words)
{
    struct http_answer answer = http_get(agent_proc_port(a), target);
    assert_int_equal(answer.status, status);
    if (!strstr(answer.body, words) && !strstr(answer.headers, words))
        test_fail("%s: %s%s does not say %s", target, answer.headers, answer.body, words);
    http_answer_finish(&answer);
}

/* Until it answers so. */
static void wait_ready(const struct agent_proc *a, int status, const char *words)
{
    const int64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        struct http_answer answer = http_get(agent_proc_port(a), "/readyz");
        const bool there = answer.status == status && strstr(answer.body, words);
        if (!there && deadline_left(deadline) <= 0)
            test_fail("/readyz stays %s%s", answer.headers, answer.body);
        http_answer_finish(&answer);
        if (there)
            return;
        rest();
    }
}

static void expect_standby(const struct agent_proc *a)
{
    struct wsclient *none = NULL;
    wait_ready(a, 503, "\"status\":\"standby\"");
    expect_answer(a, "/healthz", 200, "ok");
    expect_answer(a, "/readyz", 503, "\"owner\":\"");
    expect_answer(a, "/", 503, "has the tables");
    expect_answer(a, "/api/v1/tables", 503, "retry-after: 1");
    expect_answer(a, "/metrics", 200, "\nstudio_owner 0\n");
    assert_int_equal(wsclient_upgrade(agent_proc_port(a), "/", NULL, &none), 503);
    assert_null(none);
}

static void expect_owner(const struct agent_proc *a)
{
    wait_ready(a, 200, "\"status\":\"ready\"");
    expect_answer(a, "/metrics", 200, "\nstudio_owner 1\n");
}

/* What is retained in the end: this boot is online. */
static void wait_online(struct scene *s, const char *boot)
{
    const int64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        const struct mqtt_message *m = mqttclient_newest(s->sub, AGENT "/availability");
        if (m && strstr(m->payload, "\"online\"") && strstr(m->payload, boot))
            return;
        if (deadline_left(deadline) <= 0)
            test_fail("it stays %s", m ? m->payload : "unsaid");
        rest();
    }
}

static struct wsclient *device_of(const struct agent_proc *a)
{
    return wsclient_login(agent_proc_port(a), "ARO-001_pc", TOKEN_DEVICE);
}

/* Counts what was answered of updates that were sent, until the connection ends. */
static uint64_t count_answers(struct wsclient *c)
{
    uint64_t count = 0;
    for (;;) {
        struct ws_message m = wsclient_next(c, WAIT_MS);
        if (m.kind != WS_GOT_TEXT)
            return count;
        count += strstr(m.data, "updated") != NULL;
    }
}

/* The number of the newest event that is stored. */
static uint64_t stored(const struct scene *s)
{
    char *seq = pgserver_ask(pgserver_shared(), pgserver_schema(agent_proc_data(s->agent)),
                             "SELECT last_seq FROM studio_agents");
    const uint64_t n = strtoull(seq, NULL, 10);
    free(seq);
    return n;
}

/* All events are there once, none is missing, in one epoch. */
static void expect_all(struct scene *s)
{
    judge_wait_seq(s->judge, s->sub, stored(s));
    judge_expect_clean(s->judge, s->sub);
    char *epochs = pgserver_ask(pgserver_shared(), pgserver_schema(agent_proc_data(s->agent)),
                                "SELECT count(*) = max(seq) FROM studio_log");
    assert_string_equal(epochs, "t");
    free(epochs);
}

/* --- the owner is gone ----------------------------------------------------------------------- */

static void killed(void **state)
{
    enum { COUNT = 300 };
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = device_of(s.agent);
    scene_updates(c, 10);
    struct agent_proc *second = start_beside(&s, NO_LIMITS);
    expect_standby(second);
    expect_owner(s.agent);
    for (int i = 0; i < COUNT; i++) {
        char *message = test_printf("{\"m\":%d}", i);
        wsclient_queue(c, message);
        free(message);
    }
    wsclient_flush(c);
    expect_json(wsclient_text(c), "status", "updated"); /* in the middle of it */
    const int64_t began = now_ms();
    agent_proc_kill(s.agent);
    const uint64_t answered = 10 + 1 + count_answers(c);
    wsclient_drop(c);
    wait_ready(second, 200, "ready");
    print_message("taken over %lld ms after a kill\n", (long long)(now_ms() - began));
    assert_true(stored(&s) >= answered + 1);
    c = device_of(second);
    scene_updates(c, 10);
    wait_online(&s, "\"boot\":2,");
    expect_all(&s);
    expect_answer(second, "/metrics", 200, "\nstudio_takeovers_total 1\n");
    wsclient_close(c);
    /* The first one comes again, and is the standby now. */
    agent_proc_restart(s.agent);
    expect_standby(s.agent);
    /* An owner that stops in order leaves it at once. */
    agent_proc_stop(second);
    expect_owner(s.agent);
    wait_online(&s, "\"boot\":3,");
    agent_proc_destroy(second);
    scene_close(&s);
}

/* --- the owner could not be heard ------------------------------------------------------------ */

/* Whatever is asked of a former owner first: it does not answer as if nothing had happened. */
static void expect_refusal(struct wsclient *c)
{
    wsclient_send(c, "{\"late\":true}");
    struct ws_message m = wsclient_next(c, WAIT_MS);
    if (m.kind == WS_GOT_TEXT) {
        assert_string_equal(m.data, refused);
        wsclient_expect_close(c, 1012, "Service restart");
    } else if (m.kind == WS_GOT_CLOSE) {
        assert_int_equal(m.code, 1012);
    }
}

static void paused(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *former = device_of(s.agent);
    scene_updates(former, 10);
    struct agent_proc *second = start_beside(&s, NO_LIMITS);
    expect_standby(second);
    proc_signal(agent_proc_proc(s.agent), SIGSTOP);
    expect_owner(second);
    struct wsclient *c = device_of(second);
    scene_updates(c, 10);
    wait_online(&s, "\"boot\":2,");
    proc_signal(agent_proc_proc(s.agent), SIGCONT);
    expect_refusal(former);
    expect_standby(s.agent);
    expect_answer(s.agent, "/metrics", 200, "\nstudio_losses_total 1\n");
    free(proc_wait_line(agent_proc_proc(s.agent), PROC_STDERR, "was taken over by", WAIT_MS));
    scene_updates(c, 10);
    wait_online(&s, "\"boot\":2,");
    expect_all(&s);
    wsclient_close(former);
    wsclient_close(c);
    agent_proc_destroy(second);
    scene_close(&s);
}

/* --- on purpose ------------------------------------------------------------------------------ */

static void expect_command(const struct agent_proc *a, const char *command, int code,
                           const char *words)
{
    char *out, *err;
    const char *argv[] = {studio_program("studio-agent"), command, "--data", agent_proc_data(a),
                          NULL};
    assert_int_equal(proc_run(argv, NULL, &out, &err), code);
    print_message("%s%s", out, err);
    if (!strstr(code == 0 ? out : err, words))
        test_fail("%s%s does not say %s", out, err, words);
    free(out);
    free(err);
}

/* The owner knows by name who waits. */
static void wait_named(const struct agent_proc *a)
{
    const int64_t deadline = now_ms() + WAIT_MS;
    bool named = false;
    while (!named) {
        struct http_answer answer =
            http_request(agent_proc_port(a), "GET", "/api/v1/agent",
                         "Authorization: Bearer OFFICE:" TOKEN_OPERATOR "\r\n", NULL);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "\"owner\":\""));
        named = strstr(answer.body, "\"standby\":\"") != NULL;
        http_answer_finish(&answer);
        if (!named && deadline_left(deadline) <= 0)
            test_fail("the standby is not named");
        rest();
    }
}

static void handed_over(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = device_of(s.agent);
    scene_updates(c, 10);
    expect_command(s.agent, "handover", 1, "no standby waits");
    expect_owner(s.agent);
    scene_updates(c, 1);
    struct agent_proc *second = start_beside(&s, NO_LIMITS);
    expect_standby(second);
    expect_command(second, "handover", 1, "standby");
    expect_command(second, "doctor", 0, " has the tables");
    wait_named(s.agent);
    expect_command(s.agent, "handover", 0, "has it");
    wsclient_expect_close(c, 1012, "Service restart");
    wsclient_close(c);
    expect_owner(second);
    expect_standby(s.agent);
    c = device_of(second);
    scene_updates(c, 10);
    wait_online(&s, "\"boot\":2,");
    wsclient_close(c);
    /* And back: the same process owns it again. */
    expect_command(second, "handover", 0, "has it");
    expect_owner(s.agent);
    expect_standby(second);
    c = device_of(s.agent);
    scene_updates(c, 10);
    wait_online(&s, "\"boot\":3,");
    expect_all(&s);
    wsclient_close(c);
    agent_proc_destroy(second);
    scene_close(&s);
}

static size_t count_fds(struct agent_proc *a)
{
    return procfs_count(proc_pid(agent_proc_proc(a)), "fd");
}

/* Each time all of an agent is taken down and put together again, in the same process: nothing is left behind. */
static void to_and_fro(void **state)
{
    enum { ROUNDS = 3 };
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct agent_proc *second = start_beside(&s, NO_LIMITS);
    const pid_t pid = proc_pid(agent_proc_proc(s.agent));
    size_t fds = 0, threads = 0;
    expect_standby(second);
    for (int i = 0; i < ROUNDS; i++) {
        struct wsclient *c = device_of(s.agent);
        scene_updates(c, 10);
        wait_named(s.agent);
        expect_command(s.agent, "handover", 0, "has it");
        wsclient_drop(c);
        expect_owner(second);
        expect_standby(s.agent);
        expect_answer(s.agent, "/metrics", 200, "\nstudio_connections{role=\"device\"} 0\n");
        fds = i == 0 ? count_fds(s.agent) : fds;
        threads = i == 0 ? procfs_count(pid, "task") : threads;
        wait_named(second);
        expect_command(second, "handover", 0, "has it");
        expect_owner(s.agent);
        expect_standby(second);
    }
    expect_all(&s);
    /* What no broker has yet goes with it. */
    broker_stop(s.broker);
    struct wsclient *c = device_of(s.agent);
    scene_updates(c, 10);
    wsclient_drop(c);
    expect_answer(s.agent, "/metrics", 200, "\nstudio_backlog_events 1");
    wait_named(s.agent);
    expect_command(s.agent, "handover", 0, "has it");
    expect_owner(second);
    expect_standby(s.agent);
    expect_answer(s.agent, "/metrics", 200, "\nstudio_backlog_events 0\n");
    expect_answer(second, "/metrics", 200, "\nstudio_backlog_events 1");
    broker_start(s.broker);
    const int64_t deadline = now_ms() + WAIT_MS;
    while (count_fds(s.agent) > fds && deadline_left(deadline) > 0)
        rest();
    assert_true(count_fds(s.agent) <= fds);
    assert_int_equal(procfs_count(pid, "task"), threads);
    agent_proc_destroy(second);
    scene_close(&s);
}

/* --- waiting --------------------------------------------------------------------------------- */

static void stopped_while_it_waits(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct agent_proc *second = start_beside(&s, NO_LIMITS);
    expect_standby(second);
    agent_proc_stop(second);
    expect_owner(s.agent);
    mqttclient_sync(s.sub);
    wait_online(&s, "\"boot\":1,");
    agent_proc_destroy(second);
    scene_close(&s);
}

/* Without `store.standby` nobody waits for a database that is away; an owner outlives its absence, and says so. */
static void away_at_the_start(void **state)
{
    static const char patient[] = "[store]\nstandby = yes\n";
    (void)state;
    struct scene s;
    int code;
    char *err;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = device_of(s.agent);
    scene_updates(c, 10);
    struct agent_proc *second = start_beside(&s, patient);
    struct agent_proc *hasty = start_beside(&s, NO_LIMITS);
    agent_proc_stop(second);
    agent_proc_stop(hasty);
    pgserver_stop(pgserver_shared());
    assert_false(agent_proc_try(hasty, &code, &err));
    assert_int_equal(code, 4);
    free(err);
    agent_proc_restart(second);
    wait_ready(second, 503, "\"status\":\"standby\"");
    expect_answer(second, "/", 503, "the database is away");
    /* Nobody knows any more whose it is: what is read is not shown as the truth. */
    wait_ready(s.agent, 503, "\"store\":\"not owned\"");
    expect_answer(s.agent, "/api/v1/tables", 503, "Storage unavailable");
    wsclient_ask(c, "{\"event\":\"get\"}", refused);
    wsclient_ask(c, "{\"late\":true}", refused);
    struct wsclient *none = NULL;
    assert_int_equal(wsclient_upgrade(agent_proc_port(s.agent), "/", NULL, &none), 503);
    pgserver_start(pgserver_shared());
    /* Whoever is quicker. */
    wsclient_close(c);
    const int64_t deadline = now_ms() + WAIT_MS;
    int ready = 0;
    while (ready != 1 && deadline_left(deadline) > 0) {
        struct http_answer one = http_get(agent_proc_port(s.agent), "/readyz");
        struct http_answer other = http_get(agent_proc_port(second), "/readyz");
        ready = (one.status == 200) + (other.status == 200);
        http_answer_finish(&one);
        http_answer_finish(&other);
        assert_true(ready <= 1);
        rest();
    }
    assert_int_equal(ready, 1);
    agent_proc_destroy(hasty);
    agent_proc_destroy(second);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),
        cmocka_unit_test(paused),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(to_and_fro),
        cmocka_unit_test(stopped_while_it_waits),
        cmocka_unit_test(away_at_the_start),
    };
    return pgserver_there() ? cmocka_run_group_tests(tests, use_database, NULL) : 77;
}
