/* test_mirror.c - what reaches MQTT, with a real Mosquitto (protocol section 4, outbound). */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fields.h"
#include "support/pgserver.h"
#include "support/scene.h"
#include "support/storedir.h"
#include "support/tmpdir.h"

/* --- contents -------------------------------------------------------------------------------- */

static void an_update_in_all_its_topics(void **state)
{
    const int *version = *state;
    struct scene s;
    scene_open(&s, NULL, *version);
    struct wsclient *c = scene_device(&s, "ARO-001_dealer+PC");
    scene_ask(c, "{\"sdp\":\"up\",\"maintenance\":true,\"speed\":7,\"note\":\"a b\"}", "updated");
    scene_ask(c, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}", "received");

    const struct mqtt_message *m = mqttclient_wait_json(s.sub, TABLE "/changes", "rev", "0");
    assert_false(m->retain);
    assert_int_equal(m->qos, 1);
    expect_json(m->payload, "seq", "1");
    char *first = test_printf("{%s}", fields(FIELDS_CHANGES, ""));
    expect_json(m->payload, "changes", first);
    free(first);
    m = mqttclient_wait_json(s.sub, TABLE "/changes", "rev", "1");
    char *epoch = json_at(m->payload, "epoch"), *ts = json_at(m->payload, "ts");
    char *head = test_printf("{\"seq\":2,\"epoch\":\"%s\",\"table_id\":\"ARO-001\",\"rev\":1,"
                             "\"ts\":\"%s\",\"by\":\"ARO-001_dealer PC\",\"via\":\"websocket\","
                             "\"changes\":{",
                             epoch, ts);
    assert_ptr_equal(strstr(m->payload, head), m->payload);
    free(head);
    char *changes = json_at(m->payload, "changes");
    expect_json(changes, "SDP", "[\"standby\",\"up\"]");
    expect_json(changes, "speed", "[null,7]");
    if (*version == 5) {
        assert_string_equal(m->content_type, "application/json");
        assert_int_equal(m->payload_format, 1);
        assert_string_equal(m->user_agent, "edge-1");
        assert_string_equal(m->user_epoch, epoch);
        assert_string_equal(m->user_seq, "2");
    }
    m = mqttclient_wait_json(s.sub, TABLE "/exceptions", "data", "NO BALL DETECT");
    expect_json(m->payload, "seq", "3");
    expect_json(m->payload, "by", "ARO-001_dealer PC");
    assert_false(json_is(m->payload, "rev", "1"));

    mqttclient_wait_json(s.sub, TABLE "/status", "UPTIME", "1");
    mqttclient_wait_payload(s.sub, TABLE "/fields/SDP", "up");
    mqttclient_wait_payload(s.sub, TABLE "/fields/MAINTENANCE", "true");
    mqttclient_wait_payload(s.sub, TABLE "/fields/ZCam", "down");
    mqttclient_wait_payload(s.sub, TABLE "/fields/speed", "7");
    mqttclient_wait_payload(s.sub, TABLE "/fields/note", "\"a b\"");

    /* Retained: who comes later sees the document as WebSocket shows it. */
    wsclient_send(c, "{\"event\":\"get\"}");
    char *document = json_at(wsclient_text(c), "data");
    struct mqttclient *late = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s.broker), .version = *version, .subscribe = TABLE "/#"});
    m = mqttclient_wait(late, TABLE "/status", NULL, NULL);
    assert_string_equal(m->payload, document);
    assert_true(m->retain);
    mqttclient_wait_payload(late, TABLE "/fields/speed", "7");
    mqttclient_sync(late);
    assert_null(mqttclient_newest(late, TABLE "/changes"));
    mqttclient_destroy(late);
    judge_wait_seq(s.judge, s.sub, 3);
    judge_expect_clean(s.judge, s.sub);
    free(document);
    free(changes);
    free(epoch);
    free(ts);
    wsclient_close(c);
    scene_close(&s);
}

