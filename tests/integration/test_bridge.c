/* test_bridge.c - the bridge with an agent in memory, against a real Mosquitto. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bridge/bridge.h"
#include "studio/status.h"
#include "support/agent.h"
#include "support/bridge_fakes.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"
#include "support/proc.h"

static const char epoch[] = "6f1c0000000000000000000000000001";

struct rig {
    struct fake_source source;
    struct bridge *bridge;
    uint64_t rev;
};

static struct bridge_config config_for(const char *brokers)
{
    return (struct bridge_config){.brokers = brokers,
                                  .agent_id = "edge-1",
                                  .topic_root = "studio",
                                  .lists = &studio_built_in_values,
                                  .epoch = epoch,
                                  .boot = 41,
                                  .mqtt_version = 5,
                                  .keepalive_s = 30,
                                  .session_expiry_s = 3600,
                                  .link_program = studio_program("studio-agent")};
}

static void rig_start(struct rig *r, const struct bridge_config *config)
{
    struct studio_error error;

    if (bridge_create(config, &r->source.ops, clock_system(), &r->bridge, &error) != STUDIO_OK)
        test_fail("%s", error.text);
    assert_int_equal(bridge_start(r->bridge), STUDIO_OK);
}

static void rig_init(struct rig *r, const struct bridge_config *config)
{
    *r = (struct rig){.rev = 0};
    fake_source_init(&r->source, 100000);
    rig_start(r, config);
}

static void rig_finish(struct rig *r)
{
    bridge_stop(r->bridge);
    bridge_destroy(r->bridge);
    fake_source_finish(&r->source);
    assert_int_equal(fake_snapshots(), 0);
}

/* One accepted update of a table: event and snapshot. */
static void rig_update(struct rig *r, const char *table)
{
    struct studio_event *event;
    struct studio_snapshot *snapshot;
    char sdp[16];

    r->rev++;
    snprintf(sdp, sizeof(sdp), "a%" PRIu64, r->rev);
    event = fake_event(&r->source, fake_commit(&r->source, table, r->rev));
    snapshot = fake_snapshot(table, r->rev, sdp, NULL);
    assert_true(bridge_committed(r->bridge, &event, 1, &snapshot, 1));
    studio_event_unref(event);
    studio_snapshot_unref(snapshot);
}

static void wait_acked(struct rig *r, uint64_t seq)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (fake_source_acked(&r->source) < seq) {
        if (now_ms() > deadline)
            test_fail("only %" PRIu64 " of %" PRIu64 " events acknowledged",
                      fake_source_acked(&r->source), seq);
        usleep(2000);
    }
}

static struct mqttclient *listen_to(struct broker *broker, int version)
{
    struct mqttclient_options options = {
        .port = broker_port(broker), .version = version, .subscribe = "studio/#"};

    return mqttclient_create(&options);
}

/* Every seq from 1 on is there, first deliveries in order. */
static void expect_complete(struct mqttclient *client, uint64_t last)
{
    uint64_t next = 1;

    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);
        const char *leaf = strrchr(m->topic, '/');

        if (strcmp(leaf, "/changes") != 0)
            continue;
        uint64_t seq = json_number(m->payload, "seq");
        if (seq > next)
            test_fail("event %" PRIu64 " came before %" PRIu64, seq, next);
        if (seq == next)
            next++;
    }
    assert_int_equal(next, last + 1);
}

