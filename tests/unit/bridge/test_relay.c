/* test_relay.c - connect, lose, try again: the bridge's state machine. */
#include "unit/bridge/relay_rig.h"

static void birth_and_will_are_of_one_connection(void **state)
{
    (void)state;
    start("mqtt://a:1883");
    relay_step(&r);
    assert_true(out->open && !stats().connected);
    assert_string_equal(out->uri, "tcp://a:1883");
    assert_string_equal(out->client_id, "studio-agent-edge-1");
    assert_string_equal(out->username, "me");
    assert_string_equal(out->password, "secret");
    assert_true(out->target.clean);
    assert_string_equal(out->will_topic, "studio/agents/edge-1/availability");
    assert_string_equal(out->will, "{\"state\":\"lost\",\"epoch\":\"6f1c\",\"boot\":41,\"conn\":1,"
                                   "\"since\":\"2024-01-01T12:00:00.000Z\"}");
    fake_clock_advance(&clk, 700);
    tell(fake_up(out));
    assert_true(stats().connected);
    assert_string_equal(out->sent[0].payload,
                        "{\"state\":\"online\",\"epoch\":\"6f1c\",\"boot\":41,\"conn\":1,"
                        "\"since\":\"2024-01-01T12:00:00.000Z\"}");
    assert_int_equal(links[LINK_IN].connects, 1); /* commands follow */
    assert_int_equal(links[LINK_PROBE].connects, 0);
}

static void connections_are_counted_not_attempts(void **state)
{
    struct link_event failed;

    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_ended(out, LINK_FAILED, 0)); /* never reached it */
    wait_ms(500);
    assert_int_equal(conn(), 1);
    tell(fake_ended(out, LINK_FAILED, 0));
    out->fails = true; /* no process */
    wait_ms(2000);
    assert_int_equal(out->connects, 3);
    assert_int_equal(conn(), 1);
    out->fails = false;
    wait_ms(2000);
    assert_int_equal(out->connects, 4);
    assert_int_equal(conn(), 1);
    failed = fake_ended(out, LINK_FAILED, 0);
    failed.reached = true; /* the broker may have seen this will */
    tell(failed);
    wait_ms(10000);
    assert_int_equal(conn(), 2);
    tell(fake_up(out));
    tell(fake_ended(out, LINK_LOST, 0));
    assert_false(stats().connected || out->open);
    wait_ms(60000);
    assert_int_equal(conn(), 3);
    assert_int_equal(stats().connections, 1);
}

/* The broker takes the user name for the client id. */
static void commands_give_in_to_the_mirror(void **state)
{
    unsigned before;

    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_up(out));
    tell(fake_up(&links[LINK_IN]));
    tell(fake_ended(out, LINK_LOST, 0x8e));
    assert_false(links[LINK_IN].open);
    wait_ms(DIAL_NEXT_MS); /* not half a minute, as for a session of another client */
    assert_true(out->open);
    before = links[LINK_IN].connects;
    tell(fake_up(out));
    wait_ms(100000);
    assert_int_equal(links[LINK_IN].connects, before);
    settle();
    wait_ms(CONTROL_HEALTH_MS);
    assert_non_null(strstr(out->sent[out->count - 1].payload, "\"commands\":\"off\""));
}

static void an_attempt_without_an_end_is_given_up(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    wait_ms(CONNECTION_CONNECT_MS);
    assert_false(stats().connected || out->open);
    assert_int_equal(out->closes, 1);
}

static void the_connack_starts_the_drain_and_a_loss_starts_it_again(void **state)
{
    (void)state;
    start("mqtt://a");
    commit(50);
    relay_step(&r);
    tell(fake_up(out));
    assert_int_not_equal(fake_find(out, 0, "/changes"), SIZE_MAX);
    tell(fake_ended(out, LINK_LOST, 0));
    assert_int_equal(source.acked, 0);
    forget_sent();
    wait_ms(500);
    tell(fake_up(out));
    settle();
    assert_int_equal(source.acked, 50);
}

/* Acknowledges all but the events. */
static void acknowledge_words(void)
{
    relay_step(&r);
    for (size_t i = 0; i < out->count; i++)
        if (out->sent[i].seq == 0)
            tell(fake_done(out, i, 0));
    relay_step(&r);
}

static void a_broker_that_does_not_acknowledge_is_left(void **state)
{
    (void)state;
    start("mqtt://a,mqtt://b");
    relay_step(&r);
    tell(fake_up(out));
    settle();
    forget_sent();
    commit(3);
    acknowledge_words();
    for (int64_t passed = 0; passed < SENDER_OVERDUE_MS - 1000; passed += 1000) {
        size_t sent = out->count;
        wait_ms(1000);
        for (size_t i = sent; i < out->count; i++)
            tell(fake_done(out, i, 0)); /* health */
    }
    assert_true(stats().connected);
    wait_ms(1000);
    assert_false(stats().connected);
    assert_int_equal(source.acked, 0);
    forget_sent();
    wait_ms(500);
    assert_string_equal(out->uri, "tcp://b");
    tell(fake_up(out));
    settle();
    assert_int_equal(source.acked, 3);
    assert_int_equal(stats().parked.events, 0);
}