static void a_removed_custom_field_is_cleared(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NULL, 5);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    scene_ask(c, "{\"speed\":7}", "updated");
    mqttclient_wait_payload(s.sub, TABLE "/fields/speed", "7");
    scene_ask(c, "{\"speed\":null}", "updated");
    mqttclient_wait_payload(s.sub, TABLE "/fields/speed", "");
    expect_json(mqttclient_wait_json(s.sub, TABLE "/changes", "rev", "2")->payload, "changes",
                "{\"speed\":[7,null]}");
    wsclient_close(c);
    judge_wait_seq(s.judge, s.sub, 3);
    judge_expect_clean(s.judge, s.sub);
    scene_close(&s);
}

/* How many names of removed fields the agent keeps, seen in a copy: nobody else may open its store. */
static int names_kept(const struct scene *s)
{
    if (pgserver_wanted())
        return (int)pgserver_count(pgserver_shared(), pgserver_schema(agent_proc_data(s->agent)),
                                   "SELECT count(*) FROM studio_cleared");
    sqlite3 *db;
    sqlite3_stmt *stmt;
    const char *copy = tmpdir_create();
    struct storedir_files files = storedir_read_live(agent_proc_data(s->agent));
    storedir_write(copy, &files);
    storedir_finish(&files);
    assert_int_equal(sqlite3_open(tmpdir_path(copy, "studio.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM cleared", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* The broker retains the built-in fields, and no other. */
static void expect_no_custom_field(const struct scene *s)
{
    struct mqttclient *late = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(s->broker), .subscribe = TABLE "/#"});
    mqttclient_wait_payload(late, TABLE "/fields/SDP", "standby");
    mqttclient_sync(late);
    for (size_t i = 0; i < mqttclient_count(late); i++) {
        const struct mqtt_message *m = mqttclient_message(late, i);
        if (m->retain) /* not a clearing that comes just now */
            assert_null(strstr(m->topic, "/fields/name"));
    }
    mqttclient_destroy(late);
}

/* One client that adds and removes new names without end; most come and go between two rounds. */
static void names_of_removed_fields_are_not_kept_for_ever(void **state)
{
    enum { NAMES = 200, KEPT = 32 };
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    char message[64], topic[64];
    for (int i = 0; i < NAMES; i++) {
        snprintf(message, sizeof message, "{\"name%d\":1}", i);
        scene_ask(c, message, "updated");
        snprintf(topic, sizeof topic, TABLE "/fields/name%d", i);
        if (i % 20 == 0)
            mqttclient_wait_payload(s.sub, topic, "1");
        snprintf(message, sizeof message, "{\"name%d\":null}", i);
        scene_ask(c, message, "updated");
        if (i % 20 == 0)
            mqttclient_wait_payload(s.sub, topic, "");
    }
    mqttclient_wait_json(s.sub, TABLE "/status", "UPTIME", "400");
    int64_t deadline = now_ms() + WAIT_MS;
    while (names_kept(&s) > KEPT) {
        assert_true(now_ms() < deadline);
        mqttclient_sync(s.sub);
    }
    assert_int_equal(names_kept(&s), KEPT);
    expect_no_custom_field(&s);
    wsclient_close(c);
    agent_proc_stop(s.agent);
    mqttclient_mark(s.sub);
    agent_proc_restart(s.agent);
    scene_wait_online(&s);
    mqttclient_wait_payload(s.sub, TABLE "/fields/name199", ""); /* the newest again */
    expect_no_custom_field(&s);
    assert_int_equal(names_kept(&s), KEPT);
    judge_wait_seq(s.judge, s.sub, 2 * NAMES + 1);
    judge_expect_clean(s.judge, s.sub);
    scene_close(&s);
}

/* --- the agent's own topics ------------------------------------------------------------------ */

static void availability_info_and_health(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NULL, 5);
    const struct mqtt_message *m =
        mqttclient_wait_json(s.sub, AGENT "/availability", "state", "online");
    expect_json(m->payload, "boot", "1");
    char *epoch = json_at(m->payload, "epoch");
    uint64_t conn = json_number(m->payload, "conn");
    m = mqttclient_wait_json(s.sub, AGENT "/info", "protocol", "1");
    expect_json(m->payload, "epoch", epoch);
    assert_non_null(strstr(m->payload, "\"version\""));
    assert_non_null(strstr(m->payload, "calibration"));
    m = mqttclient_wait(s.sub, AGENT "/health", NULL, NULL);
    assert_true(m->expiry_s > 0 && m->expiry_s <= 30);
    static const char *const words[] = {"\"ts\"",  "\"seq\"",     "backlog", "parked",  "tables",
                                        "clients", "subscribers", "updates", "refused", "broker"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strstr(m->payload, words[i]))
            test_fail("health says nothing of %s: %s", words[i], m->payload);
    }
    mqttclient_mark(s.sub);
    agent_proc_stop(s.agent);
    m = mqttclient_wait_json(s.sub, AGENT "/availability", "state", "stopped");
    expect_json(m->payload, "boot", "1");
    assert_int_equal(json_number(m->payload, "conn"), conn);
    agent_proc_restart(s.agent);
    m = mqttclient_wait_json(s.sub, AGENT "/availability", "state", "online");
    expect_json(m->payload, "boot", "2");
    expect_json(m->payload, "epoch", epoch);
    agent_proc_kill(s.agent);
    m = mqttclient_wait_json(s.sub, AGENT "/availability", "state", "lost");
    expect_json(m->payload, "boot", "2");
    agent_proc_restart(s.agent);
    mqttclient_wait_json(s.sub, AGENT "/availability", "boot", "3");
    free(epoch);
    scene_close(&s);
}

