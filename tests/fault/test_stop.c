/*
 * test_stop.c - SIGTERM and SIGINT under load (protocol section 7): what was received is answered or
 * not applied, goodbye is said everywhere, the next start has nothing to repair; a second signal
 * ends it at once and loses nothing either.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fault/storm/court.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { STOP_MS = 5000, LOAD = 300 /* acknowledged updates before the signal */, DEVICES = 10 };

static void wait_acked(struct writers *writers, uint64_t count)
{
    static const struct timespec step = {.tv_nsec = 2000000};
    int64_t deadline = now_ms() + WAIT_MS;
    while (writers_figures(writers).acked < count) {
        if (deadline_left(deadline) == 0)
            test_fail("too few updates are acknowledged in time");
        nanosleep(&step, NULL);
    }
}

static struct rig_options usual(void)
{
    return (struct rig_options){.program = "studio-agent",
                                .brokers = 1,
                                .writers = {.writers = 50, .tables = 20, .rate = 1000, .seed = 1}};
}

/* The write-ahead log has been moved into the store: a start finds nothing to repair. */
static void expect_closed_store(const char *data)
{
    struct stat st;
    char *err;
    const char *argv[] = {studio_program("studio-agent"), "store", "check", "--data", data, NULL};
    const char *wal = tmpdir_path(data, "studio.db-wal");
    assert_true(stat(wal, &st) != 0 || st.st_size == 0);
    int code = proc_run(argv, NULL, NULL, &err);
    if (code != 0)
        print_error("%s\n", err);
    free(err);
    assert_int_equal(code, 0);
}

/* Reads to the end: answers in order, then the goodbye. Returns the last value acknowledged. */
static int last_acknowledged(struct wsclient *c, bool *goodbye)
{
    int last = 0;
    struct ws_message m;
    *goodbye = false;
    while ((m = wsclient_next(c, WAIT_MS)).kind == WS_GOT_TEXT || m.kind == WS_GOT_PING) {
        if (m.kind == WS_GOT_PING)
            continue;
        expect_json(m.data, "status", "updated");
        last++;
    }
    *goodbye = m.kind == WS_GOT_CLOSE && m.code == 1001;
    return last;
}

static void queue_updates(struct wsclient *c, int count)
{
    for (int i = 1; i <= count; i++) {
        char text[32];
        snprintf(text, sizeof text, "{\"n\":%d}", i);
        wsclient_queue(c, text);
    }
    wsclient_flush(c);
}

static void stopped_under_load(int signal_number)
{
    struct rig rig;
    struct court court;
    struct court_memory memory = {0};
    struct rig_options options = usual();
    rig_open(&rig, &options);
    court_open(&court, &rig, &memory);
    assert_true(rig_start_agent(&rig, false));
    struct wsclient *viewer =
        wsclient_connect(rig.port.number, "/?id=desk&token=" TOKEN_VIEWER "&subscribe=*");
    struct mqttclient *agents = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(rig.brokers[0]), .subscribe = "studio/agents/edge-1/availability"});
    mqttclient_wait_json(agents, "#", "state", "online");
    struct wsclient *devices[DEVICES];
    for (int i = 0; i < DEVICES; i++)
        devices[i] = wsclient_login(rig.port.number, "STOP-001_pc", TOKEN_DEVICE);
    writers_resume(rig.writers);
    wait_acked(rig.writers, LOAD);
    for (int i = 0; i < DEVICES; i++)
        queue_updates(devices[i], 20);

    mqttclient_mark(agents);
    int64_t began = now_ms();
    proc_signal(rig.agent, signal_number);
    assert_int_equal(proc_wait(rig.agent, WAIT_MS), 0);
    assert_true(now_ms() - began <= STOP_MS);
    struct ws_message m;
    do
        m = wsclient_next(viewer, WAIT_MS);
    while (m.kind == WS_GOT_TEXT || m.kind == WS_GOT_PING);
    assert_int_equal(m.kind, WS_GOT_CLOSE);
    assert_int_equal(m.code, 1001);
    assert_string_equal(m.data, "Server shutting down");
    wsclient_close(viewer);
    /* Who writes is told so as well, behind its answers. */
    for (int i = 0; i < DEVICES; i++) {
        bool goodbye;
        (void)last_acknowledged(devices[i], &goodbye);
        assert_true(goodbye);
        wsclient_close(devices[i]);
    }
    mqttclient_wait_json(agents, "#", "state", "stopped");
    mqttclient_destroy(agents);
    proc_destroy(rig.agent);
    rig.agent = NULL;
    expect_closed_store(rig.data);

    assert_true(rig_start_agent(&rig, false));
    wait_acked(rig.writers, writers_figures(rig.writers).acked + 50);
    assert_true(writers_pause(rig.writers, now_ms() + WAIT_MS));
    assert_true(writers_once(rig.writers, now_ms() + WAIT_MS));
    court_judge(&court, &(struct court_rules){.drain_s = 60});
    court_close(&court);
    court_memory_finish(&memory);
    rig_close(&rig);
    assert_int_equal(rig.complaint_count, 0);
}

