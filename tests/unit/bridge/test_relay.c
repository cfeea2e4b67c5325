/* test_relay.c - connect, lose, try again, move, leave: the bridge's state machine. */
#include "bridge/relay.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

static struct fake_clock clk;
static struct fake_source source;
static struct fake_link links[LINK_COUNT];
static struct topics topics;
static struct feed feed;
static struct mirror *mirror;
static struct answers answers;
static struct replays replays;
static struct brokers brokers;
static struct relay r;

static uint32_t zero(void *ctx)
{
    (void)ctx;
    return 0;
}

static void start(const char *uris)
{
    static struct bridge_config config;
    struct studio_error error;
    struct relay_options options = {
        .config = &config,
        .brokers = &brokers,
        .topics = &topics,
        .source = &source.ops,
        .clock = &clk.clock,
        .in = {.feed = &feed, .mirror = mirror, .answers = &answers, .replays = &replays},
        .control = {.source = &source.ops, .info = "{}"},
        .random = zero};

    config = (struct bridge_config){.brokers = uris,
                                    .username = "me",
                                    .password = "secret",
                                    .epoch = "6f1c",
                                    .boot = 41,
                                    .mqtt_version = 5,
                                    .keepalive_s = 30,
                                    .session_expiry_s = 3600};
    assert_int_equal(brokers_init(&brokers, &config, &error), STUDIO_OK);
    for (size_t i = 0; i < LINK_COUNT; i++)
        options.links[i] = &links[i].link;
    assert_int_equal(relay_init(&r, &options), STUDIO_OK);
}

static int setup(void **state)
{
    (void)state;
    fake_clock_init(&clk);
    fake_source_init(&source, 1000);
    for (size_t i = 0; i < LINK_COUNT; i++)
        fake_link_init(&links[i], (enum link_id)i);
    assert_true(topics_init(&topics, "studio", "edge-1"));
    assert_int_equal(feed_init(&feed, &source.ops, 1, 0), STUDIO_OK);
    assert_int_equal(mirror_create(&mirror), STUDIO_OK);
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    return replays_init(&replays, &source.ops, "6f1c", &answers) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    relay_finish(&r);
    brokers_finish(&brokers);
    replays_finish(&replays);
    answers_finish(&answers);
    mirror_destroy(mirror);
    feed_finish(&feed);
    for (size_t i = 0; i < LINK_COUNT; i++)
        fake_link_finish(&links[i]);
    fake_source_finish(&source);
    return 0;
}

static void commit(unsigned n)
{
    while (n-- > 0) {
        struct studio_event *event =
            fake_event(&source, fake_commit(&source, "T", source.count + 1));

        feed_add(&feed, &event, 1);
        studio_event_unref(event);
    }
}

static struct fake_link *out = &links[LINK_OUT];

static void tell(struct link_event event)
{
    relay_event(&r, &event);
    relay_step(&r);
}

/* Acknowledges everything on the publishing connection. */
static void settle(void)
{
    relay_step(&r);
    for (size_t i = 0; i < out->count; i++)
        if (!out->sent[i].answered)
            tell(fake_done(out, i, 0));
}

static struct bridge_stats stats(void)
{
    struct bridge_stats out_stats;

    relay_get_stats(&r, &out_stats);
    return out_stats;
}

/* The last word on the own topic is this state. */
static bool said(const char *word)
{
    char state[32];

    snprintf(state, sizeof(state), "\"state\":\"%s\"", word);
    for (size_t i = out->count; i-- > 0;)
        if (!out->sent[i].subscribe && strstr(out->sent[i].topic, "/availability"))
            return strstr(out->sent[i].payload, state) != NULL;
    return false;
}

/* The number of the connection in the will of the newest attempt. */
static int conn(void)
{
    const char *at = strstr(out->will, "\"conn\":");

    return at ? atoi(at + 7) : -1;
}

static void forget_sent(void)
{
    out->count = 0;
}