static void somebody_else_says_offline(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NULL, 5);
    mqttclient_wait_json(s.sub, AGENT "/availability", "state", "online");
    mqttclient_mark(s.sub);
    mqttclient_send(s.sub, &(struct mqttclient_publish){.topic = AGENT "/availability",
                                                        .payload = "{\"state\":\"lost\"}",
                                                        .retain = true});
    mqttclient_wait_json(s.sub, AGENT "/availability", "state", "online");
    scene_close(&s);
}

/* --- brokers that come and go ---------------------------------------------------------------- */

static void a_broker_that_comes_later(void **state)
{
    (void)state;
    struct scene s = {.broker = broker_create(&(struct broker_options){.persistence = true})};
    s.judge = judge_create("studio");
    judge_start(s.judge, 1);
    s.sub = scene_subscribe(s.broker, 5);
    broker_stop(s.broker); /* it keeps the subscription */
    s.agent = scene_agent(broker_uri(s.broker), NO_LIMITS);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    scene_updates(c, 500);
    broker_start(s.broker);
    scene_updates(c, 500);
    judge_wait_seq(s.judge, s.sub, 1001);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), 1001);
    /* And once more, over a restart of the agent. */
    broker_stop(s.broker);
    scene_updates(c, 10);
    wsclient_drop(c);
    agent_proc_kill(s.agent);
    agent_proc_restart(s.agent);
    broker_start(s.broker);
    judge_wait_seq(s.judge, s.sub, 1011);
    judge_expect_clean(s.judge, s.sub);
    scene_close(&s);
}

static void a_broker_restarted_under_load(void **state)
{
    (void)state;
    enum { DEVICES = 4 };
    struct scene s;
    struct wsclient *c[DEVICES];
    scene_open(&s, NO_LIMITS, 5);
    for (int i = 0; i < DEVICES; i++) {
        char id[32];
        snprintf(id, sizeof id, "LOAD-%d_pc", i);
        c[i] = scene_device(&s, id);
    }
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < DEVICES; i++)
            scene_updates(c[i], 100);
        if (round % 4 == 1)
            broker_stop(s.broker);
        if (round % 4 == 3)
            broker_start(s.broker);
    }
    judge_wait_seq(s.judge, s.sub, DEVICES * (1 + 12 * 100));
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), DEVICES * (1 + 12 * 100));
    for (int i = 0; i < DEVICES; i++)
        wsclient_close(c[i]);
    scene_close(&s);
}

