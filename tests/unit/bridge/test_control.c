/* test_control.c - what the agent says of itself. */
#include "unit/bridge/sender_rig.h"

static void the_birth_comes_first_then_watch_info_health(void **state)
{
    static const char *const order[] = {
        "studio/agents/edge-1/availability", "studio/agents/edge-1/availability",
        "studio/agents/edge-1/info", "studio/agents/edge-1/health", "studio/tables/+/status"};

    (void)state;
    rig_commit(1);
    rig_show("T", 1, "up");
    assert_true(sender_step(&s) > clk.mono_ms); /* not connected: nothing goes out */
    assert_int_equal(out.count, 0);
    rig_up();
    sender_step(&s);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(out.sent[i].topic, order[i]);
        assert_int_equal(out.sent[i].subscribe, i == 1 || i == 4);
        assert_true(out.sent[i].subscribe || out.sent[i].retained);
    }
    assert_string_equal(out.watch, out.sent[0].payload);
    assert_int_equal(out.sent[3].expiry_s, 30);
    assert_string_equal(out.sent[5].topic, "studio/tables/T/changes");
    assert_int_equal(out.sent[5].seq, 1);
    assert_false(out.sent[5].retained);
}

static void a_foreign_word_on_the_own_topic_is_put_right_once_a_second(void **state)
{
    size_t from = rig_connect();

    (void)state;
    fake_clock_advance(&clk, 5000);
    sender_heard(&s, true, false);
    sender_step(&s);
    assert_int_equal(out.count, from);
    sender_heard(&s, false, false);
    sender_heard(&s, false, false);
    rig_settle(from);
    assert_int_equal(out.count, from + 1);
    assert_non_null(strstr(out.sent[from].payload, "\"state\":\"online\""));
    sender_heard(&s, false, false);
    assert_true(sender_step(&s) <= clk.mono_ms + CONTROL_BIRTH_MS);
    assert_int_equal(out.count, from + 1);
    fake_clock_advance(&clk, CONTROL_BIRTH_MS);
    rig_settle(from);
    assert_int_equal(out.count, from + 2);
}

static void health_is_said_every_ten_seconds(void **state)
{
    size_t from;
    int64_t at;

    (void)state;
    rig_up();
    rig_settle(0);
    from = out.count;
    at = sender_step(&s);
    assert_int_equal(at, clk.mono_ms + CONTROL_HEALTH_MS);
    fake_clock_advance(&clk, CONTROL_HEALTH_MS - 1);
    sender_step(&s);
    assert_int_equal(out.count, from);
    fake_clock_advance(&clk, 1);
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    assert_int_equal(fake_find(&out, from, "/health"), from);
}

/* Else a broker that comes back from its files would show for ever who was killed with it. */
static void online_and_info_expire_and_are_said_again_in_time(void **state)
{
    static const char *const topics_said[] = {"/availability", "/info"};
    size_t from = rig_connect();

    (void)state;
    for (int i = 0; i < 3; i++) {
        fake_clock_advance(&clk, ANNOUNCE_REFRESH_MS - 1);
        rig_settle(from);
        for (size_t t = 0; t < 2; t++)
            assert_int_equal(fake_find(&out, from, topics_said[t]), SIZE_MAX);
        fake_clock_advance(&clk, 1);
        rig_settle(from);
        for (size_t t = 0; t < 2; t++) {
            size_t at = fake_find(&out, from, topics_said[t]);

            assert_int_not_equal(at, SIZE_MAX);
            assert_int_equal(out.sent[at].expiry_s, ANNOUNCE_EXPIRY_S);
            assert_true(out.sent[at].retained);
        }
        assert_string_equal(out.sent[fake_find(&out, from, "/availability")].payload, out.watch);
        from = out.count;
    }
    sender_leave(&s, "stopped"); /* the last word stays */
    sender_say_farewell(&s);
    rig_settle(from);
    assert_int_equal(out.sent[from].expiry_s, 0);
    fake_clock_advance(&clk, 2 * ANNOUNCE_REFRESH_MS);
    rig_settle(from);
    assert_int_equal(out.count, from + 1);
}

static void what_cannot_expire_is_said_once(void **state)
{
    struct link_limits limits = rig_limits();
    size_t from;

    (void)state;
    limits.mqtt_version = 4;
    rig_up_with(&limits);
    rig_settle(0);
    from = out.count;
    fake_clock_advance(&clk, 3 * ANNOUNCE_REFRESH_MS);
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "/availability"), SIZE_MAX);
    assert_int_equal(fake_find(&out, from, "/info"), SIZE_MAX);
}

static size_t count_sent(size_t from, const char *topic_end)
{
    size_t n = 0;

    while ((from = fake_find(&out, from, topic_end)) != SIZE_MAX) {
        n++;
        from++;
    }
    return n;
}