static void everything_is_published_as_the_protocol_says(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, 5);
    const struct mqtt_message *m;
    struct rig r;

    (void)state;
    rig_init(&r, &config);
    m = mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "online");
    expect_json(m->payload, "conn", "1");
    expect_json(m->payload, "boot", "41");
    assert_int_equal(mqttclient_message(client, 0), m); /* the birth is the very first */
    m = mqttclient_wait(client, "studio/agents/edge-1/info", NULL, NULL);
    expect_json(m->payload, "fields.ROULETTE", "[\"up\",\"down\"]");
    expect_json(m->payload, "fields.MAINTENANCE", "[false,true]");
    expect_json(m->payload, "agent", "edge-1");
    m = mqttclient_wait(client, "studio/agents/edge-1/health", NULL, NULL);
    expect_json(m->payload, "store.writable", "true");
    assert_true(m->expiry_s > 0 && m->expiry_s <= 30);

    rig_update(&r, "ARO-001");
    m = mqttclient_wait(client, "studio/tables/ARO-001/changes", NULL, NULL);
    assert_string_equal(m->content_type, "application/json");
    assert_int_equal(m->payload_format, 1);
    assert_string_equal(m->user_agent, "edge-1");
    assert_string_equal(m->user_epoch, epoch);
    assert_string_equal(m->user_seq, "1");
    assert_int_equal(m->qos, 1);
    assert_string_equal(m->payload,
                        "{\"seq\":1,\"epoch\":\"6f1c0000000000000000000000000001\",\"table_id\":"
                        "\"ARO-001\",\"rev\":1,\"changes\":{\"SDP\":[\"a0\",\"a1\"]}}");
    m = mqttclient_wait(client, "studio/tables/ARO-001/status", NULL, NULL);
    expect_json(m->payload, "UPTIME", "1");
    m = mqttclient_wait_payload(client, "studio/tables/ARO-001/fields/SDP", "a1");
    assert_string_equal(m->content_type, "text/plain");
    mqttclient_wait_payload(client, "studio/tables/ARO-001/fields/ZCam", "down");
    bridge_presence(r.bridge, "ARO-001", "{\"online\":true}");
    mqttclient_wait_json(client, "studio/tables/ARO-001/presence", "online", "true");
    wait_acked(&r, 1);

    /* A newcomer finds the retained ones. */
    struct mqttclient *late = listen_to(broker, 5);
    m = mqttclient_wait(late, "studio/tables/ARO-001/status", NULL, NULL);
    assert_true(m->retain);
    mqttclient_destroy(late);

    mqttclient_mark(client);
    rig_finish(&r);
    m = mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "stopped");
    expect_json(m->payload, "conn", "1");
    mqttclient_sync(client);
    assert_ptr_equal(mqttclient_newest(client, "studio/agents/edge-1/availability"), m);
    mqttclient_destroy(client);
    broker_destroy(broker);
}

/* First deliveries are in order, whatever was repeated; returns the last one. What a killed broker
 * had acknowledged but not passed on shows as a hole (promise 2). */
static uint64_t expect_order(struct mqttclient *client)
{
    uint64_t last = 0;
    bool *seen = test_alloc(100001 * sizeof(*seen));

    memset(seen, 0, 100001 * sizeof(*seen));
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(strrchr(m->topic, '/'), "/changes") != 0)
            continue;
        uint64_t seq = json_number(m->payload, "seq");
        if (!seen[seq] && seq < last)
            test_fail("the first delivery of event %" PRIu64 " came after %" PRIu64, seq, last);
        seen[seq] = true;
        if (seq > last)
            last = seq;
    }
    free(seen);
    return last;
}

static void wait_connections(struct rig *r, uint64_t count)
{
    int64_t deadline = now_ms() + WAIT_MS;
    struct bridge_stats stats;

    do {
        if (now_ms() > deadline)
            test_fail("no connection %" PRIu64, count);
        usleep(2000);
        bridge_get_stats(r->bridge, &stats);
    } while (stats.connections < count || !stats.connected);
}

static void a_killed_broker_loses_nothing(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, 5);
    const struct mqtt_message *m;
    struct rig r;

    (void)state;
    rig_init(&r, &config);
    for (uint64_t round = 1; round <= 3; round++) {
        wait_connections(&r, round);
        for (int i = 0; i < 4000; i++)
            rig_update(&r, i % 2 ? "ARO-001" : "ARO-002");
        if (round == 3)
            break;
        wait_acked(&r, r.source.count - 3000); /* in the middle of it */
        broker_kill(broker);
        rig_update(&r, "ARO-001");
        broker_start(broker);
        mqttclient_wait_connected(client);
    }
    wait_acked(&r, r.source.count);
    m = mqttclient_wait_json(client, "studio/agents/edge-1/availability", "conn", "3");
    expect_json(m->payload, "state", "online");
    mqttclient_wait_payload(client, "studio/tables/ARO-001/fields/SDP", "a12002");
    mqttclient_sync(client);
    assert_int_equal(expect_order(client), r.source.count);
    assert_int_equal(r.source.parked_count, 0);
    rig_finish(&r);
    mqttclient_destroy(client);
    broker_destroy(broker);
}