static void an_agent_killed_under_load(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    uint64_t seq = 0;
    for (int round = 0; round < 4; round++) {
        struct wsclient *c = scene_device(&s, "ARO-001_pc");
        for (int i = 0; i < 300; i++)
            wsclient_queue(c, "{\"sdp\":\"up\"}");
        wsclient_flush(c);
        for (int i = 0; i < 200; i++)
            wsclient_text(c);
        agent_proc_kill(s.agent);
        wsclient_drop(c);
        seq += 200;
        agent_proc_restart(s.agent);
    }
    struct wsclient *c =
        wsclient_connect(agent_proc_port(s.agent), "/?id=ARO-001_pc&token=MY_TOKEN");
    seq = 1 + json_number(wsclient_text(c), "UPTIME"); /* the creation is no update */
    assert_true(seq >= 801);
    judge_wait_seq(s.judge, s.sub, seq);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), seq);
    wsclient_close(c);
    scene_close(&s);
}

static void what_a_broker_forgot_is_published_again(void **state)
{
    (void)state;
    struct broker *broker = broker_create(NULL); /* keeps nothing */
    struct agent_proc *agent = scene_agent(broker_uri(broker), NULL);
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    struct mqttclient *sub = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker), .subscribe = "studio/#"});
    scene_ask(c, "{\"sdp\":\"up\",\"speed\":7}", "updated");
    mqttclient_wait_payload(sub, TABLE "/fields/SDP", "up");
    mqttclient_destroy(sub);
    broker_kill(broker);
    broker_start(broker);
    sub = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker), .subscribe = "studio/#"});
    mqttclient_wait_json(sub, AGENT "/availability", "state", "online");
    mqttclient_wait_json(sub, AGENT "/info", "protocol", "1");
    mqttclient_wait_json(sub, TABLE "/status", "SDP", "up");
    mqttclient_wait_payload(sub, TABLE "/fields/SDP", "up");
    mqttclient_wait_payload(sub, TABLE "/fields/speed", "7");
    mqttclient_destroy(sub);
    wsclient_close(c);
    agent_proc_destroy(agent);
    broker_destroy(broker);
}

static void status_is_conflated(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    int64_t start = now_ms();
    scene_updates(c, 3000);
    judge_wait_seq(s.judge, s.sub, 3001);
    mqttclient_wait_json(s.sub, TABLE "/status", "UPTIME", "3000");
    int64_t took = now_ms() - start;
    judge_expect_clean(s.judge, s.sub);
    size_t published = 0;
    for (size_t i = 0; i < mqttclient_count(s.sub); i++)
        published += strcmp(mqttclient_message(s.sub, i)->topic, TABLE "/status") == 0;
    /* At most one in 100 ms, the first at once; some more where a pause fell between. */
    assert_true((int64_t)published <= took / 100 + 3);
    wsclient_close(c);
    scene_close(&s);
}

static void the_log_says_each_once(void **state)
{
    (void)state;
    struct broker *broker = broker_create(&(struct broker_options){.not_started = true});
    struct agent_proc *agent = scene_agent(broker_uri(broker), NULL);
    struct proc *p = agent_proc_proc(agent);
    free(proc_wait_line(p, PROC_STDERR, "bridge", WAIT_MS));
    broker_start(broker);
    free(proc_wait_line(p, PROC_STDERR, " connected", WAIT_MS));
    proc_stop(p, WAIT_MS);
    char *log = proc_output(p, PROC_STDERR);
    size_t lines = 0;
    for (const char *at = log; (at = strstr(at, " bridge: ")); at++)
        lines++;
    assert_true(lines <= 6);
    free(log);
    agent_proc_destroy(agent);
    broker_destroy(broker);
}

/* --- logins ---------------------------------------------------------------------------------- */

static void with_a_login(void **state)
{
    (void)state;
    static const struct broker_user users[] = {
        {"edge-1", "right"}, {"office", "office"}, {NULL, NULL}};
    struct broker *broker = broker_create(&(struct broker_options){.users = users});
    const char *dir = tmpdir_create();
    const char *file = tmpdir_write(dir, "password", 0600, "right\n");
    char *config = test_printf("[mqtt]\nusername = edge-1\npassword_file = %s\n", file);
    struct agent_proc *agent = scene_agent(broker_uri(broker), config);
    struct mqttclient *sub =
        mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                       .username = "office",
                                                       .password = "office",
                                                       .subscribe = "studio/#"});
    mqttclient_wait_json(sub, AGENT "/availability", "state", "online");
    agent_proc_destroy(agent);
    free(config);

    /* Refused: it says so and serves on. */
    config = test_printf("[mqtt]\nusername = edge-1\n");
    const char *env[] = {"STUDIO_MQTT_PASSWORD=wrong", NULL};
    agent = agent_proc_start(
        &(struct agent_options){.broker = broker_uri(broker), .config = config, .env = env});
    char *line = proc_wait_line(agent_proc_proc(agent), PROC_STDERR, "credentials", WAIT_MS);
    assert_null(strstr(line, "wrong"));
    free(line);
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    scene_ask(c, "{\"sdp\":\"up\"}", "updated");
    wsclient_close(c);
    agent_proc_destroy(agent);
    free(config);
    mqttclient_destroy(sub);
    broker_destroy(broker);
}

