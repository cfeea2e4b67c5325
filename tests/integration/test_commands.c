/* test_commands.c - commands over MQTT, with a real Mosquitto (protocol section 4, Commands). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/commands_rig.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"

/* --- what they do ---------------------------------------------------------------------------- */

static void updates_and_exceptions(void **state)
{
    (void)state;
    wsclient_ask(pc, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect_json(wsclient_text(pc), "data.UPTIME", "0");
    expect_answer(SET, "{\"sdp\":\"up\",\"speed\":7}", DONE);
    const struct mqtt_message *m = mqttclient_wait_json(s.sub, TABLE "/changes", "rev", "1");
    expect_json(m->payload, "by", "plc");
    expect_json(m->payload, "via", "mqtt");
    expect_json(m->payload, "changes.SDP", "[\"standby\",\"up\"]");
    expect_json(wsclient_text(pc), "data.SDP", "up"); /* pushed like any other */
    expect_answer(SET,
                  "{\"event\":\"service_status\",\"data\":{\"idp\":\"up\"},\"request_id\":\"r\"}",
                  "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"r\"}");
    wsclient_until(pc, "data.IDP", "up");
    expect_answer(SET, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}",
                  "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    m = mqttclient_wait_json(s.sub, TABLE "/exceptions", "by", "plc");
    expect_json(m->payload, "via", "mqtt");
    expect_json(wsclient_text(pc), "event", "exception");
    expect_answer(SET, "{}", DONE); /* no update */
    expect_field("UPTIME", "2");
    expect_events(4);
}

static void one_field_as_plain_text(void **state)
{
    (void)state;
    expect_answer(SET "/SDP", "up", DONE);
    expect_answer(SET "/zCam", "up", DONE);
    expect_answer(SET "/nfc_scanner", "up", DONE);
    expect_answer(SET "/maintenance", "true", DONE);
    expect_answer(SET "/speed", "7", DONE);
    expect_answer(SET "/note", "\"a b\"", DONE);
    expect_field("SDP", "up");
    expect_field("ZCam", "up");
    expect_field("NFC_SCANNER", "up");
    expect_field("MAINTENANCE", "true");
    expect_field("speed", "7");
    expect_field("note", "a b");
    expect_answer(SET "/speed", "null", DONE);
    expect_answer(SET "/zcam", "\"up\"",
                  "{\"error\":\"Invalid value for zcam: expected one of up, down\"}");
    expect_answer(SET "/zcam", "sideways",
                  "{\"error\":\"Invalid value for zcam: expected one of up, down\"}");
    expect_answer(SET "/MAINTENANCE", "yes",
                  "{\"error\":\"Invalid value for MAINTENANCE: expected true or false\"}");
    expect_answer(SET "/note", "not JSON",
                  "{\"error\":\"Invalid value for note: expected JSON text\"}");
    expect_answer(SET "/roulete", "on",
                  "{\"error\":\"Invalid value for roulete: expected JSON text (did you mean "
                  "roulette?)\"}");
    expect_answer(SET "/1st", "1", "{\"error\":\"Invalid field name: 1st\"}");
    expect_field("UPTIME", "7");
    expect_events(8);
}

static void answers_where_they_are_wanted(void **state)
{
    (void)state;
    struct mqttclient *asker = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s.broker),
        .subscribe = "plc/answers studio/tables/+/reply/plc "
                     "studio/tables/+/status studio/tables/+/reply/x"});
    mqttclient_wait(asker, TABLE "/status", NULL, NULL);
    mqttclient_mark(asker);
    mqttclient_send(asker, &(struct mqttclient_publish){.topic = SET,
                                                        .payload = "{\"sdp\":\"up\"}",
                                                        .response_topic = "plc/answers",
                                                        .correlation = "c-1"});
    const struct mqtt_message *m = mqttclient_wait(asker, "plc/answers", NULL, NULL);
    assert_string_equal(m->payload, DONE);
    assert_string_equal(m->correlation, "c-1");
    assert_null(mqttclient_newest(asker, REPLY));
    /* Under the root only its own: anything else there would let it write as the agent. */
    static const char *const foreign[] = {TABLE "/status", TABLE "/reply/x", AGENT "/availability"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        mqttclient_mark(asker);
        mqttclient_send(asker, &(struct mqttclient_publish){.topic = SET,
                                                            .payload = "{}",
                                                            .response_topic = foreign[i],
                                                            .correlation = "c-2"});
        m = mqttclient_wait(asker, REPLY, NULL, NULL);
        assert_string_equal(m->payload, DONE);
        assert_string_equal(m->correlation, "c-2");
    }
    assert_null(mqttclient_newest(asker, TABLE "/reply/x"));
    /* Its own under the root is honoured. */
    mqttclient_mark(asker);
    mqttclient_send(
        asker, &(struct mqttclient_publish){
                   .topic = SET, .payload = "{}", .response_topic = REPLY, .correlation = "c-3"});
    assert_string_equal(mqttclient_wait(asker, REPLY, NULL, NULL)->correlation, "c-3");
    mqttclient_destroy(asker);
}