/* A backlog made while there was no broker goes out in order when one comes. */
static void a_backlog_waits_for_the_first_broker(void **state)
{
    struct broker_options options = {.not_started = true};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    struct bridge_stats stats;
    struct mqttclient *client;
    struct rig r;

    (void)state;
    rig_init(&r, &config);
    for (int i = 0; i < 20000; i++)
        rig_update(&r, "ARO-001");
    broker_start(broker);
    client = listen_to(broker, 5);
    wait_acked(&r, 20000);
    mqttclient_sync(client);
    bridge_get_stats(r.bridge, &stats);
    assert_true(stats.connected);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.acked, 20000);
    /* The subscriber may have come after the first ones; from then on none is missing. */
    uint64_t before = 0;
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/tables/ARO-001/changes") != 0)
            continue;
        uint64_t seq = json_number(m->payload, "seq");
        assert_true(before == 0 || seq == before + 1);
        before = seq;
    }
    assert_int_equal(before, 20000);
    mqttclient_wait_payload(client, "studio/tables/ARO-001/fields/SDP", "a20000");
    rig_finish(&r);
    mqttclient_destroy(client);
    broker_destroy(broker);
}

static void mqtt_3_1_1_works_as_well(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, 4);
    struct rig r;

    (void)state;
    config.mqtt_version = 4;
    rig_init(&r, &config);
    for (int i = 0; i < 2000; i++)
        rig_update(&r, "ARO-001");
    wait_acked(&r, 2000);
    mqttclient_wait_payload(client, "studio/tables/ARO-001/fields/SDP", "a2000");
    mqttclient_sync(client);
    expect_complete(client, 2000);
    rig_finish(&r);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "stopped");
    mqttclient_destroy(client);
    broker_destroy(broker);
}

/* The agent dies without a word: the broker says `lost`; a foreign word on the own topic is put
 * right. */
static void the_own_topic_is_watched(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, 5);
    struct mqttclient_publish lost = {.topic = "studio/agents/edge-1/availability",
                                      .payload = "{\"state\":\"lost\",\"conn\":1}",
                                      .retain = true};
    struct rig r;

    (void)state;
    rig_init(&r, &config);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "online");
    wait_acked(&r, 0);
    mqttclient_wait(client, "studio/agents/edge-1/health", NULL, NULL);
    mqttclient_mark(client);
    mqttclient_send(client, &lost);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "lost");
    mqttclient_mark(client);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "online");
    rig_finish(&r);
    mqttclient_destroy(client);
    broker_destroy(broker);
}

/* Stopping takes no longer than promised, whatever the broker does. */
static void stopping_is_quick(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, 5);
    struct rig r;
    int64_t start;

    (void)state;
    rig_init(&r, &config);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "online");
    wait_acked(&r, 0);
    proc_signal(broker_proc(broker), SIGSTOP); /* it takes and says nothing more */
    for (int i = 0; i < 500; i++)
        rig_update(&r, "ARO-001");
    start = now_ms();
    rig_finish(&r);
    assert_true(now_ms() - start < 3500);
    proc_signal(broker_proc(broker), SIGCONT);

    config.brokers = "mqtt://127.0.0.1:9"; /* nobody there */
    rig_init(&r, &config);
    start = now_ms();
    rig_finish(&r);
    assert_true(now_ms() - start < 3500);
    mqttclient_destroy(client);
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_published_as_the_protocol_says),
        cmocka_unit_test(a_killed_broker_loses_nothing),
        cmocka_unit_test(a_backlog_waits_for_the_first_broker),
        cmocka_unit_test(mqtt_3_1_1_works_as_well),
        cmocka_unit_test(the_own_topic_is_watched),
        cmocka_unit_test(stopping_is_quick),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_WARN, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
