/* test_listener.c - the connection commands come in by. */
#include "bridge/listener.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static struct fake_link in;
static struct topics topics;
static struct lessons lessons;
static struct listener s;
static const struct bridge_config config = {.keepalive_s = 30, .session_expiry_s = 3600};
static struct broker a = {.name = (char *)"mqtt://a", .uri = (char *)"tcp://a"};
static struct broker b = {.name = (char *)"mqtt://b", .uri = (char *)"tcp://b"};

static uint32_t zero(void *ctx)
{
    (void)ctx;
    return 0;
}

static int setup(void **state)
{
    struct listener_options options = {.link = &in.link,
                                       .topics = &topics,
                                       .config = &config,
                                       .lessons = &lessons,
                                       .random = zero};

    (void)state;
    memset(&lessons, 0, sizeof(lessons));
    fake_link_init(&in, LINK_IN);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    listener_init(&s, &options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_link_finish(&in);
    return 0;
}

static void tell(struct link_event event, int64_t now)
{
    listener_event(&s, &event, now);
}

static void it_follows_the_publishing_connection(void **state)
{
    (void)state;
    listener_step(&s, NULL, 5, 0);
    assert_int_equal(in.connects, 0);
    listener_step(&s, &a, 5, 0);
    assert_int_equal(in.connects, 1);
    assert_string_equal(in.client_id, "studio-agent-edge-1-in");
    assert_string_equal(in.will, "");
    assert_false(in.target.clean);
    assert_int_equal(in.target.session_expiry_s, 3600);
    tell(fake_up(&in), 10);
    assert_int_equal(in.count, 1);
    assert_string_equal(in.sent[0].topic, "studio/tables/+/set/#");
    assert_string_equal(in.sent[0].payload, "studio/agents/edge-1/replay/+");
    tell(fake_done(&in, 0, 0), 11);
    listener_step(&s, NULL, 5, 12); /* the other one lost its connection: this one stays */
    assert_true(in.open);
    assert_int_equal(in.closes, 0);
    listener_step(&s, &a, 5, 100000); /* subscribed once and for all */
    assert_int_equal(in.count, 1);
}

static void on_another_broker_it_starts_clean_once(void **state)
{
    (void)state;
    listener_step(&s, &a, 5, 0);
    tell(fake_up(&in), 0);
    listener_step(&s, &b, 5, 100);
    assert_int_equal(in.closes, 1);
    assert_string_equal(in.uri, "tcp://b");
    assert_true(in.target.clean);
    assert_int_equal(in.target.session_expiry_s, 3600); /* but is kept from now on */
    tell(fake_ended(&in, LINK_FAILED, 0), 100);
    listener_step(&s, &b, 5, 600);
    assert_true(in.target.clean); /* it has not been there yet */
    tell(fake_up(&in), 600);
    tell(fake_ended(&in, LINK_LOST, 0), 700);
    listener_step(&s, &b, 5, 5000);
    assert_int_equal(in.connects, 4);
    assert_false(in.target.clean);
}

static struct link_event up_in_3_1_1(void)
{
    struct link_event event = fake_up(&in);

    event.limits.mqtt_version = 4;
    return event;
}

static void in_3_1_1_a_session_is_kept_after_a_clean_start_too(void **state)
{
    (void)state;
    listener_step(&s, &a, 4, 0);
    tell(up_in_3_1_1(), 0);
    assert_int_equal(in.count, 1); /* the first broker's session goes on */
    listener_step(&s, &b, 4, 100);
    assert_true(in.target.clean);
    assert_int_equal(listener_event(&s, &(struct link_event){0}, 100), CONNECTION_NOTHING);
    struct link_event up = up_in_3_1_1();
    assert_int_equal(listener_event(&s, &up, 110), CONNECTION_NOTHING); /* nobody saw it */
    assert_int_equal(in.count, 1);                                      /* not subscribed */
    struct link_event closed = fake_ended(&in, LINK_CLOSED, 0);
    assert_int_equal(listener_event(&s, &closed, 120), CONNECTION_AGAIN);
    assert_int_equal(listener_step(&s, &b, 4, 120), 120 + CONNECTION_CONNECT_MS);
    assert_string_equal(in.uri, "tcp://b");
    assert_false(in.target.clean);
    tell(up_in_3_1_1(), 130);
    assert_int_equal(in.count, 2);
    tell(fake_done(&in, 0, 0), 131);
    assert_string_equal(listener_state(&s), "on");
}

static void failures_wait_longer_and_longer(void **state)
{
    int64_t now = 0;

    (void)state;
    for (int64_t wait = 500; wait <= 8000; wait *= 2) {
        listener_step(&s, &a, 5, now);
        tell(fake_ended(&in, LINK_FAILED, 0), now);
        assert_int_equal(listener_step(&s, &a, 5, now), now + wait);
        now += wait;
    }
    listener_step(&s, &a, 5, now);
    tell(fake_ended(&in, LINK_FAILED, 0), now);
    assert_true(listener_step(&s, &a, 5, now) > now);
    listener_hurry(&s, now); /* the other connection is up again */
    unsigned connects = in.connects;
    listener_step(&s, &a, 5, now);
    assert_int_equal(in.connects, connects + 1);
    tell(fake_ended(&in, LINK_FAILED, 0x8e), now);
    listener_hurry(&s, now);
    assert_true(listener_step(&s, &a, 5, now) >= now + LISTENER_SLOW_MS);
}

static void an_attempt_without_an_end_is_given_up(void **state)
{
    (void)state;
    listener_step(&s, &a, 5, 0);
    assert_int_equal(listener_step(&s, &a, 5, 1), CONNECTION_CONNECT_MS);
    listener_step(&s, &a, 5, CONNECTION_CONNECT_MS);
    assert_false(in.open);
    assert_int_equal(in.closes, 1);
}

static void a_refused_subscription_is_tried_again(void **state)
{
    (void)state;
    listener_step(&s, &a, 5, 0);
    tell(fake_up(&in), 0);
    tell(fake_done(&in, 0, 0x87), 0);
    assert_int_equal(listener_step(&s, &a, 5, 1), LISTENER_SLOW_MS);
    listener_step(&s, &a, 5, LISTENER_SLOW_MS);
    assert_int_equal(in.count, 2);
}

static void records_of_older_connections_are_ignored(void **state)
{
    struct link_event old;

    (void)state;
    listener_step(&s, &a, 5, 0);
    old = fake_ended(&in, LINK_LOST, 0);
    listener_step(&s, &b, 5, 0);
    tell(old, 0);
    assert_true(in.open);
    old.link = LINK_OUT;
    old.generation = in.generation;
    tell(old, 0);
    assert_true(in.open);
}

static void a_resumed_session_is_nudged_so_often(void **state)
{
    struct link_event up;

    (void)state;
    listener_step(&s, &a, 5, 0);
    up = fake_up(&in);
    up.limits.session = true;
    tell(up, 0);
    for (size_t i = 0; i < in.count; i++)
        tell(fake_done(&in, i, 0), 0);
    assert_int_equal(in.count, 1 + LISTENER_NUDGES);
    listener_step(&s, &b, 4, 0);
    tell(up_in_3_1_1(), 0); /* discarded, and made again */
    tell(fake_ended(&in, LINK_CLOSED, 0), 0);
    listener_step(&s, &b, 4, 0);
    up = up_in_3_1_1();
    up.limits.session = true;
    tell(up, 0);
    tell(fake_done(&in, in.count - 1, 0), 0);
    assert_int_equal(in.count, 2 + LISTENER_NUDGES);
}

/* It would end the publishing connection each time. */
static void it_gives_in_for_a_broker(void **state)
{
    (void)state;
    assert_string_equal(listener_state(&s), "waiting");
    b.number = 1;
    listener_step(&s, &a, 5, 0);
    tell(fake_up(&in), 0);
    tell(fake_done(&in, 0, 0), 0);
    assert_string_equal(listener_state(&s), "on");
    listener_give_in(&s, 10);
    assert_false(in.open);
    assert_string_equal(listener_state(&s), "off");
    assert_int_equal(listener_step(&s, &a, 5, 100000), INT64_MAX);
    listener_hurry(&s, 100000);
    listener_step(&s, &a, 5, 100000);
    assert_int_equal(in.connects, 1);
    listener_step(&s, &b, 5, 100000); /* another one */
    assert_int_equal(in.connects, 2);
    assert_string_equal(listener_state(&s), "waiting");
    b.number = 0;
}

static void closed_is_for_good(void **state)
{
    (void)state;
    listener_step(&s, &a, 5, 0);
    tell(fake_up(&in), 0);
    listener_close(&s, 0);
    assert_int_equal(in.disconnects, 1);
    assert_false(in.will_wanted);
    assert_false(listener_quiet(&s)); /* what is on its way may still come */
    tell(fake_done(&in, 0, 0), 0);
    assert_int_equal(in.count, 1);
    tell(fake_ended(&in, LINK_CLOSED, 0), 0);
    assert_true(listener_quiet(&s));
    listener_close(&s, 0);
    listener_step(&s, &a, 5, 100000);
    assert_int_equal(in.connects, 1);
    assert_int_equal(in.disconnects, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_follows_the_publishing_connection),
        TEST(on_another_broker_it_starts_clean_once),
        TEST(in_3_1_1_a_session_is_kept_after_a_clean_start_too),
        TEST(failures_wait_longer_and_longer),
        TEST(an_attempt_without_an_end_is_given_up),
        TEST(it_gives_in_for_a_broker),
        TEST(a_refused_subscription_is_tried_again),
        TEST(records_of_older_connections_are_ignored),
        TEST(a_resumed_session_is_nudged_so_often),
        TEST(closed_is_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