static void sigterm_under_load(void **state)
{
    (void)state;
    stopped_under_load(SIGTERM);
}

static void sigint_under_load(void **state)
{
    (void)state;
    stopped_under_load(SIGINT);
}

/* --- one connection, counted exactly ---------------------------------------------------------- */

static int value_after_restart(struct agent_proc *agent)
{
    struct wsclient *viewer = wsclient_login(agent_proc_port(agent), "desk", TOKEN_VIEWER);
    wsclient_send(viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    int n = (int)json_number(wsclient_text(viewer), "data.n");
    wsclient_close(viewer);
    return n;
}

static void what_was_not_answered_is_not_applied(void **state)
{
    (void)state;
    for (int count = 1; count <= 2000; count *= 3) {
        struct agent_proc *agent = agent_proc_start(
            &(struct agent_options){.config = "[limits]\nupdates_per_second = 0\n"});
        struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
        wsclient_ask(c, "{\"n\":0}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
        queue_updates(c, count);
        proc_signal(agent_proc_proc(agent), SIGTERM);
        bool goodbye;
        int last = last_acknowledged(c, &goodbye);
        assert_true(goodbye);
        wsclient_close(c);
        assert_int_equal(proc_wait(agent_proc_proc(agent), WAIT_MS), 0);
        agent_proc_kill(agent); /* buries it */
        agent_proc_restart(agent);
        assert_int_equal(value_after_restart(agent), last);
        agent_proc_destroy(agent);
    }
}

/* --- the second signal ------------------------------------------------------------------------ */

static void a_second_signal_ends_it_at_once(void **state)
{
    (void)state;
    /* Far apart: only the disk's time is to be told from a busy machine's. */
    enum { SYNC_MS = 10000, AT_ONCE_MS = 5000 };
    static const int pairs[][2] = {{SIGTERM, SIGTERM}, {SIGINT, SIGINT}, {SIGTERM, SIGINT}};
    if (!faults_available())
        skip();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *data = tmpdir_create();
        struct faults *faults = faults_create(data, NULL);
        struct agent_proc *agent =
            agent_proc_start(&(struct agent_options){.data = data, .env = faults_env(faults)});
        struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
        queue_updates(c, 10);
        for (int k = 1; k <= 10; k++)
            expect_json(wsclient_text(c), "status", "updated");
        /* A commit that takes long keeps it from being done with stopping. */
        faults_delay(faults, FAULT_SYNC, SYNC_MS);
        wsclient_send(c, "{\"n\":11}");
        struct proc *proc = agent_proc_proc(agent);
        proc_signal(proc, pairs[i][0]);
        free(proc_wait_line(proc, PROC_STDERR, "stopping on", WAIT_MS));
        int64_t began = now_ms();
        proc_signal(proc, pairs[i][1]);
        assert_int_equal(proc_wait(proc, WAIT_MS), 1);
        assert_true(now_ms() - began < AT_ONCE_MS);
        wsclient_close(c);
        agent_proc_kill(agent); /* buries it */
        faults_clear_all(faults);
        agent_proc_restart(agent);
        assert_in_range(value_after_restart(agent), 10, 11);
        agent_proc_destroy(agent);
        faults_destroy(faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigterm_under_load),
        cmocka_unit_test(sigint_under_load),
        cmocka_unit_test(what_was_not_answered_is_not_applied),
        cmocka_unit_test(a_second_signal_ends_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
