/*
 * test_clock.c - the wall clock is set hours forward and back under way: only time stamps may show
 * it. Order, numbers, presence, pings, time-outs and the way to the broker go by another clock.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define CHANGES  "studio/tables/ARO-001/changes"
#define PRESENCE "studio/tables/ARO-001/presence"

enum { HOUR_MS = 3600 * 1000 };

/* Hours the clock is off, one after the other; steps of up to five days. */
static const int hours[] = {5, -7, 48, -72, 1, 0};
enum { STEPS = sizeof hours / sizeof *hours, FEW = 2 /* where a step takes seconds */ };

struct stage {
    struct faults *faults;
    struct broker *broker;
    struct mqttclient *sub;
    struct judge *judge;
    struct agent_proc *agent;
    uint64_t seq;
};

static void stage_open(struct stage *s, const char *config)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    const char *data = tmpdir_create();
    *s = (struct stage){.faults = faults_create(data, NULL),
                        .broker = broker_create(NULL),
                        .judge = judge_create("studio")};
    s->sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .client_id = "judge", .subscribe = "studio/#"});
    s->agent = agent_proc_start(&(struct agent_options){.data = data,
                                                        .broker = broker_uri(s->broker),
                                                        .args = args,
                                                        .config = config,
                                                        .env = faults_env(s->faults)});
}

static void stage_close(struct stage *s)
{
    agent_proc_destroy(s->agent);
    judge_destroy(s->judge);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
    faults_destroy(s->faults);
}

static void set_clock(struct stage *s, int step)
{
    faults_clock(s->faults, (int64_t)hours[step] * HOUR_MS);
}

/* Hours since 1970 of a time stamp. */
static long hour_of(const char *stamp)
{
    struct tm tm = {0};
    assert_int_equal(
        sscanf(stamp, "%4d-%2d-%2dT%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour), 4);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return (long)(timegm(&tm) / 3600);
}

static void update(struct wsclient *c, int n)
{
    wsclient_sendf(c, "{\"n\":%d}", n);
    wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
}

static void order_and_presence_do_not_care(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, NULL);
    struct wsclient *c = wsclient_login(agent_proc_port(s.agent), "ARO-001_pc", TOKEN_DEVICE);
    mqttclient_wait_json(s.sub, PRESENCE, "online", "true");
    update(c, 0);
    mqttclient_wait_json(s.sub, CHANGES, "seq", "2");
    long before = 0;
    for (int i = 0; i < STEPS; i++) {
        char seq[16];
        snprintf(seq, sizeof seq, "%d", i + 3);
        uint64_t reads = faults_clock_reads(s.faults);
        mqttclient_mark(s.sub);
        set_clock(&s, i);
        update(c, i + 1);
        /* The number is the next one, and the clock was seen. */
        const struct mqtt_message *m = mqttclient_wait_json(s.sub, CHANGES, "seq", seq);
        char *ts = json_at(m->payload, "ts");
        long now = hour_of(ts);
        if (i > 0)
            assert_in_range(now - before - (hours[i] - hours[i - 1]) + 1, 0, 2);
        before = now;
        free(ts);
        assert_true(hours[i] == 0 || faults_clock_reads(s.faults) > reads);
        /* Who comes and goes is seen as always. */
        struct wsclient *other =
            wsclient_login(agent_proc_port(s.agent), "ARO-001_other", TOKEN_DEVICE);
        mqttclient_wait_json(s.sub, PRESENCE, "count", "2");
        mqttclient_mark(s.sub);
        wsclient_close(other);
        mqttclient_wait_json(s.sub, PRESENCE, "count", "1");
    }
    wsclient_expect_nothing(c); /* nobody has closed it */
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_newest(s.judge), STEPS + 2);
    wsclient_close(c);
    stage_close(&s);
}

/* Reads until a ping comes; fails on anything else. */
static void expect_ping(struct wsclient *c)
{
    struct ws_message m = wsclient_next(c, WAIT_MS);
    assert_int_equal(m.kind, WS_GOT_PING);
}

static void pings_and_time_outs_do_not_care(void **state)
{
    (void)state;
    enum { SOON_MS = 8000 };
    struct stage s;
    stage_open(&s, "[websocket]\nauth_timeout = 1\nping_after = 1\nping_grace = 2\n");
    uint16_t port = agent_proc_port(s.agent);
    for (int i = 0; i < FEW; i++) {
        /* One who never says who it is, one who stays silent, one who answers its pings. */
        struct wsclient *stranger = wsclient_connect(port, "/");
        struct wsclient *dead = wsclient_login(port, "ARO-001_dead", TOKEN_DEVICE);
        struct wsclient *alive = wsclient_login(port, "ARO-001_alive", TOKEN_DEVICE);
        int64_t began = now_ms();
        (void)wsclient_text(stranger); /* the greeting */
        wsclient_ignore_pings(dead);
        set_clock(&s, i);
        expect_ping(alive);
        wsclient_expect_close(stranger, 1008, "Missing authentication parameters");
        expect_ping(alive);
        struct ws_message m;
        while ((m = wsclient_next(dead, WAIT_MS)).kind == WS_GOT_PING)
            ;
        assert_true(m.kind == WS_GOT_CLOSE || m.kind == WS_GOT_END);
        assert_true(now_ms() - began < SOON_MS);
        expect_ping(alive);
        update(alive, i);
        wsclient_close(stranger);
        wsclient_drop(dead);
        wsclient_close(alive);
    }
    stage_close(&s);
}

