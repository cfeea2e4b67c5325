/* test_bridge_poison.c - messages a broker hangs up on: real Mosquittos, one of them behind a proxy that
 * does so. */
#include "integration/bridge_rig.h"

#include <cJSON.h>

#include "support/proxy.h"

enum { POISON_WAIT_MS = 120000 };

static struct broker *broker;
static struct proxy *proxy;
static struct mqttclient *client;
static char *uri;

/* Answers at once with what it was given. */
static bool echo(void *ctx, struct bridge_command *command)
{
    char json[1024];
    int n =
        snprintf(json, sizeof(json), "{\"got\":%.*s}", (int)command->payload_len, command->payload);

    (void)ctx;
    bridge_answer(bridge, command, json, (size_t)n);
    return true;
}

static void begin(const char *mosquitto, const char *poison, int version)
{
    struct broker_options options = {.extra = mosquitto};
    struct mqttclient_options listening = {.version = version, .subscribe = "studio/# my/#"};
    struct bridge_config config;
    struct studio_error error;

    broker = broker_create(&options);
    proxy = proxy_create(broker_port(broker));
    proxy_set_poison(proxy, poison);
    uri = test_printf("mqtt://127.0.0.1:%u", proxy_port(proxy));
    listening.port = broker_port(broker);
    client = mqttclient_create(&listening);
    config = config_for(uri);
    config.mqtt_version = version;
    fake_source_init(&source, EVENTS);
    source.ops.command = echo;
    if (bridge_create(&config, &source.ops, clock_system(), &bridge, &error) != STUDIO_OK)
        test_fail("%s", error.text);
}

static void end(void)
{
    stop();
    mqttclient_destroy(client);
    proxy_destroy(proxy);
    broker_destroy(broker);
    free(uri);
}

static void show(const char *table)
{
    struct studio_snapshot *snapshot = fake_snapshot(table, 1, "up", NULL);

    assert_true(bridge_committed(bridge, NULL, 0, &snapshot, 1));
    studio_snapshot_unref(snapshot);
}

static void event_of(const char *table)
{
    fake_hand_over(&source, bridge, fake_commit(&source, table, source.count));
}

/* The command session is open. */
static void wait_open(void)
{
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, "studio-agent-edge-1-in 1 studio/agents",
                        WAIT_MS));
}

static void wait_all_acked(void)
{
    int64_t deadline = now_ms() + POISON_WAIT_MS;

    while (fake_source_acked(&source) < source.count) {
        if (now_ms() > deadline)
            test_fail("only %" PRIu64 " of %zu events are done with", fake_source_acked(&source),
                      source.count);
        usleep(1000);
    }
}

/* Health says so many parked of that kind: at least `n`. */
static void wait_parked(const char *kind, int n)
{
    int64_t deadline = now_ms() + POISON_WAIT_MS;
    const struct mqtt_message *m;
    const cJSON *kinds;
    int parked = 0;

    while (parked < n) {
        cJSON *health;

        if (now_ms() > deadline)
            test_fail("%d %s parked instead of %d", parked, kind, n);
        mqttclient_mark(client);
        m = mqttclient_wait(client, "studio/agents/edge-1/health", NULL, NULL);
        health = cJSON_Parse(m->payload);
        kinds = cJSON_GetObjectItem(health, "parked_kinds");
        parked = cJSON_GetObjectItem(kinds, kind)->valueint;
        cJSON_Delete(health);
    }
    assert_int_equal(parked, n);
}