static void wait_ms(int64_t ms)
{
    fake_clock_advance(&clk, ms);
    relay_step(&r);
}

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
    failed = fake_ended(out, LINK_FAILED, 0);
    failed.reached = true; /* the broker may have seen this will */
    tell(failed);
    wait_ms(1000);
    assert_int_equal(conn(), 2);
    tell(fake_up(out));
    tell(fake_ended(out, LINK_LOST, 0));
    assert_false(stats().connected || out->open);
    wait_ms(60000);
    assert_int_equal(conn(), 3);
    assert_int_equal(stats().connections, 1);
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
    assert_int_equal(stats().parked, 0);
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
    assert_int_equal(stats().parked, 0);
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

static void stopping_lets_what_is_under_way_finish(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_up(out));
    tell(fake_up(&links[LINK_IN]));
    settle();
    commit(1);
    relay_step(&r);
    relay_stop(&r);
    relay_step(&r);
    assert_int_equal(links[LINK_IN].disconnects, 1);
    assert_true(said("online")); /* the event is still under way */
    settle();                    /* the event, and then the farewell */
    assert_true(said("stopped"));
    assert_int_equal(out->disconnects, 1);
    assert_false(out->will_wanted);
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
    assert_int_equal(source.acked, 1);
}

static void stopping_waits_no_longer_than_promised(void **state)
{
    int64_t began;

    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_up(out)); /* and never an acknowledgement */
    began = clk.mono_ms;
    relay_stop(&r);
    while (!relay_ended(&r)) {
        int64_t next = relay_step(&r);

        assert_true(next > clk.mono_ms || relay_ended(&r));
        if (!relay_ended(&r))
            fake_clock_advance(&clk, next - clk.mono_ms);
    }
    assert_true(clk.mono_ms - began <= 2500);
    assert_true(out->will_wanted); /* the broker says `lost` for us */
    assert_false(out->open);
}

static void stopping_before_there_is_a_connection_is_at_once(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    relay_stop(&r);
    assert_true(relay_ended(&r));
    assert_false(out->open);
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

/* Connected to b, and the probe of a has just come up. */
static void on_the_second_while_the_first_is_back(void)
{
    start("mqtt://a,mqtt://b");
    relay_step(&r);
    tell(fake_ended(out, LINK_FAILED, 0));
    wait_ms(DIAL_NEXT_MS);
    tell(fake_up(out));
    settle();
    wait_ms(PROBE_REST_MS);
    settle();
    assert_string_equal(links[LINK_PROBE].uri, "tcp://a");
    tell(fake_up(&links[LINK_PROBE]));
}

/* Promise 5. */
static void back_to_the_preferred_one_leaving_moved_behind(void **state)
{
    (void)state;
    on_the_second_while_the_first_is_back();
    wait_ms(PROBE_HOLD_MS - 1);
    settle();
    assert_true(stats().connected);
    forget_sent();
    wait_ms(1);
    settle();
    assert_true(said("moved"));
    assert_int_equal(out->disconnects, 1);
    tell(fake_ended(out, LINK_CLOSED, 0));
    wait_ms(DIAL_NEXT_MS);
    assert_true(out->open && !stats().connected);
    assert_string_equal(out->uri, "tcp://a");
    assert_false(links[LINK_PROBE].open);
    tell(fake_up(out));
    wait_ms(PROBE_REST_MS);
    assert_false(links[LINK_PROBE].open); /* there is none it would rather have */
}

static void a_move_that_fails_goes_on_with_the_list(void **state)
{
    (void)state;
    on_the_second_while_the_first_is_back();
    wait_ms(PROBE_HOLD_MS);
    settle();
    tell(fake_ended(out, LINK_LOST, 0)); /* broke off on the way out */
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "tcp://a");
    tell(fake_ended(out, LINK_FAILED, 0));
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "tcp://b");
}

