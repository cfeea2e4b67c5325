/* test_relay_leave.c - the bridge's state machine on its way out: stopping, and moving to a better broker. */
#include "unit/bridge/relay_rig.h"

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

static void stopping_between_attempts_is_at_once(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    tell(fake_ended(out, LINK_FAILED, 0));
    relay_stop(&r);
    assert_true(relay_ended(&r));
    assert_false(out->open);
}

/* The broker may have its will by then. */
static void a_stop_during_an_attempt_says_stopped_if_it_comes_about(void **state)
{
    (void)state;
    start("mqtt://a");
    relay_step(&r);
    relay_stop(&r);
    assert_false(relay_ended(&r));
    tell(fake_up(out));
    settle();
    assert_true(said("stopped"));
    assert_int_equal(fake_find(out, 0, "/info"), SIZE_MAX);
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
    assert_int_equal(out->connects, 1);
}

static void a_stop_during_an_attempt_that_fails_ends_with_it(void **state)
{
    (void)state;
    start("mqtt://a,mqtt://b");
    relay_step(&r);
    relay_stop(&r);
    tell(fake_ended(out, LINK_FAILED, 0));
    assert_true(relay_ended(&r));
    assert_int_equal(out->connects, 1);
}

static void a_stop_during_an_attempt_waits_no_longer_than_promised(void **state)
{
    int64_t began;

    (void)state;
    start("mqtt://a");
    relay_step(&r);
    began = clk.mono_ms;
    relay_stop(&r);
    while (!relay_ended(&r))
        fake_clock_advance(&clk, relay_step(&r) - clk.mono_ms);
    assert_true(clk.mono_ms - began <= 2500);
    assert_false(out->open);
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

/* --- the agent may be another process's ------------------------------------------------------- */

static void start_ours(const char *uris)
{
    ours = true;
    source.ops.owned = is_ours;
    start(uris);
    relay_step(&r);
}

static void who_is_not_sure_says_nothing(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    tell(fake_up(out));
    settle();
    forget_sent();
    ours = false;
    commit(3);
    wait_ms(60000);
    assert_int_equal(out->count, 0);
    assert_true(stats().connected); /* and waits */
    ours = true;
    wait_ms(RELAY_MUTE_MS);
    assert_true(out->count >= 3);
    settle();
    assert_int_equal(source.acked, 3);
}

static void who_is_not_sure_does_not_connect(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    tell(fake_up(out));
    settle();
    ours = false;
    tell(fake_ended(out, LINK_LOST, 0x8e)); /* the new owner is there */
    for (int i = 0; i < 100; i++)
        wait_ms(1000);
    assert_int_equal(out->connects, 1);
    ours = true;
    wait_ms(RELAY_MUTE_MS);
    assert_int_equal(out->connects, 2);
}

/* An attempt that is under way ends; it is made again when it may be. */
static void an_attempt_ends_when_it_is_not_sure(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    assert_true(out->open);
    ours = false;
    wait_ms(RELAY_MUTE_MS);
    assert_false(out->open);
    ours = true;
    wait_ms(DIAL_NEXT_MS * 100);
    assert_true(out->open);
}

/* Where nobody knows who it is the broker says `lost`, and never `stopped`. */
static void who_stops_while_it_is_not_sure_is_lost(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    tell(fake_up(out));
    settle();
    forget_sent();
    ours = false;
    relay_stop(&r);
    relay_step(&r);
    assert_int_equal(out->count, 0);
    assert_int_equal(out->disconnects, 1);
    assert_true(out->will_wanted);
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
}

static void what_is_dropped_says_nothing(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    tell(fake_up(out));
    settle();
    commit(1);
    relay_step(&r);
    forget_sent();
    relay_drop(&r, false); /* with an event under way */
    relay_step(&r);
    assert_int_equal(out->count, 0);
    assert_int_equal(out->disconnects, 1);
    assert_false(out->will_wanted);
    tell(fake_ended(out, LINK_CLOSED, 0));
    assert_true(relay_ended(&r));
    assert_int_equal(source.acked, 0);
}

static void what_is_dropped_waits_no_longer_than_promised(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    tell(fake_up(out));
    settle();
    ours = false;
    relay_drop(&r, true);
    assert_true(out->will_wanted);
    for (int i = 0; i < 7; i++)
        wait_ms(RELAY_MUTE_MS);
    assert_true(relay_ended(&r));
}

static void what_is_dropped_between_attempts_ends_at_once(void **state)
{
    (void)state;
    start_ours("mqtt://a");
    relay_drop(&r, true);
    assert_true(relay_ended(&r));
    assert_false(out->open);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stopping_lets_what_is_under_way_finish),
        TEST(stopping_waits_no_longer_than_promised),
        TEST(stopping_between_attempts_is_at_once),
        TEST(a_stop_during_an_attempt_says_stopped_if_it_comes_about),
        TEST(a_stop_during_an_attempt_that_fails_ends_with_it),
        TEST(a_stop_during_an_attempt_waits_no_longer_than_promised),
        TEST(back_to_the_preferred_one_leaving_moved_behind),
        TEST(a_move_that_fails_goes_on_with_the_list),
        TEST(a_stop_during_a_move_ends_it),
        TEST(a_stop_during_the_farewell_of_a_move_says_stopped),
        TEST(a_stop_after_moved_is_told_to_the_next_broker),
        TEST(a_stop_after_moved_waits_no_longer_than_promised),
        TEST(quiesce_only_ends_the_commands),
        TEST(who_is_not_sure_says_nothing),
        TEST(who_is_not_sure_does_not_connect),
        TEST(an_attempt_ends_when_it_is_not_sure),
        TEST(who_stops_while_it_is_not_sure_is_lost),
        TEST(what_is_dropped_says_nothing),
        cmocka_unit_test_setup_teardown(what_is_dropped_waits_no_longer_than_promised, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_dropped_between_attempts_ends_at_once, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
