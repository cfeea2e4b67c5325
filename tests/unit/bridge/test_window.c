/* test_window.c - messages in flight. */
#include "bridge/window.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

static struct fake_clock clk;
static struct fake_link out;
static struct topics topics;
static struct window w;

static void up(unsigned receive_max, uint32_t max_packet)
{
    const struct link_limits limits = {
        .receive_max = receive_max, .max_packet = max_packet, .retain = true, .max_qos = 1};

    window_up(&w, &limits, "mqtt://a");
}

static int setup(void **state)
{
    const struct window_options options = {
        .link = &out.link, .clock = &clk.clock, .topics = &topics, .epoch = "6f1c"};

    (void)state;
    fake_clock_init(&clk);
    fake_link_init(&out, LINK_OUT);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    window_init(&w, &options);
    up(10, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    window_finish(&w);
    fake_link_finish(&out);
    return 0;
}

static enum window_sent send(enum traffic traffic, uint64_t key)
{
    struct link_message m = {.topic = "t", .payload = "{}", .len = 2, .retained = true};

    return window_publish(&w, traffic, NULL, key, &m);
}

/* Ends the message sent as the n-th. */
static struct slot done(size_t n)
{
    struct slot was;

    assert_true(window_done(&w, out.sent[n].slot, 0, &was));
    return was;
}

static void the_limit_is_the_brokers_and_never_above_ours(void **state)
{
    (void)state;
    up(65535, 0);
    for (int i = 0; i < WINDOW_MAX; i++) {
        assert_true(window_has_room(&w));
        assert_int_equal(send(TRAFFIC_EVENTS, 1), WINDOW_SENT);
    }
    assert_false(window_has_room(&w));
    up(1, 0);
    assert_int_equal(send(TRAFFIC_CONTROL, 0), WINDOW_SENT);
    assert_false(window_has_room(&w));
    assert_int_equal(send(TRAFFIC_CONTROL, 1), WINDOW_SENT); /* last words go beyond it */
}

static void slots_are_numbered_and_run_out(void **state)
{
    bool seen[LINK_SLOTS] = {false};
    struct slot was;

    (void)state;
    for (size_t i = 0; i < LINK_SLOTS; i++) {
        assert_int_equal(send(TRAFFIC_RETAINED, 0), WINDOW_SENT);
        assert_true(out.sent[i].slot < LINK_SLOTS && !seen[out.sent[i].slot]);
        seen[out.sent[i].slot] = true;
    }
    assert_int_equal(send(TRAFFIC_RETAINED, 0), WINDOW_STALLED);
    assert_false(window_done(&w, LINK_SLOTS, 0, &was)); /* no such slot */
    done(7);
    assert_false(window_done(&w, out.sent[7].slot, 0, &was)); /* once */
    assert_int_equal(send(TRAFFIC_RETAINED, 0), WINDOW_SENT);
}

static void a_message_that_ended_is_told_to_its_traffic(void **state)
{
    struct slot was;

    (void)state;
    send(TRAFFIC_EVENTS, 17);
    send(TRAFFIC_CONTROL, 3);
    was = done(1);
    assert_int_equal(was.traffic, TRAFFIC_CONTROL);
    assert_int_equal(was.key, 3);
    was = done(0);
    assert_int_equal(was.traffic, TRAFFIC_EVENTS);
    assert_int_equal(was.key, 17);
}

static void the_end_of_a_connection_gives_back_the_newest_first(void **state)
{
    struct slot was;

    (void)state;
    for (uint64_t key = 1; key <= 4; key++)
        send(TRAFFIC_ANSWERS, key);
    done(1);
    send(TRAFFIC_ANSWERS, 5); /* in the slot that was second */
    for (uint64_t key = 5; key > 0; key -= key == 3 ? 2 : 1) {
        assert_true(window_give_back(&w, &was));
        assert_int_equal(was.key, key);
    }
    assert_false(window_give_back(&w, &was));
}

static void the_one_in_flight_for_longest_is_known(void **state)
{
    const int64_t began = clk.mono_ms;

    (void)state;
    assert_int_equal(window_sent_ms(&w), -1);
    for (uint64_t i = 0; i < 3; i++) {
        send(TRAFFIC_EVENTS, i);
        fake_clock_advance(&clk, 100);
    }
    assert_int_equal(window_sent_ms(&w), began);
    done(2);
    done(0);
    send(TRAFFIC_EVENTS, 4);
    assert_int_equal(window_sent_ms(&w), began + 100);
    up(10, 0);
    assert_int_equal(window_sent_ms(&w), -1);
}

static void the_lowest_of_one_traffic_is_known(void **state)
{
    (void)state;
    send(TRAFFIC_CONTROL, 1);
    assert_null(window_lowest(&w, TRAFFIC_EVENTS));
    send(TRAFFIC_EVENTS, 9);
    send(TRAFFIC_EVENTS, 7);
    assert_int_equal(window_lowest(&w, TRAFFIC_EVENTS)->key, 7);
    done(2);
    assert_int_equal(window_lowest(&w, TRAFFIC_EVENTS)->key, 9);
}

static void what_does_not_fit_or_is_not_taken_is_not_in_flight(void **state)
{
    struct slot was;

    (void)state;
    up(10, 100);
    assert_int_equal(send(TRAFFIC_EVENTS, 1), WINDOW_TOO_LARGE);
    up(10, 1000);
    out.refuses = true;
    assert_int_equal(send(TRAFFIC_EVENTS, 1), WINDOW_STALLED);
    assert_true(w.stalled_ms > clk.mono_ms);
    assert_false(window_give_back(&w, &was));
    assert_int_equal(out.count, 0);
}

static void without_retain_nothing_is_sent_as_retained(void **state)
{
    const struct link_limits limits = {.receive_max = 10, .max_qos = 1};

    (void)state;
    send(TRAFFIC_RETAINED, 0);
    assert_true(out.sent[0].retained);
    window_up(&w, &limits, "mqtt://a");
    send(TRAFFIC_RETAINED, 0);
    assert_false(out.sent[1].retained);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_limit_is_the_brokers_and_never_above_ours),
        TEST(slots_are_numbered_and_run_out),
        TEST(a_message_that_ended_is_told_to_its_traffic),
        TEST(the_end_of_a_connection_gives_back_the_newest_first),
        TEST(the_one_in_flight_for_longest_is_known),
        TEST(the_lowest_of_one_traffic_is_known),
        TEST(what_does_not_fit_or_is_not_taken_is_not_in_flight),
        TEST(without_retain_nothing_is_sent_as_retained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
