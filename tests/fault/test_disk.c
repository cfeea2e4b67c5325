/*
 * test_disk.c - a disk that is full, that fails or that is slow (protocol 3.3 Storage unavailable,
 * section 4 promise 2, section 7 exit codes).
 *
 * A full disk is a tmpfs that is filled up, where the tests may mount one, and in any case writes
 * that fail with ENOSPC.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/disk_stage.h"

static void expect_restored(struct stage *s)
{
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    agent_proc_restart(s->agent);
    connect_clients(s);
    expect_n(s->viewer, s->value);
    assert_true(update(s));
    expect_mirrored(s);
}

/* --- full ------------------------------------------------------------------------------------- */

/* A command with a request id of its own: what was refused is not remembered. */
static void command(struct stage *s, const char *answer)
{
    mqttclient_mark(s->sub);
    mqttclient_publish(s->sub, TABLE "/set/plc", "{\"command\":1,\"request_id\":\"one\"}");
    const struct mqtt_message *m = mqttclient_wait(s->sub, TABLE "/reply/plc", NULL, NULL);
    assert_string_equal(m->payload, answer);
}

/* Exceptions, which take less room than updates, and commands over MQTT. */
static void others_are_refused_too(struct stage *s)
{
    const char *answer;
    int i = 0;
    do {
        assert_true(i++ < REFUSED_AFTER_MAX);
        wsclient_send(s->device, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}");
        answer = wsclient_text(s->device);
    } while (json_is(answer, "status", "received"));
    assert_string_equal(answer, REFUSED);
    command(s, "{\"error\":\"Storage unavailable\",\"request_id\":\"one\"}");
}

static void full_and_free_again(struct stage *s, fill_disk *fill)
{
    for (int i = 0; i < 3; i++)
        assert_true(update(s));
    expect_ready(s, 200);
    pid_t pid = proc_pid(agent_proc_proc(s->agent));

    fill_until_refused(s, fill);
    unsigned refused = 0;
    for (int i = 0; i < 20; i++)
        refused += !update(s);
    assert_true(refused > 0);
    expect_ready(s, 503);
    others_are_refused_too(s);

    /* Readers and subscribers go on, new ones come, a new table does not. */
    uint16_t port = agent_proc_port(s->agent);
    expect_n(s->viewer, s->value);
    struct wsclient *late = wsclient_connect(port, "/?id=late&token=" TOKEN_VIEWER "&subscribe=*");
    (void)wsclient_until(late, "event", "status");
    expect_n(late, s->value);
    wsclient_close(late);
    struct wsclient *again = wsclient_login(port, "ARO-001_second", TOKEN_DEVICE);
    wsclient_ask(again, "{\"n\":0}", REFUSED);
    wsclient_close(again);
    struct wsclient *stranger = wsclient_connect(port, "/?id=NEW-1_pc&token=" TOKEN_DEVICE);
    wsclient_expect_close(stranger, 1013, "Try again later");
    wsclient_close(stranger);
    mqttclient_wait_json(s->sub, AGENT "/health", "store.writable", "false");

    fill(s, false);
    expect_ready(s, 200);
    command(s, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"one\"}");
    assert_true(update(s));
    mqttclient_wait_json(s->sub, AGENT "/health", "store.writable", "true");
    expect_mirrored(s);
    assert_int_equal(proc_pid(agent_proc_proc(s->agent)), pid);
    expect_n(s->viewer, s->value);
    agent_proc_kill(s->agent);
    expect_restored(s);
}

static void a_full_disk(void **state)
{
    (void)state;
    on_failing_writes(full_and_free_again);
}

static void a_small_tmpfs_full(void **state)
{
    (void)state;
    on_a_small_tmpfs(full_and_free_again);
}

static void a_start_on_a_full_disk_says_so(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, NULL);
    const char *tokens = tokens_write_default(data);
    const char *argv[] = {studio_program("studio-agent"),
                          "--listen",
                          "localhost:0",
                          "--data",
                          data,
                          "--tokens",
                          tokens,
                          NULL};
    char *err;
    faults_fail(faults, FAULT_WRITE, ENOSPC, 1, 0);
    assert_int_equal(proc_run(argv, faults_env(faults), NULL, &err), 4);
    assert_non_null(strstr(err, "full"));
    free(err);
    /* With room it starts as if nothing had been. */
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.data = data});
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
    wsclient_close(c);
    agent_proc_destroy(agent);
    faults_destroy(faults);
}