/* As NATS does with a dot in a name. */
static void a_table_the_broker_hangs_up_on_does_not_hold_up_the_others(void **state)
{
    (void)state;
    begin(NULL, "tables/ARO.7/", 5);
    show("ARO.7");
    show("T");
    for (int i = 0; i < 5; i++) {
        event_of("ARO.7");
        event_of("T");
    }
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_all_acked();
    assert_int_equal(source.parked_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(source.parked[i], 1 + 2 * i);
    wait_parked("events", 5);
    wait_parked("retained", 10); /* status and nine fields */
    mqttclient_wait(client, "studio/tables/T/fields/NFC_SCANNER", NULL, NULL);
    end();
}

/* Here it is the library: it would refuse it on every connection. */
static void a_topic_the_library_does_not_take_does_not_hold_up_the_others(void **state)
{
    struct bridge_stats stats;

    (void)state;
    begin(NULL, "tables/none/", 5);
    event_of("\xff");
    event_of("T");
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_all_acked();
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 1);
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.connections, 1);
    end();
}

static void an_answer_it_hangs_up_on_goes_to_the_default_topic(void **state)
{
    struct mqttclient_publish p = {.topic = "studio/tables/T/set/plc",
                                   .payload = "1",
                                   .response_topic = "my/poison",
                                   .correlation = "42"};
    const struct mqtt_message *m;
    size_t connections;

    (void)state;
    begin(NULL, "my/poison", 5);
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_open();
    mqttclient_send(client, &p);
    m = mqttclient_wait(client, "studio/tables/T/reply/plc", NULL, NULL);
    assert_string_equal(m->payload, "{\"got\":1}");
    assert_string_equal(m->correlation, "42");
    mqttclient_mark(client);
    connections = proxy_connections(proxy);
    p.payload = "2";
    mqttclient_send(client, &p);
    m = mqttclient_wait(client, "studio/tables/T/reply/plc", NULL, NULL);
    assert_string_equal(m->payload, "{\"got\":2}");
    assert_int_equal(proxy_connections(proxy), connections);
    wait_parked("answers", 1);
    end();
}

/* MQTT 3.1.1 tells no Maximum Packet Size: Mosquitto hangs up on what is above it. */
static void mosquitto_hangs_up_on_what_is_too_large(void **state)
{
    char presence[512], text[320];
    struct mqttclient_publish p = {.topic = "studio/tables/T/set/plc", .payload = text};

    (void)state;
    begin("max_packet_size 460\n", NULL, 4);
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snprintf(presence, sizeof(presence), "{\"n\":\"%s%.140s\"}", text, text);
    bridge_presence(bridge, "BIG", presence);
    show("T");
    fake_commit(&source, "T", 0);
    memset(source.events[0].body + 10, 'x', 220);
    strcpy(source.events[0].body + 230, "\"}");
    fake_hand_over(&source, bridge, 1);
    event_of("T");
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_all_acked();
    wait_parked("retained", 1); /* the presence of BIG */
    wait_parked("agent", 1);    /* info */
    wait_open();
    mqttclient_send(client, &p);
    p.payload = "2";
    mqttclient_send(client, &p);
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "got", "2");
    end();
}

/* A network that breaks off again and again parks nothing, whatever was in flight. */
static void a_flapping_network_parks_nothing(void **state)
{
    struct bridge_stats stats;

    (void)state;
    begin(NULL, NULL, 5);
    for (int i = 0; i < 20; i++) {
        char table[16];

        snprintf(table, sizeof(table), "T%d", i);
        show(table);
    }
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    for (unsigned i = 1; i <= 6; i++) {
        wait_connected(uri, i);
        commit(200);
        if (i % 2)
            proxy_cut(proxy);
        else
            proxy_half_open(proxy);
        if (i % 2 == 0) {
            usleep(20000);
            proxy_cut(proxy);
        }
    }
    wait_all_acked();
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.parked.events, 0);
    wait_parked("retained", 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_the_broker_hangs_up_on_does_not_hold_up_the_others),
        cmocka_unit_test(a_topic_the_library_does_not_take_does_not_hold_up_the_others),
        cmocka_unit_test(an_answer_it_hangs_up_on_goes_to_the_default_topic),
        cmocka_unit_test(mosquitto_hangs_up_on_what_is_too_large),
        cmocka_unit_test(a_flapping_network_parks_nothing),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