static void many_in_order(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    mqttclient_mark(plc);
    for (int i = 0; i < COUNT; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%d,\"request_id\":%d}", i, i);
        mqttclient_send(
            plc, &(struct mqttclient_publish){.topic = SET, .payload = payload, .no_wait = true});
    }
    char last[16];
    snprintf(last, sizeof last, "%d", COUNT - 1);
    mqttclient_wait_json(plc, REPLY, "request_id", last);
    int answered = 0;
    for (size_t i = 0; i < mqttclient_count(plc); i++, answered++) {
        char number[16];
        snprintf(number, sizeof number, "%d", answered);
        expect_json(mqttclient_message(plc, i)->payload, "request_id", number);
        expect_json(mqttclient_message(plc, i)->payload, "status", "updated");
    }
    assert_int_equal(answered, COUNT);
    expect_field("n", last);
    expect_events(1 + COUNT);
}

/* --- what is refused -------------------------------------------------------------------------- */

/* What there is instead, named in the refusal of an event. */
#define KNOWN                                                                                      \
    " (known are service_status, exception, subscribe, unsubscribe, get, status, remove_table)"

static void bad_input(void **state)
{
    (void)state;
    static const char services[] = "expected one of up, down, standby, calibration, exception";
    char *wrong = test_printf("{\"error\":\"Invalid value for sdp: %s\"}", services);
    expect_answer(SET, "{\"sdp\":\"sideways\"}", wrong);
    free(wrong);
    expect_answer(SET, "not JSON", "{\"error\":\"Invalid JSON format\"}");
    expect_answer(SET, "{\"a\":\"\xff\"}", "{\"error\":\"Invalid JSON format\"}");
    expect_answer(SET, "[]", "{\"error\":\"Update must be a JSON object\"}");
    expect_answer(SET, "{\"sdp\":\"up\",\"SDP\":\"up\"}", "{\"error\":\"Duplicate field: SDP\"}");
    expect_answer(SET, "{\"event\":\"dance\",\"request_id\":3}",
                  "{\"error\":\"Unknown event: dance" KNOWN "\",\"request_id\":3}");
    char *large = test_alloc(16386);
    memset(large, ' ', 16385);
    large[0] = '{';
    large[16384] = '}';
    expect_answer(SET, large, "{\"error\":\"Message too large\"}");
    large[16383] = '}';
    large[16384] = '\0';
    expect_answer(SET, large, DONE);
    free(large);
    expect_field("UPTIME", "0");
}

static void unknown_tables(void **state)
{
    (void)state;
    const struct mqtt_message *m = command_on("studio/tables/NEW-001/set/plc", "{\"sdp\":\"up\"}",
                                              "studio/tables/NEW-001/reply/plc");
    assert_string_equal(m->payload, "{\"error\":\"Unknown table: NEW-001\"}");
    expect_events(1);
}

static void tables_are_created_where_configured(void **state)
{
    (void)state;
    open_stage("[mqtt]\ncreate_tables = yes\n[limits]\ntables = 2\n", 5);
    const struct mqtt_message *m = command_on("studio/tables/NEW-001/set/plc", "{\"sdp\":\"up\"}",
                                              "studio/tables/NEW-001/reply/plc");
    assert_string_equal(m->payload, "{\"status\":\"updated\",\"table_id\":\"NEW-001\"}");
    mqttclient_wait_json(s.sub, "studio/tables/NEW-001/status", "UPTIME", "1");
    m = command_on("studio/tables/NEW-002/set/plc", "{\"sdp\":\"up\"}",
                   "studio/tables/NEW-002/reply/plc");
    assert_non_null(strstr(m->payload, "\"error\""));
    expect_events(3);
    teardown(state);
}

static void silence_on_a_shared_root(void **state)
{
    (void)state;
    open_stage("[mqtt]\nshared_root = yes\n", 5);
    mqttclient_publish(plc, "studio/tables/NEW-001/set/plc", "{\"sdp\":\"up\"}");
    expect_answer(SET, "{\"sdp\":\"up\"}", DONE); /* after it, and the first answer there is */
    mqttclient_sync(plc);
    assert_null(mqttclient_newest(plc, "studio/tables/NEW-001/reply/plc"));
    expect_events(2);
    teardown(state);
}

static void retained_commands(void **state)
{
    (void)state;
    mqttclient_mark(plc);
    mqttclient_send(plc, &(struct mqttclient_publish){
                             .topic = SET, .payload = "{\"sdp\":\"up\"}", .retain = true});
    const struct mqtt_message *m = mqttclient_wait(plc, REPLY, NULL, NULL);
    assert_string_equal(m->payload, "{\"error\":\"Retained commands are refused\"}");
    /* One that is retained meanwhile does not fire when the agent comes back. */
    agent_proc_stop(s.agent);
    mqttclient_mark(s.sub);
    mqttclient_mark(plc);
    agent_proc_restart(s.agent);
    scene_wait_online(&s);
    drop_pc();
    pc = scene_device(&s, "ARO-001_pc");
    expect_answer(SET, "{\"idp\":\"up\"}", DONE);
    expect_field("SDP", "standby");
    /* Taking it back is no command. */
    mqttclient_send(plc, &(struct mqttclient_publish){.topic = SET, .payload = "", .retain = true});
    mqttclient_mark(plc);
    expect_answer(SET, "{}", DONE);
    expect_field("UPTIME", "1");
}