/* --- errors ----------------------------------------------------------------------------------- */

static void one_write_that_fails(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    assert_true(update(&s));
    /* Each of the writes of a commit, and what comes after them. */
    for (unsigned n = 1; n <= 12; n++) {
        faults_fail(s.faults, FAULT_WRITE, EIO, n, 1);
        bool refused = false;
        for (unsigned i = 0; i < 12 && !refused; i++)
            refused = !update(&s);
        /* Else it met a write between the updates, that of the watermark. */
        assert_true(refused || faults_failed(s.faults, FAULT_WRITE) > 0);
        faults_clear(s.faults, FAULT_WRITE);
        expect_ready(&s, 200);
        assert_true(update(&s));
    }
    expect_mirrored(&s);
    agent_proc_kill(s.agent);
    expect_restored(&s);
    stage_close(&s);
}

/* A new start without a broker: nothing is acknowledged, so that no watermark is written, and the
 * next sync is that of the next update. */
static void restart_without_broker(struct stage *s)
{
    agent_proc_kill(s->agent);
    broker_stop(s->broker);
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    agent_proc_restart(s->agent);
    connect_clients(s);
}

static void one_sync_that_fails(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    for (int i = 0; i < 10; i++)
        assert_true(update(&s));
    expect_mirrored(&s);
    restart_without_broker(&s);
    assert_true(update(&s));
    faults_fail(s.faults, FAULT_SYNC, EIO, 1, 1);
    assert_false(update(&s));
    struct proc *agent = agent_proc_proc(s.agent);
    assert_int_equal(proc_wait(agent, WAIT_MS), 1);
    char *log = proc_output(agent, PROC_STDERR);
    assert_non_null(strstr(log, "stopping, a restart reads back"));
    free(log);
    agent_proc_kill(s.agent); /* buries it */
    faults_clear_all(s.faults);
    wsclient_close(s.device);
    wsclient_close(s.viewer);
    broker_start(s.broker);
    mqttclient_wait_connected(s.sub);
    agent_proc_restart(s.agent);
    connect_clients(&s);
    /* All that was acknowledged is there; the one refused may have proved committed. */
    int n = current_n(s.viewer);
    assert_in_range(n, s.value, s.value + 1);
    s.value = n;
    assert_true(update(&s));
    expect_mirrored(&s);
    stage_close(&s);
}

/* --- slow ------------------------------------------------------------------------------------- */

static void a_sync_of_two_seconds(void **state)
{
    (void)state;
    enum { SYNC_MS = 2000 };
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    assert_true(update(&s));
    uint64_t delayed = faults_delayed(s.faults);
    faults_delay(s.faults, FAULT_SYNC, SYNC_MS);
    int64_t began = now_ms();
    wsclient_sendf(s.device, "{\"n\":%d}", s.value + 1);
    /* Everyone else is served meanwhile, with what is on disk. */
    unsigned served = 0;
    while (faults_delayed(s.faults) == delayed) {
        struct http_answer answer = http_get(agent_proc_port(s.agent), "/healthz");
        assert_int_equal(answer.status, 200);
        http_answer_finish(&answer);
        int n = current_n(s.viewer);
        if (faults_delayed(s.faults) == delayed) {
            assert_int_equal(n, s.value);
            served++;
        }
    }
    assert_true(served > 2);
    wsclient_expect(s.device, UPDATED);
    assert_true(now_ms() - began >= SYNC_MS);
    s.value++;
    faults_clear_all(s.faults);
    assert_true(update(&s));
    expect_mirrored(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_tmpfs_full), /* first: it leaves the mounts of the machine */
        cmocka_unit_test(a_full_disk),           cmocka_unit_test(a_start_on_a_full_disk_says_so),
        cmocka_unit_test(one_write_that_fails),  cmocka_unit_test(one_sync_that_fails),
        cmocka_unit_test(a_sync_of_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
