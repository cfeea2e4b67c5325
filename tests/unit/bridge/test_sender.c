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

/* Promise 3, with 400 tables to show while 4000 events wait. */
static void retained_state_gets_its_part_while_a_backlog_drains(void **state)
{
    unsigned retained = 0, last = 0;

    (void)state;
    for (int i = 0; i < 400; i++) {
        char id[16];

        snprintf(id, sizeof(id), "T%d", i);
        rig_show(id, 1, "up");
    }
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
        RIG_TEST(retained_state_gets_its_part_while_a_backlog_drains),
        RIG_TEST(a_library_that_takes_nothing_is_asked_again_soon),
        RIG_TEST(a_replay_runs_behind_live_traffic_and_dies_with_its_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
