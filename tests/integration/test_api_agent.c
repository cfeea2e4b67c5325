/* test_api_agent.c - info and health over HTTP (protocol section 5). */
#include "integration/api_rig.h"
#include "support/scene.h"

/* What the agent says of itself; free(). */
static char *about(void)
{
    struct http_answer answer = api_ask(VIEWER, "GET", "/api/v1/agent", NULL, NULL);
    char *body;

    api_check(&answer, "/api/v1/agent", 200, NULL);
    body = test_printf("%s", answer.body);
    http_answer_finish(&answer);
    return body;
}

static void as_on_mqtt(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, NULL, 5);
    port = agent_proc_port(s.agent);
    struct wsclient *pc = scene_device(&s, "ARO-001_pc");
    scene_updates(pc, 10);
    char *body = about();
    char *info = json_at(body, "info");
    const struct mqtt_message *m = mqttclient_wait_json(s.sub, AGENT "/info", "protocol", "1");
    /* As it was published, but for the order of its members. */
    static const char *const members[] = {"version", "agent",  "epoch",
                                          "started", "fields", "limits"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char *value = json_at(m->payload, members[i]);
        expect_json(info, members[i], value);
        free(value);
    }
    free(info);
    expect_json(body, "health.seq.committed", "11");
    expect_json(body, "health.tables", "1");
    expect_json(body, "health.clients", "1");
    expect_json(body, "health.updates", "10");
    expect_json(body, "health.uncarried", "[]");
    expect_json(body, "health.broker", broker_uri(s.broker));
    expect_json(body, "health.commands", "on");
    free(body);
    /* What no broker has acknowledged waits, and is told. */
    broker_stop(s.broker);
    scene_updates(pc, 5);
    body = about();
    expect_json(body, "health.seq.committed", "16");
    assert_int_equal(json_number(body, "health.backlog.events"),
                     16 - json_number(body, "health.seq.acked"));
    assert_true(json_number(body, "health.backlog.events") >= 5);
    free(body);
    broker_start(s.broker);
    wsclient_close(pc);
    scene_close(&s);
}

static void without_a_broker(void **state)
{
    (void)state;
    struct agent_proc *alone = agent_proc_start(NULL);
    port = agent_proc_port(alone);
    api_make_table("ARO-001");
    char *body = about();
    expect_json(body, "info.protocol", "1");
    expect_json(body, "info.limits.message_bytes", "16384");
    expect_json(body, "health.seq", "{\"committed\":1,\"acked\":1}");
    expect_json(body, "health.backlog", "{\"events\":0,\"oldest_s\":0}");
    expect_json(body, "health.broker", "");
    expect_json(body, "health.commands", "off");
    expect_json(body, "health.store", "{\"writable\":true}");
    free(body);
    api_expect(NULL, "GET", "/api/v1/agent", NULL, 401, NULL);
    api_expect(VIEWER, "GET", "/api/v1/agent?x=1", NULL, 400, NULL);
    agent_proc_destroy(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_on_mqtt),
        cmocka_unit_test(without_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