static void a_stop_during_a_move_ends_it(void **state)
{
    struct link_event heard = {.link = LINK_OUT, .kind = LINK_HEARD};

    (void)state;
    on_the_second_while_the_first_is_back();
    heard.generation = out->generation;
    relay_event(&r, &heard);
    wait_ms(PROBE_HOLD_MS); /* with a birth in flight */
    assert_true(said("online"));
    relay_stop(&r);
    settle();
    assert_true(said("stopped"));
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
}

static void a_stop_during_the_farewell_of_a_move_says_stopped(void **state)
{
    (void)state;
    on_the_second_while_the_first_is_back();
    wait_ms(PROBE_HOLD_MS);
    for (size_t i = 0; i < out->count; i++) /* all but the farewell */
        if (!out->sent[i].answered && !strstr(out->sent[i].payload, "moved"))
            tell(fake_done(out, i, 0));
    assert_true(said("moved"));
    relay_stop(&r);
    relay_step(&r);
    assert_true(said("stopped"));
    settle();
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
}

/* `moved` has been said: the stop goes on to where it was moving, for that is the last word. */
static void a_stop_after_moved_is_told_to_the_next_broker(void **state)
{
    (void)state;
    on_the_second_while_the_first_is_back();
    wait_ms(PROBE_HOLD_MS);
    settle();
    assert_true(said("moved"));
    relay_stop(&r);
    relay_step(&r);
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_false(relay_ended(&r));
    wait_ms(DIAL_NEXT_MS);
    assert_string_equal(out->uri, "tcp://a");
    tell(fake_up(out));
    settle();
    assert_true(said("stopped"));
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
}

static void a_stop_after_moved_waits_no_longer_than_promised(void **state)
{
    int64_t began;

    (void)state;
    on_the_second_while_the_first_is_back();
    wait_ms(PROBE_HOLD_MS);
    settle();
    began = clk.mono_ms;
    relay_stop(&r);
    relay_step(&r);
    tell(fake_ended(out, LINK_CLOSED, 0)); /* and the other one never answers */
    while (!relay_ended(&r))
        fake_clock_advance(&clk, relay_step(&r) - clk.mono_ms);
    assert_true(clk.mono_ms - began <= 2500);
    assert_false(out->open);
}

static void quiesce_only_ends_the_commands(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_up(out));
    tell(fake_up(&links[LINK_IN]));
    relay_quiesce(&r);
    settle();
    assert_int_equal(links[LINK_IN].disconnects, 1);
    assert_false(relay_quiet(&r));
    tell(fake_ended(&links[LINK_IN], LINK_CLOSED, 0));
    assert_true(relay_quiet(&r));
    assert_true(stats().connected);
    wait_ms(100000);
    assert_int_equal(links[LINK_IN].connects, 1);
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
        TEST(an_attempt_without_an_end_is_given_up),
        TEST(the_connack_starts_the_drain_and_a_loss_starts_it_again),
        TEST(a_broker_that_does_not_acknowledge_is_left),
        TEST(the_event_is_not_blamed_for_it),
        TEST(records_of_older_connections_are_ignored),
        TEST(a_broker_without_qos_1_is_refused),
        TEST(a_receive_maximum_of_0_is_a_protocol_error),
        TEST(an_old_broker_is_spoken_to_in_3_1_1_at_once),
        TEST(stopping_lets_what_is_under_way_finish),
        TEST(stopping_waits_no_longer_than_promised),
        TEST(stopping_before_there_is_a_connection_is_at_once),
        TEST(a_lost_broker_is_followed_by_the_next_and_the_session_goes_along),
        TEST(back_to_the_preferred_one_leaving_moved_behind),
        TEST(a_move_that_fails_goes_on_with_the_list),
        TEST(a_stop_during_a_move_ends_it),
        TEST(a_stop_during_the_farewell_of_a_move_says_stopped),
        TEST(a_stop_after_moved_is_told_to_the_next_broker),
        TEST(a_stop_after_moved_waits_no_longer_than_promised),
        TEST(quiesce_only_ends_the_commands),
        TEST(every_record_is_survived_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
