/* test_bridge_brokers.c - several brokers, and strict ones: the bridge with an agent in memory. */
#include "support/tmpdir.h"

#include "integration/bridge_rig.h"

/* Marks the events a subscriber got; first deliveries must be in order. */
static void note(struct mqttclient *client, bool *seen)
{
    uint64_t last = 0;
    bool *here = calloc(EVENTS + 1, sizeof(*here));

    assert_non_null(here);
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/tables/T/changes") != 0)
            continue;
        uint64_t seq = json_number(m->payload, "seq");
        if (!here[seq] && seq < last)
            test_fail("event %" PRIu64 " after %" PRIu64, seq, last);
        here[seq] = seen[seq] = true;
        last = seq > last ? seq : last;
    }
    free(here);
}

/* What the broker that went down had acknowledged but not passed on is asked for (promise 2). */
static void fetch_holes(struct mqttclient *client, bool *seen, uint64_t last)
{
    uint64_t from = 1, to = last, count = 0;
    char request[64];

    while (from <= last && seen[from])
        from++;
    while (to >= from && seen[to])
        to--;
    if (from > last)
        return;
    snprintf(request, sizeof(request), "{\"from_seq\":%" PRIu64 ",\"to_seq\":%" PRIu64 "}", from,
             to);
    mqttclient_mark(client);
    mqttclient_publish(client, "studio/agents/edge-1/replay/judge", request);
    mqttclient_wait_json(client, "studio/agents/edge-1/replayed/judge", "end", "true");
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/agents/edge-1/replayed/judge") == 0 &&
            json_is(m->payload, "replay", "true")) {
            seen[json_number(m->payload, "seq")] = true;
            count++;
        }
    }
    assert_int_equal(count, to - from + 1);
    for (uint64_t seq = 1; seq <= last; seq++)
        if (!seen[seq])
            test_fail("event %" PRIu64 " is missing on both and in the replay", seq);
}

static void failing_over_under_load_loses_and_reorders_nothing(void **state)
{
    struct broker *a = broker_create(NULL), *b = broker_create(NULL);
    struct mqttclient *at_a = listen_to(a, NULL), *at_b = listen_to(b, NULL);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);
    bool *seen = calloc(EVENTS + 1, sizeof(*seen));

    (void)state;
    start(&config);
    wait_connected(broker_uri(a), 1);
    commit(10000);
    wait_acked(2000);
    broker_stop(a); /* in the middle of it, with all it has acknowledged passed on */
    commit(10000);
    wait_connected(broker_uri(b), 2);
    wait_acked(20000);
    mqttclient_sync(at_b);
    note(at_a, seen);
    note(at_b, seen);
    fetch_holes(at_b, seen, 20000);
    assert_int_equal(source.parked_count, 0);
    stop();
    mqttclient_wait_json(at_b, "studio/agents/edge-1/availability", "state", "stopped");
    mqttclient_destroy(at_a);
    mqttclient_destroy(at_b);
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
    free(seen);
}

/* Promise 5, with its real half a minute. */
static void back_to_the_preferred_one_when_it_has_answered(void **state)
{
    struct broker_options later = {.not_started = true};
    struct broker *a = broker_create(&later), *b = broker_create(NULL);
    struct mqttclient *at_a, *at_b = listen_to(b, NULL);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);
    const struct mqtt_message *m;
    int64_t began;

    (void)state;
    start(&config);
    wait_connected(broker_uri(b), 1);
    began = now_ms();
    broker_start(a);
    at_a = listen_to(a, NULL);
    commit(100);
    wait_connected(broker_uri(a), 2);
    assert_true(now_ms() - began >= 30000);
    m = mqttclient_wait_json(at_b, "studio/agents/edge-1/availability", "state", "moved");
    expect_json(m->payload, "conn", "1");
    m = mqttclient_wait_json(at_a, "studio/agents/edge-1/availability", "state", "online");
    expect_json(m->payload, "conn", "2");
    commit(100);
    wait_acked(200);
    stop();
    mqttclient_destroy(at_a);
    mqttclient_destroy(at_b);
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
}

static void each_broker_has_its_own_login(void **state)
{
    const struct broker_user of_a[] = {{"agent-a", "secret-a"}, {NULL, NULL}};
    const struct broker_user of_b[] = {{"agent-b", "secret-b"}, {NULL, NULL}};
    struct broker_options options_a = {.users = of_a}, options_b = {.users = of_b};
    struct broker *a = broker_create(&options_a), *b = broker_create(&options_b);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);

    (void)state;
    config.username = "agent-a,agent-b";
    config.password_file = tmpdir_write(tmpdir_create(), "passwords", 0600, "wrong\nsecret-b\n");
    start(&config); /* a refuses: on to b */
    wait_connected(broker_uri(b), 1);
    stop();
    config.password_file = tmpdir_write(tmpdir_create(), "passwords", 0600, "secret-a\nsecret-b\n");
    start(&config);
    wait_connected(broker_uri(a), 1);
    stop();
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
}

/* --- limits and refusals ---------------------------------------------------------------------- */

static void a_small_receive_maximum_is_kept(void **state)
{
    struct broker_options options = {.extra = "max_inflight_messages 3\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    int64_t began;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    began = now_ms();
    commit(2000);
    wait_acked(2000);
    /* Beyond the broker's limit the library would sleep a second for each window. */
    assert_true(now_ms() - began < 20000);
    stop();
    broker_destroy(broker);
}

static void refused_events_are_parked_and_block_nobody(void **state)
{
    struct broker_options options = {
        .acl = "topic readwrite studio/agents/#\ntopic readwrite studio/tables/T/#\n"
               "topic read studio/#\ntopic readwrite test-sync/#\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, NULL);
    struct bridge_stats stats;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    commit(2);
    fake_hand_over(&source, bridge, fake_commit(&source, "FORBIDDEN", 0));
    commit(2);
    wait_acked(5);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 3);
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.parked.events, 1);
    mqttclient_wait_json(client, "studio/tables/T/changes", "seq", "5");
    mqttclient_mark(client);
    mqttclient_wait_json(client, "studio/agents/edge-1/health", "parked", "1");
    stop();
    mqttclient_destroy(client);
    broker_destroy(broker);
}

static void an_event_too_large_for_the_broker_is_parked(void **state)
{
    struct broker_options options = {.extra = "max_packet_size 400\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    fake_commit(&source, "T", 0);
    memset(source.events[0].body + 10, 'x', 200);
    strcpy(source.events[0].body + 210, "\"}");
    fake_hand_over(&source, bridge, 1);
    commit(3);
    wait_acked(4);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 1);
    stop();
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_over_under_load_loses_and_reorders_nothing),
        cmocka_unit_test(each_broker_has_its_own_login),
        cmocka_unit_test(a_small_receive_maximum_is_kept),
        cmocka_unit_test(refused_events_are_parked_and_block_nobody),
        cmocka_unit_test(an_event_too_large_for_the_broker_is_parked),
        cmocka_unit_test(back_to_the_preferred_one_when_it_has_answered),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