/* It may be one of several that the broker's name stands for. */
static void its_address_is_tried_last(void **state)
{
    struct link_event up;

    (void)state;
    start("mqtt://a");
    commit(1);
    relay_step(&r);
    up = fake_up(out);
    strcpy(up.address, "10.0.0.2");
    tell(up);
    acknowledge_words();
    wait_ms(SENDER_OVERDUE_MS);
    assert_false(stats().connected);
    wait_ms(60000);
    assert_true(out->open);
    assert_string_equal(out->target.last, "10.0.0.2");
}

/* Nor for the end of our own process. */
static void the_event_is_not_blamed_for_it(void **state)
{
    (void)state;
    start("mqtt://a");
    commit(1);
    for (int i = 0; i < 4 * POISON_HANGUPS; i++) {
        struct link_event lost;

        relay_step(&r);
        tell(fake_up(out));
        acknowledge_words();
        assert_int_equal(out->sent[out->count - 1].seq, 1);
        lost = fake_ended(out, LINK_LOST, 0);
        lost.closed = false; /* a process of ours, or the network */
        if (i < 2 * POISON_HANGUPS)
            wait_ms(SENDER_OVERDUE_MS);
        else
            tell(lost);
        assert_false(stats().connected);
        forget_sent();
        wait_ms(60000);
    }
    assert_int_equal(stats().parked.events, 0);
}

static void records_of_older_connections_are_ignored(void **state)
{
    struct link_event old_up, old_lost;

    (void)state;
    start("mqtt://a");
    relay_step(&r);
    old_up = fake_up(out);
    old_lost = fake_ended(out, LINK_LOST, 0);
    tell(fake_ended(out, LINK_FAILED, 0));
    wait_ms(500);
    tell(old_up);
    assert_true(out->open && !stats().connected);
    tell(fake_up(out));
    tell(old_lost);
    assert_true(stats().connected);
}

static void a_broker_without_qos_1_is_refused(void **state)
{
    struct link_event up;

    (void)state;
    start("mqtt://a,mqtt://b");
    relay_step(&r);
    up = fake_up(out);
    up.limits.max_qos = 0;
    tell(up);
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "tcp://b");
}

static void a_receive_maximum_of_0_is_a_protocol_error(void **state)
{
    struct link_event up;

    (void)state;
    start("mqtt://a,mqtt://b");
    relay_step(&r);
    up = fake_up(out);
    up.limits.receive_max = 0;
    tell(up);
    assert_int_equal(out->count, 0);
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "tcp://b");
}

static void an_old_broker_is_spoken_to_in_3_1_1_at_once(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_ended(out, LINK_FAILED, 0x84));
    wait_ms(DIAL_NEXT_MS);
    assert_int_equal(out->connects, 2);
    assert_int_equal(out->target.mqtt_version, 4);
}

static void a_lost_broker_is_followed_by_the_next_and_the_session_goes_along(void **state)
{
    (void)state;
    start("mqtt://a,mqtts://b");
    relay_step(&r);
    tell(fake_up(out));
    tell(fake_up(&links[LINK_IN]));
    tell(fake_ended(out, LINK_LOST, 0));
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "ssl://b");
    assert_int_equal(links[LINK_IN].connects, 1);
    tell(fake_up(out));
    assert_string_equal(links[LINK_IN].uri, "ssl://b");
    assert_true(links[LINK_IN].target.clean);
}

/* In every state every record and a stop: no crash, no impossible change, always an end. */
static void every_record_is_survived_in_every_state(void **state)
{
    (void)state;
    start("mqtt://a,mqtt://b");
    for (unsigned seed = 1; seed < 3000; seed++) {
        static const enum link_event_kind kinds[] = {LINK_UP,   LINK_FAILED, LINK_LOST,
                                                     LINK_DONE, LINK_HEARD,  LINK_CLOSED};
        unsigned n = seed * 2654435761u;
        struct fake_link *link = &links[n >> 30 ? (n >> 28) % LINK_COUNT : LINK_OUT];
        struct link_event event = fake_up(link);

        event.kind = kinds[(n >> 8) % 6];
        event.slot = (n >> 16) % LINK_SLOTS;
        event.reason = event.kind == LINK_UP ? 0 : (int)((n >> 4) % 3) * 0x8e;
        tell(event);
        wait_ms((n >> 20) % 1000 + 1);
        if (out->count > FAKE_SENT_MAX / 2)
            forget_sent();
    }
    relay_stop(&r);
    for (int i = 0; i < 5; i++)
        wait_ms(1000);
    assert_true(relay_ended(&r));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(birth_and_will_are_of_one_connection),
        TEST(connections_are_counted_not_attempts),
        TEST(commands_give_in_to_the_mirror),
        TEST(an_attempt_without_an_end_is_given_up),
        TEST(the_connack_starts_the_drain_and_a_loss_starts_it_again),
        TEST(a_broker_that_does_not_acknowledge_is_left),
        TEST(its_address_is_tried_last),
        TEST(the_event_is_not_blamed_for_it),
        TEST(records_of_older_connections_are_ignored),
        TEST(a_broker_without_qos_1_is_refused),
        TEST(a_receive_maximum_of_0_is_a_protocol_error),
        TEST(an_old_broker_is_spoken_to_in_3_1_1_at_once),
        TEST(a_lost_broker_is_followed_by_the_next_and_the_session_goes_along),
        TEST(every_record_is_survived_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