/* For brokers that cannot carry a '.' in a name: written %2E in topics, as it is everywhere else. */
static void names_escaped_in_topics(void **state)
{
    (void)state;
    static const char set[] = "studio/tables/ARO%2E7/set/plc%2E1/x%2Ey";
    static const char reply[] = "studio/tables/ARO%2E7/reply/plc%2E1";
    struct scene s;
    const struct mqtt_message *m;

    scene_open(&s, "[mqtt]\ntopic_escape = yes\ncreate_tables = yes\n", 5);
    mqttclient_publish(s.sub, set, "1");
    mqttclient_wait_payload(s.sub, reply, "{\"status\":\"updated\",\"table_id\":\"ARO.7\"}");
    m = mqttclient_wait_json(s.sub, "studio/tables/ARO%2E7/changes", "rev", "1");
    expect_json(m->payload, "by", "plc.1");
    expect_json(m->payload, "table_id", "ARO.7");
    mqttclient_wait_payload(s.sub, "studio/tables/ARO%2E7/fields/x%2Ey", "1");
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, "studio/tables/ARO.7/set/plc.1", "{\"sdp\":\"up\"}");
    mqttclient_wait(s.sub, reply, NULL, NULL); /* not escaped it is taken, too */
    mqttclient_wait_payload(s.sub, "studio/tables/ARO%2E7/fields/SDP", "up");
    scene_close(&s);
}

static void another_topic_root(void **state)
{
    (void)state;
    struct broker *broker = broker_create(NULL);
    const char *args[] = {"--agent-id", "edge-1", "--topic-root", "casino/east", NULL};
    struct mqttclient *sub = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker), .subscribe = "#"});
    struct agent_proc *agent =
        agent_proc_start(&(struct agent_options){.broker = broker_uri(broker), .args = args});
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    struct judge *judge = judge_create("casino/east");
    scene_ask(c, "{\"sdp\":\"up\"}", "updated");
    judge_wait_seq(judge, sub, 2);
    mqttclient_wait_json(sub, "casino/east/tables/ARO-001/status", "SDP", "up");
    mqttclient_wait_json(sub, "casino/east/agents/edge-1/availability", "state", "online");
    judge_expect_clean(judge, sub);
    for (size_t i = 0; i < mqttclient_count(sub); i++)
        assert_int_not_equal(strncmp(mqttclient_message(sub, i)->topic, "studio/", 7), 0);
    judge_destroy(judge);
    wsclient_close(c);
    agent_proc_destroy(agent);
    mqttclient_destroy(sub);
    broker_destroy(broker);
}

int main(void)
{
    static int five = 5, four = 4;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(an_update_in_all_its_topics, &five),
        cmocka_unit_test_prestate(an_update_in_all_its_topics, &four),
        cmocka_unit_test(a_removed_custom_field_is_cleared),
        cmocka_unit_test(names_of_removed_fields_are_not_kept_for_ever),
        cmocka_unit_test(availability_info_and_health),
        cmocka_unit_test(somebody_else_says_offline),
        cmocka_unit_test(a_broker_that_comes_later),
        cmocka_unit_test(a_broker_restarted_under_load),
        cmocka_unit_test(an_agent_killed_under_load),
        cmocka_unit_test(what_a_broker_forgot_is_published_again),
        cmocka_unit_test(status_is_conflated),
        cmocka_unit_test(the_log_says_each_once),
        cmocka_unit_test(with_a_login),
        cmocka_unit_test(another_topic_root),
        cmocka_unit_test(names_escaped_in_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
