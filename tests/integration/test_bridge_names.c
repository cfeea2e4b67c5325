/* test_bridge_names.c - names some brokers cannot carry: real Mosquittos behind a proxy that does with
 * them what RabbitMQ and NATS do. */
#include "integration/bridge_rig.h"

#include <cJSON.h>

#include "support/proxy.h"

static struct broker *broker;
static struct proxy *proxy;
static struct mqttclient *client;
static char *uri;

/* Answers at once with whom it was from. */
static bool echo(void *ctx, struct bridge_command *command)
{
    char json[256];
    int n = snprintf(json, sizeof(json), "{\"table\":\"%s\",\"client\":\"%s\",\"field\":\"%s\"}",
                     command->table_id, command->client, command->field ? command->field : "");

    (void)ctx;
    bridge_answer(bridge, command, json, (size_t)n);
    return true;
}

static void begin(const struct broker_options *options, enum oddity_dots dots, bool escape,
                  int version)
{
    struct mqttclient_options listening = {.subscribe = "studio/#"};
    struct bridge_config config;
    struct studio_error error;

    said.text[0] = '\0';
    broker = broker_create(options);
    proxy = proxy_create(broker_port(broker));
    proxy_set_oddity(proxy, &(struct oddity){.dots = dots});
    uri = test_printf("mqtt://127.0.0.1:%u", proxy_port(proxy));
    listening.port = broker_port(broker);
    client = mqttclient_create(&listening);
    config = config_for(uri);
    config.mqtt_version = version;
    config.topic_escape = escape;
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

static void show(const char *table, const char *custom)
{
    struct studio_snapshot *snapshot = fake_snapshot(table, 1, "up", custom);

    assert_true(bridge_committed(bridge, NULL, 0, &snapshot, 1));
    studio_snapshot_unref(snapshot);
}

/* Health, from now on, names exactly these as not carried. */
static void wait_uncarried(const char *names)
{
    int64_t deadline = now_ms() + SAID_WAIT_MS;
    bool found = false;

    while (!found) {
        const struct mqtt_message *m;
        cJSON *health;
        char *list;

        if (now_ms() > deadline)
            test_fail("health does not say %s", names);
        m = mqttclient_wait(client, "studio/agents/edge-1/health", NULL, NULL);
        health = cJSON_Parse(m->payload);
        list = cJSON_PrintUnformatted(cJSON_GetObjectItem(health, "uncarried"));
        found = strcmp(list, names) == 0;
        free(list);
        cJSON_Delete(health);
        if (!found)
            mqttclient_mark(client);
    }
}

static void names_that_come_back_changed_are_told(void **state)
{
    int version = *(const int *)*state;

    begin(NULL, DOTS_ARE_LEVELS, false, version);
    show("ARO.7", "x.y=1");
    show("T", NULL);
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_said("changes topics");
    assert_true(was_said("cannot carry ARO.7: set mqtt.topic_escape = yes") ||
                was_said("cannot carry ARO.7, x.y: set mqtt.topic_escape = yes"));
    mqttclient_wait(client, "studio/tables/T/fields/NFC_SCANNER", NULL, NULL);
    mqttclient_wait(client, "studio/tables/ARO/7/fields/x/y", NULL, NULL); /* as RabbitMQ does */
    wait_uncarried("[\"ARO.7\",\"x.y\"]");
    end();
}

static void names_it_hangs_up_on_are_told(void **state)
{
    struct bridge_stats stats;

    (void)state;
    begin(NULL, DOTS_HANG_UP, false, 5);
    show("ARO.7", NULL);
    show("T", NULL);
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
    wait_said("hangs up on topics");
    mqttclient_wait(client, "studio/tables/T/fields/NFC_SCANNER", NULL, NULL);
    do { /* status and nine fields are parked: the end of it */
        usleep(10000);
        bridge_get_stats(bridge, &stats);
    } while (stats.parked.retained < 10);
    mqttclient_mark(client);
    wait_uncarried("[\"ARO.7\"]");
    assert_int_equal(stats.parked.agent, 1); /* the check */
    end();
}

static void escaped_they_are_carried_everywhere(void **state)
{
    static const enum oddity_dots dots[] = {DOTS_ARE_LEVELS, DOTS_HANG_UP};
    struct mqttclient_publish p = {.topic = "studio/tables/ARO%2E7/set/plc%2E1/x%2Ey",
                                   .payload = "1"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        begin(NULL, dots[i], true, 5);
        show("ARO.7", "x.y=1");
        assert_int_equal(bridge_start(bridge), STUDIO_OK);
        mqttclient_wait(client, "studio/tables/ARO%2E7/status", NULL, NULL);
        mqttclient_wait(client, "studio/tables/ARO%2E7/fields/x%2Ey", NULL, NULL);
        mqttclient_wait_payload(client, "studio/agents/edge-1/check/x%x",
                                "studio/agents/edge-1/check/x%x");
        free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                            "studio-agent-edge-1-in 1 studio/agents", WAIT_MS));
        mqttclient_send(client, &p);
        mqttclient_wait_payload(client, "studio/tables/ARO%2E7/reply/plc%2E1",
                                "{\"table\":\"ARO.7\",\"client\":\"plc.1\",\"field\":\"x.y\"}");
        assert_int_equal(proxy_connections(proxy), 2);
        assert_false(was_said("cannot carry"));
        end();
    }
}

/* The agent may not hear itself there: nothing is said of names, and all else goes on. With an unlimited
 * queue, as here, Mosquitto 2.0 answers what is denied, and then closes the connection: once. */
static void a_broker_that_forbids_the_check_is_not_blamed(void **state)
{
    static const char *const acls[] = {
        "topic readwrite studio/tables/#\ntopic readwrite studio/agents/edge-1/availability\n"
        "topic readwrite studio/agents/edge-1/info\ntopic readwrite studio/agents/edge-1/health\n"
        "pattern readwrite test-sync/#\n",
        "topic write studio/#\ntopic read studio/tables/#\n"
        "topic read studio/agents/edge-1/health\npattern readwrite test-sync/#\n"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        begin(&(struct broker_options){.acl = acls[i]}, DOTS_KEPT, false, 5);
        show("ARO.7", NULL);
        assert_int_equal(bridge_start(bridge), STUDIO_OK);
        wait_said("is not known"); /* refused; or it does not come back */
        mqttclient_wait(client, "studio/tables/ARO.7/fields/NFC_SCANNER", NULL, NULL);
        mqttclient_mark(client);
        wait_uncarried("[]");
        assert_false(was_said("cannot carry"));
        assert_true(proxy_connections(proxy) <= 3);
        end();
    }
}

static const int five = 5, four = 4;

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"names_that_come_back_changed_are_told", names_that_come_back_changed_are_told, NULL, NULL,
         (void *)(uintptr_t)&five},
        {"names_that_come_back_changed_are_told_3_1_1", names_that_come_back_changed_are_told, NULL,
         NULL, (void *)(uintptr_t)&four},
        cmocka_unit_test(names_it_hangs_up_on_are_told),
        cmocka_unit_test(escaped_they_are_carried_everywhere),
        cmocka_unit_test(a_broker_that_forbids_the_check_is_not_blamed),
    };

    struct log log = {.level = LOG_INFO, .sink = note_line};
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
