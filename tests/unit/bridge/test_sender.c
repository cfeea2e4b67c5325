/* test_sender.c - whose turn it is, how much of each. */
#include "unit/bridge/sender_rig.h"

static void the_window_is_never_exceeded(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.receive_max = 20;
    rig_commit(500);
    rig_show("T", 1, "up");
    rig_up_with(&limits);
    sender_step(&s);
    assert_int_equal(out.count, 20);
    for (size_t i = 0; i < 100; i++) {
        sender_done(&s, out.sent[i].slot, 0);
        sender_step(&s);
        assert_int_equal(out.count, 20 + i + 1);
    }
}

static void show_400_tables(void)
{
    for (int i = 0; i < 400; i++) {
        char id[16];

        snprintf(id, sizeof(id), "T%d", i);
        rig_show(id, 1, "up");
    }
}

/* All but what is retained of tables. */
static void settle_others(size_t from)
{
    sender_step(&s);
    for (; from < out.count; from++)
        if (!out.sent[from].retained || !strstr(out.sent[from].topic, "/tables/")) {
            rig_done(from, 0);
            sender_step(&s);
        }
}

/* Of each window, what is before an event that comes. */
static void an_event_has_few_retained_ones_before_it(void **state)
{
    static const struct {
        unsigned receive_max, before;
    } windows[] = {{65535, 25}, {20, 5}, {7, 1}, {3, 1}, {2, 1}};

    (void)state;
    show_400_tables();
    for (size_t w = 0; w < sizeof(windows) / sizeof(*windows); w++) {
        struct link_limits limits = rig_limits();
        size_t from = out.count;

        limits.receive_max = windows[w].receive_max;
        rig_up_with(&limits);
        rig_commit(1);
        settle_others(from);
        for (int i = 0; i < 100; i++) {
            size_t next = out.count;

            assert_int_equal(s.window.in_flight, windows[w].before);
            rig_commit(1);
            sender_step(&s);
            assert_int_equal(out.count, next + 1);
            assert_int_equal(out.sent[next].seq, source.count);
            rig_done(next, 0);
            assert_true(sender_step(&s) > clk.mono_ms);
        }
        sender_down(&s, false);
    }
}

static void retained_ones_have_the_window_when_no_events_come(void **state)
{
    (void)state;
    show_400_tables();
    rig_up();
    rig_commit(1);
    settle_others(0);
    assert_in_range(s.window.in_flight, 1, WINDOW_MAX / 4);
    fake_clock_advance(&clk, WINDOW_EVENTS_MS);
    sender_step(&s);
    assert_int_equal(s.window.in_flight, WINDOW_MAX);
}

/* Promise 3, with 400 tables to show while 4000 events wait. */
static void retained_state_gets_its_part_while_a_backlog_drains(void **state)
{
    unsigned retained = 0, last = 0;

    (void)state;
    show_400_tables();
    rig_commit(4000);
    rig_up();
    rig_settle(0);
    for (unsigned i = 4; i < out.count; i++) {
        retained += out.sent[i].retained;
        if (out.sent[i].seq)
            last = i;
        if (out.sent[i].seq == 4000)
            break;
    }
    assert_in_range(retained, last / 10, last / 4);
}

static void a_library_that_takes_nothing_is_asked_again_soon(void **state)
{
    (void)state;
    rig_commit(3);
    rig_show("T", 1, "up");
    rig_up();
    out.refuses = true;
    assert_true(sender_step(&s) <= clk.mono_ms + 100);
    assert_true(sender_drained(&s));
    out.refuses = false;
    fake_clock_advance(&clk, 100);
    rig_settle(0);
    fake_clock_advance(&clk, 1000);
    rig_settle(0);
    assert_int_equal(source.acked, 3);
    assert_non_null(strstr(out.sent[0].payload, "online"));
    assert_int_not_equal(fake_find(&out, 0, "/status"), SIZE_MAX);
}

static void ask_for_all(const char *id)
{
    const struct studio_replay ask = {.from_seq = 1};

    assert_true(replays_put(&replays, reply_create("bo", "re", NULL, id, 2, "", 0), &ask));
}

static void a_replay_runs_behind_live_traffic_and_dies_with_its_connection(void **state)
{
    size_t from, replayed = 0;

    (void)state;
    rig_commit(200);
    rig_up();
    rig_settle(0);
    from = out.count;
    ask_for_all("id");
    rig_commit(100);
    sender_step(&s); /* the window: 100 */
    for (size_t i = from; i < out.count; i++)
        replayed += strcmp(out.sent[i].topic, "re") == 0;
    assert_in_range(replayed, 1, 12);
    rig_settle(from);
    replayed = 0;
    for (size_t i = from; i < out.count; i++)
        if (strcmp(out.sent[i].topic, "re") == 0) {
            assert_string_equal(out.sent[i].correlation, "id");
            if (++replayed <= 300)
                assert_int_equal(out.sent[i].seq, replayed);
            else
                assert_string_equal(out.sent[i].payload, "{\"end\":true,\"count\":300}");
        }
    assert_int_equal(replayed, 301);

    from = out.count;
    ask_for_all("xy");
    sender_step(&s);
    assert_int_equal(out.count, from + REPLAY_IN_FLIGHT);
    sender_down(&s, true);
    from = out.count;
    rig_up();
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "re"), SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_window_is_never_exceeded),
        RIG_TEST(an_event_has_few_retained_ones_before_it),
        RIG_TEST(retained_ones_have_the_window_when_no_events_come),
        RIG_TEST(retained_state_gets_its_part_while_a_backlog_drains),
        RIG_TEST(a_library_that_takes_nothing_is_asked_again_soon),
        RIG_TEST(a_replay_runs_behind_live_traffic_and_dies_with_its_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
