/*
 * test_stop_commands.c - SIGTERM while commands come in over MQTT (protocol section 4, Commands, and
 * section 7): each with a request_id is carried out once and answered, before the end or after the next
 * start; on a slow disk too, within the 5 s of the contract.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/scene.h"
#include "support/tmpdir.h"

#define SET   TABLE "/set/plc"
#define REPLY TABLE "/reply/plc"

enum { STOP_MS = 5000, MANY = 400, FEW = 6 };

static struct mqttclient *plc_at(struct broker *broker, int version)
{
    return mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .version = version, .client_id = "plc", .subscribe = REPLY});
}

static void command(struct mqttclient *plc, int count)
{
    for (int i = 0; i < count; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%d,\"request_id\":%d}", i, i);
        mqttclient_send(
            plc, &(struct mqttclient_publish){.topic = SET, .payload = payload, .no_wait = true});
    }
}

static void wait_answer(struct mqttclient *plc, int request)
{
    char id[16];
    snprintf(id, sizeof id, "%d", request);
    mqttclient_wait_json(plc, REPLY, "request_id", id);
}

static void stop(struct agent_proc *agent)
{
    int64_t began = now_ms();
    proc_signal(agent_proc_proc(agent), SIGTERM);
    assert_int_equal(proc_wait(agent_proc_proc(agent), WAIT_MS), 0);
    assert_true(now_ms() - began <= STOP_MS);
    agent_proc_kill(agent); /* buries it */
}

/* How often each was answered `updated`; no other answers. */
static void count_answers(struct mqttclient *plc, int count, int *answers)
{
    memset(answers, 0, (size_t)count * sizeof *answers);
    mqttclient_sync(plc);
    for (size_t i = 0; i < mqttclient_count(plc); i++) {
        const struct mqtt_message *m = mqttclient_message(plc, i);
        if (strcmp(m->topic, REPLY) != 0)
            continue;
        expect_json(m->payload, "status", "updated");
        uint64_t id = json_number(m->payload, "request_id");
        assert_true(id < (uint64_t)count);
        answers[id]++;
    }
}

/* The first event is that of the table. */
static void expect_each_once(struct judge *judge, struct mqttclient *sub, int count)
{
    judge_wait_seq(judge, sub, (uint64_t)count + 1);
    judge_expect_clean(judge, sub);
    assert_int_equal(judge_events(judge), count + 1);
}

static void stopped_while_commands_come(void **state)
{
    static const int versions[] = {5, 4};
    (void)state;
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        static int answers[MANY];
        struct scene s;
        scene_open(&s, NO_LIMITS, versions[v]);
        wsclient_close(scene_device(&s, "ARO-001_pc"));
        struct mqttclient *plc = plc_at(s.broker, versions[v]);
        command(plc, MANY);
        wait_answer(plc, 20);
        mqttclient_mark(s.sub);
        stop(s.agent);
        mqttclient_wait_json(s.sub, AGENT "/availability", "state", "stopped");
        agent_proc_restart(s.agent);
        wait_answer(plc, MANY - 1);
        count_answers(plc, MANY, answers);
        for (int i = 0; i < MANY;
             i++) /* a broker that missed the acknowledgement brings it again */
            if (answers[i] < 1)
                test_fail("MQTT %d: command %d was not answered", versions[v], i);
        expect_each_once(s.judge, s.sub, MANY);
        mqttclient_destroy(plc);
        scene_close(&s);
    }
}

/* What is not committed by the end is left with the broker; an answer may go under. */
static void on_a_disk_with_syncs_of(unsigned sync_ms)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    int answers[FEW];
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, NULL);
    struct broker *broker = broker_create(&(struct broker_options){.persistence = true});
    struct mqttclient *sub = scene_subscribe(broker, 5);
    struct judge *judge = judge_create("studio");
    judge_start(judge, 1);
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){
        .data = data, .broker = broker_uri(broker), .args = args, .env = faults_env(faults)});
    scene_wait_commands(broker);
    wsclient_close(wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE));
    struct mqttclient *plc = plc_at(broker, 5);
    faults_delay(faults, FAULT_SYNC, sync_ms);
    command(plc, FEW);
    wait_answer(plc, 0);
    mqttclient_mark(sub);
    stop(agent);
    mqttclient_wait_json(sub, AGENT "/availability", "state", "stopped");
    faults_clear_all(faults);
    agent_proc_restart(agent);
    expect_each_once(judge, sub, FEW);
    count_answers(plc, FEW, answers); /* none but `updated` */
    mqttclient_destroy(plc);
    agent_proc_destroy(agent);
    judge_destroy(judge);
    mqttclient_destroy(sub);
    broker_destroy(broker);
    faults_destroy(faults);
}

static void on_a_slow_disk_too(void **state)
{
    (void)state;
    on_a_disk_with_syncs_of(700);
}

/* Then the last commit is not waited for. */
static void on_one_that_takes_seconds_as_well(void **state)
{
    (void)state;
    on_a_disk_with_syncs_of(3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_while_commands_come),
        cmocka_unit_test(on_a_slow_disk_too),
        cmocka_unit_test(on_one_that_takes_seconds_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