static void the_way_to_the_broker_does_not_care(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "[mqtt]\nkeepalive = 2\n");
    struct wsclient *c = wsclient_login(agent_proc_port(s.agent), "ARO-001_pc", TOKEN_DEVICE);
    mqttclient_wait_json(s.sub, "studio/agents/edge-1/availability", "state", "online");
    judge_start(s.judge, 1);
    for (int i = 0; i < FEW; i++) {
        char uptime[16];
        mqttclient_mark(s.sub);
        set_clock(&s, i);
        update(c, 2 * i);
        if (i % 2)
            broker_kill(s.broker);
        else
            broker_stop(s.broker);
        update(c, 2 * i + 1);
        broker_start(s.broker);
        mqttclient_wait_connected(s.sub);
        mqttclient_wait_json(s.sub, "studio/agents/edge-1/availability", "state", "online");
        snprintf(uptime, sizeof uptime, "%d", 2 * i + 2);
        mqttclient_wait_json(s.sub, "studio/tables/ARO-001/status", "UPTIME", uptime);
    }
    /* What nobody could hear while the broker was away is fetched. */
    update(c, 2 * FEW);
    judge_wait_seq(s.judge, s.sub, 2 * FEW + 2);
    free(proc_wait_line(broker_proc(s.broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    (void)judge_fetch_holes(s.judge, s.sub, "edge-1", "judge");
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_newest(s.judge), 2 * FEW + 2);
    wsclient_close(c);
    stage_close(&s);
}

/* --- what is kept ------------------------------------------------------------------------------ */

enum { DAY = 24, STEPPED_MS = 3000 /* some rounds of housekeeping */ };

/* A command with a request_id, and the one answer there is to it. */
static void command(struct stage *s, const char *payload)
{
    mqttclient_mark(s->sub);
    mqttclient_publish(s->sub, "studio/tables/ARO-001/set/plc", payload);
    mqttclient_wait_payload(
        s->sub, "studio/tables/ARO-001/reply/plc",
        "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"r\"}");
}

/* The clock is off by so much for some seconds, which is time enough for a mistake; all `events` had
 * come before. */
static void step_for_a_while(struct stage *s, int days, int events)
{
    judge_wait_seq(s->judge, s->sub, (uint64_t)events);
    faults_clock(s->faults, (int64_t)days * DAY * HOUR_MS);
    mqttclient_mark(s->sub);
    assert_null(mqttclient_poll(s->sub, CHANGES, NULL, NULL, STEPPED_MS));
}

static void expect_all_kept(struct stage *s, int events)
{
    char count[16];
    snprintf(count, sizeof count, "%d", events);
    mqttclient_mark(s->sub);
    mqttclient_publish(s->sub, "studio/agents/edge-1/replay/judge", "{\"from_seq\":1}");
    mqttclient_wait_json(s->sub, "studio/agents/edge-1/replayed/judge", "count", count);
}

/* Ninety days forward and back, a start years ago and the right time then: nothing is older for it. */
static void no_step_removes_what_is_kept(void **state)
{
    enum { UPDATES = 20, EVENTS = UPDATES + 2 };
    static const char *const words = "{\"sdp\":\"up\",\"request_id\":\"r\"}";
    (void)state;
    struct stage s;
    stage_open(&s, "[store]\nretention_days = 1\n");
    free(proc_wait_line(broker_proc(s.broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    struct wsclient *c = wsclient_login(agent_proc_port(s.agent), "ARO-001_pc", TOKEN_DEVICE);
    for (int i = 0; i < UPDATES; i++)
        update(c, i);
    command(&s, words);
    static const int days[] = {90, 0, -90, 0};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        step_for_a_while(&s, days[i], EVENTS);
        expect_all_kept(&s, EVENTS);
        command(&s, words); /* the answer again, and nothing else */
        expect_all_kept(&s, EVENTS);
    }
    agent_proc_stop(s.agent);
    faults_clock(s.faults, -20000LL * DAY * HOUR_MS); /* a box without a clock of its own */
    agent_proc_restart(s.agent);
    mqttclient_wait_json(s.sub, "studio/agents/edge-1/info", "agent", "edge-1");
    c = wsclient_login(agent_proc_port(s.agent), "ARO-001_pc", TOKEN_DEVICE);
    update(c, UPDATES);
    step_for_a_while(&s, 0, EVENTS + 1);
    expect_all_kept(&s, EVENTS + 1);
    command(&s, words);
    expect_all_kept(&s, EVENTS + 1);
    wsclient_drop(c);
    stage_close(&s);
}

/* While it waits for a broker that says nothing. */
static void the_doctor_sees_it_being_set(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, NULL);
    const char *argv[] = {
        studio_program("studio-agent"), "doctor", "--broker", broker_uri(s.broker), "--data",
        agent_proc_data(s.agent),       NULL};
    proc_signal(broker_proc(s.broker), SIGSTOP);
    struct proc *doctor = proc_spawn(argv, faults_env(s.faults));
    free(proc_wait_line(doctor, PROC_STDOUT, "open files", WAIT_MS));
    set_clock(&s, 1);
    proc_signal(broker_proc(s.broker), SIGCONT);
    assert_int_equal(proc_wait(doctor, WAIT_MS), 0);
    free(proc_wait_line(doctor, PROC_STDOUT, "it was set by -25200.0 s", WAIT_MS));
    proc_destroy(doctor);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_presence_do_not_care),
        cmocka_unit_test(pings_and_time_outs_do_not_care),
        cmocka_unit_test(the_way_to_the_broker_does_not_care),
        cmocka_unit_test(no_step_removes_what_is_kept),
        cmocka_unit_test(the_doctor_sees_it_being_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
