/* test_bridge_logins.c - a broker that takes the user name for the client id, so that our own connections
 * end each other: the bridge with an agent in memory. */
#include "integration/bridge_rig.h"

static const struct broker_user users[] = {
    {"edge-1", "secret"}, {"edge-1-in", "other"}, {"viewer", "v"}, {NULL, NULL}};
static const struct broker_options by_username = {.users = users,
                                                  .extra = "use_username_as_clientid true\n"};

static struct bridge_config one_login(struct broker *broker, int mqtt_version)
{
    struct bridge_config config = config_for(broker_uri(broker));

    config.username = "edge-1";
    config.password = "secret";
    config.mqtt_version = mqtt_version;
    return config;
}

static unsigned ended(struct broker *broker)
{
    char *text = proc_output(broker_proc(broker), PROC_STDERR);
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, "already connected, closing old")); at++)
        n++;
    free(text);
    return n;
}

/* It is in a health message from now on. */
static void wait_commands(struct mqttclient *client, const char *state)
{
    mqttclient_mark(client);
    mqttclient_wait_json(client, "studio/agents/edge-1/health", "commands", state);
}

static void the_mirror_goes_on_alone(void **state)
{
    (void)state;
    for (int version = 4; version <= 5; version++) {
        struct broker *broker = broker_create(&by_username);
        struct bridge_config config = one_login(broker, version);
        struct mqttclient *client = listen_to(broker, &users[2]);
        struct bridge_stats stats;
        unsigned before;

        start(&config);
        wait_commands(client, "off");
        before = ended(broker);
        assert_true(before >= 1 && before <= 4);
        bridge_get_stats(bridge, &stats);
        commit(10);
        wait_acked(10);
        wait_commands(client, "off"); /* the next one, 10 s later */
        assert_int_equal(ended(broker), before);
        wait_connected(broker_uri(broker), stats.connections);
        stop();
        mqttclient_destroy(client);
        broker_destroy(broker);
    }
}

static void it_is_said_with_the_way_out(void **state)
{
    struct broker *broker = broker_create(&by_username);

    (void)state;
    expect_said(one_login(broker, 5), "(mqtt.command_username)");
    broker_destroy(broker);
}

static void commands_may_have_a_login_of_their_own(void **state)
{
    struct broker *broker = broker_create(&by_username);
    struct bridge_config config = one_login(broker, 5);
    struct mqttclient *client = listen_to(broker, &users[2]);

    (void)state;
    config.command_username = "edge-1-in";
    config.command_password = "other";
    start(&config);
    wait_commands(client, "on");
    commit(10);
    wait_acked(10);
    assert_int_equal(ended(broker), 0);
    stop();
    mqttclient_destroy(client);
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mirror_goes_on_alone),
        cmocka_unit_test(it_is_said_with_the_way_out),
        cmocka_unit_test(commands_may_have_a_login_of_their_own),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