static void others_are_ignored(void **state)
{
    (void)state;
    static const char *const topics[] = {
        TABLE "/set",
        TABLE "/set/-plc",
        TABLE "/set/a b",
        TABLE "/set/plc/SDP/x",
        TABLE "/set//SDP",
        "studio/tables//set/plc",
        "studio/tables/a b/set/plc",
    };
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        mqttclient_publish(plc, topics[i], "{\"sdp\":\"up\"}");
    expect_answer(SET, "{}", DONE);
    expect_field("UPTIME", "0");
}

static void the_rate_is_per_client(void **state)
{
    (void)state;
    open_stage("[limits]\nupdates_per_second = 1\nupdates_burst = 5\n", 5);
    mqttclient_mark(plc);
    for (int i = 0; i < 30; i++)
        mqttclient_send(plc, &(struct mqttclient_publish){
                                 .topic = SET, .payload = "{\"sdp\":\"up\"}", .no_wait = true});
    mqttclient_wait_payload(plc, REPLY, DONE);
    mqttclient_wait_payload(plc, REPLY, "{\"error\":\"Rate limit exceeded\"}");
    struct mqttclient *other = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s.broker), .subscribe = TABLE "/reply/plc2"});
    mqttclient_publish(other, TABLE "/set/plc2", "{\"sdp\":\"up\"}");
    mqttclient_wait_payload(other, TABLE "/reply/plc2", DONE);
    mqttclient_destroy(other);
    teardown(state);
}

/* --- removing a table ------------------------------------------------------------------------- */

static void a_table_is_removed(void **state)
{
    (void)state;
    static const char remove[] = "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}";
    scene_ask(pc, "{\"sdp\":\"up\",\"speed\":7,\"gone\":1}", "updated");
    scene_ask(pc, "{\"gone\":null}", "updated");
    struct wsclient *office =
        wsclient_connect(agent_proc_port(s.agent), "/?id=office&token=OPERATOR_TOKEN");
    wsclient_text(office);
    wsclient_send(office, remove);
    assert_non_null(strstr(wsclient_text(office), "\"error\"")); /* its device is connected */
    drop_pc();
    mqttclient_wait_json(s.sub, TABLE "/presence", "online", "false");
    wsclient_ask(office, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect_json(wsclient_text(office), "data.SDP", "up");
    wsclient_ask(office, remove, "{\"status\":\"removed\",\"table_id\":\"ARO-001\"}");
    wsclient_expect(office, "{\"event\":\"removed\",\"table_id\":\"ARO-001\"}"); /* it watched */
    const struct mqtt_message *m = mqttclient_wait_json(s.sub, TABLE "/changes", "removed", "true");
    uint64_t rev = json_number(m->payload, "rev");
    assert_int_equal(rev, 3);
    static const char *const topics[] = {TABLE "/status", TABLE "/fields/SDP",
                                         TABLE "/fields/speed", TABLE "/presence"};
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        mqttclient_wait_payload(s.sub, topics[i], "");
    expect_events(4);
    const struct mqtt_message *answer = command_on(SET, "{\"sdp\":\"up\"}", REPLY);
    assert_string_equal(answer->payload, "{\"error\":\"Unknown table: ARO-001\"}");
    /* Nothing of it is retained any more. */
    struct mqttclient *late = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(s.broker), .subscribe = TABLE "/#"});
    mqttclient_sync(late);
    assert_int_equal(mqttclient_count(late), 1); /* its own */
    mqttclient_destroy(late);
    /* It comes back as new, and its number goes on. */
    pc = scene_device(&s, "ARO-001_pc");
    wsclient_send(pc, "{\"event\":\"get\"}");
    const char *text = wsclient_text(pc);
    expect_json(text, "data.SDP", "standby");
    assert_true(json_number(text, "data.UPTIME") > rev);
    assert_null(strstr(text, "speed"));
    scene_ask(pc, "{\"sdp\":\"up\"}", "updated");
    mqttclient_wait_json(s.sub, TABLE "/status", "SDP", "up");
    judge_wait_seq(s.judge, s.sub, 6);
    judge_expect_clean(s.judge, s.sub);
    wsclient_close(office);
}

int main(void)
{
    static int five = 5, four = 4;
    const struct CMUnitTest tests[] = {
        STAGED_AS(updates_and_exceptions, &five),
        STAGED_AS(updates_and_exceptions, &four),
        STAGED_AS(one_field_as_plain_text, &five),
        STAGED_AS(one_field_as_plain_text, &four),
        STAGED(answers_where_they_are_wanted),
        STAGED(many_in_order),
        STAGED(bad_input),
        STAGED(unknown_tables),
        cmocka_unit_test(tables_are_created_where_configured),
        cmocka_unit_test(silence_on_a_shared_root),
        STAGED(retained_commands),
        STAGED(others_are_ignored),
        cmocka_unit_test(the_rate_is_per_client),
        STAGED(a_table_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