/* Once whoever does it is through, and at last even if that never is. */
static void all_comes_again_when_it_was_wiped(void **state)
{
    size_t from;

    (void)state;
    rig_show("T", 1, "up");
    from = rig_connect();
    for (int64_t waited = 0; waited < SENDER_WIPING_MS; waited += SENDER_WIPED_MS / 2) {
        sender_heard(&s, true, true);
        rig_settle(from);
        assert_int_equal(count_sent(from, "/tables/T/status"), 0);
        fake_clock_advance(&clk, SENDER_WIPED_MS / 2);
    }
    rig_settle(from);
    assert_int_equal(count_sent(from, "/tables/T/status"), 1);
    from = out.count;
    sender_heard(&s, true, true);
    fake_clock_advance(&clk, SENDER_AGAIN_MS - 1);
    rig_settle(from);
    assert_int_equal(count_sent(from, "/tables/T/status"), 0);
    fake_clock_advance(&clk, 1);
    rig_settle(from);
    assert_int_equal(count_sent(from, "/tables/T/status"), 1);
    assert_int_equal(count_sent(from, "/tables/T/fields/SDP"), 1);
    assert_int_equal(count_sent(from, "/availability"), 1);
    assert_int_equal(count_sent(from, "/info"), 1);
    assert_int_equal(count_sent(from, "/health"), 1);
    from = out.count;
    fake_clock_advance(&clk, 5000);
    rig_settle(from);
    assert_int_equal(out.count, from);
}

static size_t watches(int version)
{
    struct link_limits limits = rig_limits();
    size_t from = out.count;

    limits.mqtt_version = version;
    rig_up_with(&limits);
    fake_clock_advance(&clk, 1000);
    sender_step(&s); /* what was in flight before goes out with nothing beside it */
    for (size_t i = from; i < out.count && count_sent(from, "/tables/+/status") == 0; i++) {
        rig_done(i, 0);
        sender_step(&s);
    }
    return count_sent(from, "/tables/+/status");
}

/* Not where it would hear itself, and not with a broker that hangs up on it. */
static void wiping_is_watched_for_where_that_is_possible(void **state)
{
    (void)state;
    assert_int_equal(watches(4), 0);
    sender_down(&s, true);
    for (int i = 0; i < CONTROL_WATCH_TRIES; i++) {
        assert_int_equal(watches(5), 1);
        sender_down(&s, true);
    }
    assert_int_equal(watches(5), 0);
}

/* A mirror without a watch of the own availability is better than none: RabbitMQ ends the connection on it where
 * the node is gone that its queue was on. */
static void the_own_availability_is_not_watched_at_any_price(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * (CONTROL_WATCH_TRIES + 1); i++) {
        size_t watched = 0, from = out.count;

        rig_up();
        sender_step(&s);
        for (size_t at = from; at < out.count; at++)
            if (out.sent[at].subscribe && strstr(out.sent[at].topic, "/availability"))
                watched++;
            else
                rig_done(at, 0), sender_step(&s);
        assert_int_equal(watched, i % (CONTROL_WATCH_TRIES + 1) < CONTROL_WATCH_TRIES);
        assert_true(fake_find(&out, from, "/health") < out.count);
        sender_down(&s, true);
    }
}

/* That it will be said anyway, in a while, is not soon enough. */
static void a_foreign_word_does_not_wait_for_the_next_repetition(void **state)
{
    size_t from = rig_connect();

    (void)state;
    fake_clock_advance(&clk, 5000);
    sender_heard(&s, false, false);
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "/availability"), from);
}

static void health_knows_the_age_of_the_backlog(void **state)
{
    size_t health;

    (void)state;
    source.wall_ms = clk.wall_ms - 65000;
    rig_commit(30);
    rig_up();
    sender_step(&s);
    health = fake_find(&out, 0, "/health");
    assert_non_null(
        strstr(out.sent[health].payload, "\"backlog\":{\"events\":30,\"oldest_s\":65}"));
}

static void the_farewell_waits_for_nothing_new(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_commit(1);
    sender_step(&s);
    rig_commit(1);
    rig_show("T", 1, "up");
    sender_leave(&s, "stopped");
    sender_heard(&s, false, false);
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    rig_done(from, 0);
    sender_say_farewell(&s);
    sender_step(&s);
    assert_int_equal(out.count, from + 2);
    assert_non_null(strstr(out.sent[from + 1].payload, "\"state\":\"stopped\""));
    assert_true(out.sent[from + 1].retained);
    assert_false(sender_farewell_done(&s));
    rig_done(from + 1, 0);
    assert_true(sender_farewell_done(&s));
    assert_int_equal(source.acked, 1);
}

static void a_farewell_goes_out_even_when_the_window_is_stuck(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.receive_max = 1;
    rig_up_with(&limits);
    sender_step(&s);
    assert_int_equal(out.count, 1);
    sender_leave(&s, "stopped");
    sender_say_farewell(&s);
    sender_step(&s);
    assert_int_equal(out.count, 2);
}

/* --- the check of names ------------------------------------------------------------------------ */

enum { CHECKS_AT_MOST = 10 };

