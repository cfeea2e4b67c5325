/* test_commands_again.c - a command is carried out once, also over crashes, and waits for an agent that is away (protocol
 * section 4, Commands). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/commands_rig.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"

static void restart(bool kill_it)
{
    drop_pc();
    mqttclient_mark(s.sub);
    if (kill_it)
        agent_proc_kill(s.agent);
    else
        agent_proc_stop(s.agent);
    agent_proc_restart(s.agent);
    pc = scene_device(&s, "ARO-001_pc");
    mqttclient_wait_json(s.sub, AGENT "/availability", "state", "online");
}

static bool has_correlation(void *ctx, const struct mqtt_message *m)
{
    return m->correlation && strcmp(m->correlation, ctx) == 0;
}

/* As expect_answer, where the agent has been killed before: a command it had carried out may be
 * answered again, and the correlation tells that answer from the one to this command. */
static void expect_own_answer(const char *payload, const char *answer)
{
    static unsigned sent;
    char *correlation = test_printf("own-%u", ++sent);
    mqttclient_mark(plc);
    assert_int_equal(mqttclient_send(plc, &(struct mqttclient_publish){.topic = SET,
                                                                       .payload = payload,
                                                                       .response_topic = REPLY,
                                                                       .correlation = correlation}),
                     0);
    const struct mqtt_message *m = mqttclient_wait(plc, REPLY, has_correlation, correlation);
    if (strcmp(m->payload, answer) != 0)
        test_fail("%s was answered %s, not %s", payload, m->payload, answer);
    assert_false(m->retain);
    free(correlation);
}

static void a_request_is_applied_once(void **state)
{
    (void)state;
    static const char again[] = "{\"n\":1,\"request_id\":\"a\"}";
    static const char answer[] =
        "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"a\"}";
    expect_own_answer(again, answer);
    expect_own_answer(again, answer);
    expect_own_answer("{\"n\":2}", DONE);
    for (int i = 0; i < 4; i++) {
        expect_own_answer(again, answer);
        expect_field("UPTIME", "2");
        expect_field("n", "2");
        restart(i % 2);
    }
    expect_own_answer("{\"n\":3,\"request_id\":\"a\"}",
                      "{\"error\":\"request_id already used\",\"request_id\":\"a\"}");
    /* Another client's, and an exception's, are others. */
    struct mqttclient *other = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s.broker), .subscribe = TABLE "/reply/plc2"});
    mqttclient_publish(other, TABLE "/set/plc2", again);
    mqttclient_wait_payload(other, TABLE "/reply/plc2", answer);
    mqttclient_destroy(other);
    static const char exception[] = "{\"event\":\"exception\",\"data\":\"X\",\"request_id\":7}";
    for (int i = 0; i < 2; i++)
        expect_own_answer(exception,
                          "{\"status\":\"received\",\"table_id\":\"ARO-001\",\"request_id\":7}");
    expect_field("UPTIME", "3");
    expect_events(5);
    /* A refused one is not remembered: it may be tried again. */
    expect_own_answer("{\"zcam\":\"no\",\"request_id\":8}",
                      "{\"error\":\"Invalid value for zcam: expected one of up, down\","
                      "\"request_id\":8}");
    expect_own_answer("{\"zcam\":\"up\",\"request_id\":8}",
                      "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":8}");
}

static void killed_while_commands_come(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    open_stage(NO_LIMITS, 5);
    mqttclient_mark(plc);
    for (int i = 0; i < COUNT; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%d,\"request_id\":%d}", i, i);
        mqttclient_send(plc, &(struct mqttclient_publish){
                                 .topic = SET, .payload = payload, .no_wait = i % 100 != 50});
        if (i % 100 == 50)
            restart(true);
    }
    /* Each is carried out once and in order, whatever was under way when it died. */
    char last[16];
    snprintf(last, sizeof last, "%d", COUNT - 1);
    mqttclient_wait_json(plc, REPLY, "request_id", last);
    expect_field("UPTIME", "400");
    expect_events(1 + COUNT);
    int n = 0;
    for (size_t i = 0; i < mqttclient_count(s.sub); i++) {
        const struct mqtt_message *m = mqttclient_message(s.sub, i);
        char want[16];
        if (strcmp(m->topic, TABLE "/changes") != 0 || !json_is(m->payload, "via", "mqtt"))
            continue;
        snprintf(want, sizeof want, "%d", n);
        if (json_is(m->payload, "changes.n.1", want))
            n++;
    }
    assert_int_equal(n, COUNT);
    teardown(state);
}

static void received_but_not_committed(void **state)
{
    (void)state;
    /* It stands still while the broker hands it the command, and never gets to read it. */
    proc_signal(agent_proc_proc(s.agent), SIGSTOP);
    mqttclient_publish(plc, SET, "{\"sdp\":\"up\"}");
    mqttclient_sync(plc);
    mqttclient_mark(plc);
    restart(true);
    assert_string_equal(mqttclient_wait(plc, REPLY, NULL, NULL)->payload, DONE);
    expect_field("SDP", "up");
}

static void commands_wait_for_the_agent(void **state)
{
    const int *version = *state;
    /* With request ids, as what the broker has not read of the acknowledgements when the agent is
     * killed comes again. */
    for (int round = 0; round < 2; round++) {
        char payload[64], last[16];
        drop_pc();
        if (round == 0)
            agent_proc_stop(s.agent);
        else
            agent_proc_kill(s.agent);
        mqttclient_mark(plc);
        for (int i = 0; i < 20; i++) {
            snprintf(payload, sizeof payload, "{\"n\":%d,\"request_id\":%d}", round * 100 + i,
                     round * 100 + i);
            mqttclient_publish(plc, SET, payload);
        }
        if (*version == 5) { /* this one is too old when the agent is back */
            mqttclient_send(plc, &(struct mqttclient_publish){
                                     .topic = SET, .payload = "{\"idp\":\"up\"}", .expiry_s = 1});
            assert_null(mqttclient_poll(plc, "nothing/comes", NULL, NULL, 2100));
        }
        snprintf(last, sizeof last, "last-%d", round);
        snprintf(payload, sizeof payload, "{\"sdp\":\"up\",\"request_id\":\"%s\"}", last);
        mqttclient_publish(plc, SET, payload);
        agent_proc_restart(s.agent);
        mqttclient_wait_json(plc, REPLY, "request_id", last);
        pc = scene_device(&s, "ARO-001_pc");
        expect_field("n", round == 0 ? "19" : "119");
        expect_field("IDP", "standby");
        expect_field("UPTIME", round == 0 ? "21" : "42");
    }
    expect_events(43);
}

int main(void)
{
    static int five = 5, four = 4;
    const struct CMUnitTest tests[] = {
        STAGED(a_request_is_applied_once),
        cmocka_unit_test(killed_while_commands_come),
        STAGED(received_but_not_committed),
        STAGED_AS(commands_wait_for_the_agent, &five),
        STAGED_AS(commands_wait_for_the_agent, &four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
