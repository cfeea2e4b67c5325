/* test_acl.c - the access list of compose/: a device cannot speak in another's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"
#include "support/tmpdir.h"

/* As in compose/setup. */
static const struct broker_user users[] = {{"agent", "agent-pw"},
                                           {"backoffice", "office-pw"},
                                           {"plc1", "plc1-pw"},
                                           {"plc2", "plc2-pw"},
                                           {NULL, NULL}};

static struct broker *broker;
static struct agent_proc *agent;
static struct wsclient *pc;
static struct mqttclient *office;

static struct mqttclient *login(const char *name, const char *password, const char *subscribe)
{
    return mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                          .username = name,
                                                          .password = password,
                                                          .subscribe = subscribe});
}

static int setup(void **state)
{
    (void)state;
    const char *source = getenv("STUDIO_SOURCE");
    assert_non_null(source);
    char *acl = tmpdir_read(tmpdir_path(source, "compose/acl"), NULL);
    assert_non_null(acl);
    /* The tools of the tests talk to themselves to know that all has arrived. */
    char *whole = test_printf("%s\npattern readwrite test-sync/#\n", acl);
    broker = broker_create(&(struct broker_options){.users = users, .acl = whole});
    free(whole);
    free(acl);
    const char *password = tmpdir_write(tmpdir_create(), "password", 0600, "agent-pw\n");
    char *config = test_printf("[mqtt]\nusername = agent\npassword_file = %s\n", password);
    office = login("backoffice", "office-pw", "studio/#");
    agent = scene_agent(broker_uri(broker), config);
    free(config);
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    pc = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wsclient_close(pc);
    agent_proc_destroy(agent);
    mqttclient_destroy(office);
    broker_destroy(broker);
    return 0;
}

/* The broker lets this user publish there. With a connection of its own each time: this Mosquitto
 * cuts the connection of who is refused. */
static bool may_write(const char *name, const char *password, const char *topic,
                      const char *payload)
{
    struct mqttclient *c = login(name, password, NULL);
    int reason =
        mqttclient_send(c, &(struct mqttclient_publish){.topic = topic, .payload = payload});
    mqttclient_destroy(c);
    assert_true(reason < 128 || reason == 0x87);
    return reason < 128;
}

static void the_agent_can_do_its_work(void **state)
{
    (void)state;
    mqttclient_wait_json(office, AGENT "/availability", "state", "online");
    mqttclient_wait_json(office, AGENT "/info", "protocol", "1");
    mqttclient_wait(office, AGENT "/health", NULL, NULL);
    scene_ask(pc, "{\"sdp\":\"up\",\"speed\":7}", "updated");
    scene_ask(pc, "{\"event\":\"exception\",\"data\":\"X\"}", "received");
    mqttclient_wait_json(office, TABLE "/status", "SDP", "up");
    mqttclient_wait_payload(office, TABLE "/fields/speed", "7");
    mqttclient_wait_json(office, TABLE "/changes", "rev", "1");
    mqttclient_wait_json(office, TABLE "/exceptions", "data", "X");
    mqttclient_wait_json(office, TABLE "/presence", "count", "1");
}

static void a_device_only_in_its_own_name(void **state)
{
    (void)state;
    struct mqttclient *plc1 = login("plc1", "plc1-pw", TABLE "/reply/plc1");
    assert_true(may_write("plc1", "plc1-pw", TABLE "/set/plc1", "{\"sdp\":\"up\"}"));
    mqttclient_wait_payload(plc1, TABLE "/reply/plc1",
                            "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_true(may_write("plc1", "plc1-pw", TABLE "/set/plc1/IDP", "up"));
    expect_json(mqttclient_wait_json(office, TABLE "/changes", "rev", "2")->payload, "by", "plc1");
    static const char *const foreign[] = {
        TABLE "/set/plc2",    TABLE "/set/plc2/SDP",  TABLE "/set/agent",  TABLE "/status",
        TABLE "/fields/SDP",  TABLE "/changes",       TABLE "/exceptions", TABLE "/presence",
        TABLE "/reply/plc1",  AGENT "/availability",  AGENT "/info",       AGENT "/health",
        AGENT "/replay/plc2", AGENT "/replayed/plc1",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (may_write("plc1", "plc1-pw", foreign[i], "{\"sdp\":\"down\"}"))
            test_fail("plc1 may write to %s", foreign[i]);
    }
    wsclient_send(pc, "{\"event\":\"get\"}");
    const char *text = wsclient_text(pc);
    expect_json(text, "data.SDP", "up");
    expect_json(text, "data.UPTIME", "2");
    mqttclient_destroy(plc1);
}

static void what_a_device_may_see(void **state)
{
    (void)state;
    struct wsclient *other = wsclient_login(agent_proc_port(agent), "ARO-002_pc", TOKEN_DEVICE);
    scene_ask(other, "{\"sdp\":\"up\"}", "updated");
    scene_ask(pc, "{\"sdp\":\"up\"}", "updated");
    mqttclient_wait_json(office, TABLE "/status", "SDP", "up");
    mqttclient_wait_json(office, "studio/tables/ARO-002/status", "SDP", "up");
    /* Mosquitto lets it subscribe to anything and sends only what it may read. */
    struct mqttclient *plc1 = login("plc1", "plc1-pw", "studio/#");
    mqttclient_wait_json(plc1, TABLE "/status", "SDP", "up");
    mqttclient_wait_payload(plc1, TABLE "/fields/SDP", "up");
    mqttclient_wait_json(plc1, AGENT "/availability", "state", "online");
    scene_ask(other, "{\"idp\":\"up\"}", "updated");
    mqttclient_wait_json(office, "studio/tables/ARO-002/status", "IDP", "up");
    mqttclient_sync(plc1);
    for (size_t i = 0; i < mqttclient_count(plc1); i++) {
        const char *topic = mqttclient_message(plc1, i)->topic;
        if (strstr(topic, "ARO-002") || strstr(topic, "/set/") || strstr(topic, "/changes"))
            test_fail("plc1 was sent %s", topic);
    }
    mqttclient_destroy(plc1);
    wsclient_close(other);
}

static void the_back_office_sees_and_does_not_set(void **state)
{
    (void)state;
    scene_ask(pc, "{\"sdp\":\"up\"}", "updated");
    mqttclient_wait_json(office, TABLE "/changes", "rev", "1");
    assert_false(may_write("backoffice", "office-pw", TABLE "/set/plc1", "{\"sdp\":\"down\"}"));
    assert_false(may_write("backoffice", "office-pw", TABLE "/status", "{}"));
    mqttclient_mark(office);
    assert_true(
        may_write("backoffice", "office-pw", AGENT "/replay/backoffice", "{\"from_seq\":1}"));
    assert_string_equal(
        mqttclient_wait_json(office, AGENT "/replayed/backoffice", "end", "true")->payload,
        "{\"end\":true,\"count\":2}");
}

static void nobody_without_a_login(void **state)
{
    (void)state;
    uint16_t port = broker_port(broker);
    assert_int_not_equal(mqttclient_try(&(struct mqttclient_options){.port = port}), 0);
    assert_int_not_equal(mqttclient_try(&(struct mqttclient_options){
                             .port = port, .username = "plc1", .password = "plc2-pw"}),
                         0);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(the_agent_can_do_its_work), STAGED(a_device_only_in_its_own_name),
        STAGED(what_a_device_may_see),     STAGED(the_back_office_sees_and_does_not_set),
        STAGED(nobody_without_a_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