/* With a name in use that has a dot in it: where the subscription to the check is. */
static size_t ask(void)
{
    size_t at;

    rig_show("ARO.7", 1, "up");
    at = rig_connect();
    assert_int_not_equal(fake_find(&out, 0, "/check/#"), SIZE_MAX);
    assert_int_not_equal(fake_find(&out, 0, "/check/x.x"), SIZE_MAX);
    return at;
}

static const char *health_after(size_t from)
{
    sender_step(&s);
    from = fake_find(&out, from, "/health");
    return from == SIZE_MAX ? "" : out.sent[from].payload;
}

static void a_message_to_itself_where_names_have_a_dot(void **state)
{
    size_t check;

    (void)state;
    rig_show("T", 1, "up");
    rig_connect();
    assert_int_equal(fake_find(&out, 0, "/check/#"), SIZE_MAX);
    ask();
    check = fake_find(&out, 0, "/check/x.x");
    assert_string_equal(out.sent[check].topic, "studio/agents/edge-1/check/x.x");
    assert_string_equal(out.sent[check].payload, out.sent[check].topic);
    assert_false(out.sent[check].retained);
    assert_int_equal(count_sent(0, "/check/x.x"), 1);
}

static void what_comes_back_changed_is_in_health(void **state)
{
    size_t from = ask();

    (void)state;
    sender_echoed(&s, true);
    assert_string_equal(health_after(from), "");
    sender_echoed(&s, false);
    assert_non_null(strstr(health_after(from), "\"uncarried\":[\"ARO.7\"]"));
}

static void a_broker_that_forbids_the_check_is_not_blamed(void **state)
{
    size_t watch;

    (void)state;
    rig_show("ARO.7", 1, "up");
    rig_up();
    sender_step(&s); /* the name is noted now */
    sender_step(&s);
    watch = fake_find(&out, 0, "/check/#");
    rig_done(watch, 0x87);
    rig_settle(0);
    assert_int_equal(count_sent(0, "/check/x.x"), 0);
    assert_int_equal(count_sent(0, "/check/#"), 1);
    fake_clock_advance(&clk, CONTROL_HEALTH_MS);
    assert_non_null(strstr(health_after(watch), "\"uncarried\":[]"));
    assert_int_equal(count_sent(0, "ARO.7/fields/NFC_SCANNER"), 1); /* all else goes on */
}

/* As NATS does: suspected, alone, parked; it does not end in a loop. */
static void a_broker_that_hangs_up_on_the_check_is_told_of(void **state)
{
    size_t from = out.count, check = SIZE_MAX;
    int hangups = 0;

    (void)state;
    ask();
    sender_down(&s, false);
    for (int i = 0; i < CHECKS_AT_MOST; i++) {
        from = out.count;
        rig_up();
        fake_clock_advance(&clk, 2000);
        for (size_t at = from; check == SIZE_MAX && (sender_step(&s), at < out.count); at++)
            if (strstr(out.sent[at].topic, "/check/x.x"))
                check = at;
            else
                rig_done(at, 0);
        if (check == SIZE_MAX)
            break;
        check = SIZE_MAX;
        hangups++;
        sender_down(&s, true);
    }
    assert_int_equal(hangups, POISON_HANGUPS);
    assert_non_null(strstr(out.sent[out.count - 1].payload, "\"uncarried\":[\"ARO.7\"]"));
}

static void the_check_is_left_where_the_connection_ends_on_its_subscription(void **state)
{
    (void)state;
    rig_show("ARO.7", 1, "up");
    for (int i = 0; i <= CONTROL_WATCH_TRIES; i++) {
        size_t from = out.count;

        rig_up();
        fake_clock_advance(&clk, 2000);
        for (size_t at = from; sender_step(&s), at < out.count; at++)
            if (!strstr(out.sent[at].topic, "/check/#"))
                rig_done(at, 0);
        assert_int_equal(count_sent(from, "/check/#"), i < CONTROL_WATCH_TRIES);
        sender_down(&s, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_birth_comes_first_then_watch_info_health),
        RIG_TEST(a_foreign_word_on_the_own_topic_is_put_right_once_a_second),
        RIG_TEST(health_is_said_every_ten_seconds),
        RIG_TEST(online_and_info_expire_and_are_said_again_in_time),
        RIG_TEST(what_cannot_expire_is_said_once),
        RIG_TEST(the_own_availability_is_not_watched_at_any_price),
        RIG_TEST(a_foreign_word_does_not_wait_for_the_next_repetition),
        RIG_TEST(all_comes_again_when_it_was_wiped),
        RIG_TEST(wiping_is_watched_for_where_that_is_possible),
        RIG_TEST(a_message_to_itself_where_names_have_a_dot),
        RIG_TEST(what_comes_back_changed_is_in_health),
        RIG_TEST(a_broker_that_forbids_the_check_is_not_blamed),
        RIG_TEST(a_broker_that_hangs_up_on_the_check_is_told_of),
        RIG_TEST(the_check_is_left_where_the_connection_ends_on_its_subscription),
        RIG_TEST(health_knows_the_age_of_the_backlog),
        RIG_TEST(the_farewell_waits_for_nothing_new),
        RIG_TEST(a_farewell_goes_out_even_when_the_window_is_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
