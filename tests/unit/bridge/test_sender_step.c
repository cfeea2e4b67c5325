/* test_sender_step.c - what goes out, in which order, how much of each. */
#include "unit/bridge/sender_rig.h"

static void the_birth_comes_first_then_watch_info_health(void **state)
{
    static const char *const order[] = {"studio/agents/edge-1/availability",
                                        "studio/agents/edge-1/availability",
                                        "studio/agents/edge-1/info", "studio/agents/edge-1/health"};

    (void)state;
    rig_commit(1);
    rig_show(1, "up");
    assert_true(sender_step(&s) > clk.mono); /* not connected: nothing goes out */
    assert_int_equal(out.count, 0);
    rig_up();
    sender_step(&s);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(out.sent[i].topic, order[i]);
        assert_int_equal(out.sent[i].subscribe, i == 1);
        assert_true(i == 1 || out.sent[i].retained);
    }
    assert_string_equal(out.watch, out.sent[0].payload);
    assert_int_equal(out.sent[3].expiry_s, 30);
    assert_string_equal(out.sent[4].topic, "studio/tables/T/changes");
    assert_int_equal(out.sent[4].seq, 1);
    assert_false(out.sent[4].retained);
}

static void the_window_is_never_exceeded(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.receive_max = 20;
    rig_commit(500);
    rig_show(1, "up");
    rig_up_with(&limits);
    sender_step(&s);
    assert_int_equal(out.count, 20);
    for (size_t i = 0; i < 100; i++) {
        sender_done(&s, out.sent[i].slot, 0);
        sender_step(&s);
        assert_int_equal(out.count, 20 + i + 1);
    }
}

static void events_go_out_in_order_without_a_gap(void **state)
{
    uint64_t next = 1;

    (void)state;
    for (int i = 0; i < 700; i++) { /* some only in the store */
        uint64_t seq = fake_commit(&source, "T", source.count + 1);

        feed_committed(&s.feed, seq);
    }
    rig_commit(300);
    rig_up();
    rig_settle(0);
    for (size_t i = 0; i < out.count; i++)
        if (out.sent[i].seq)
            assert_int_equal(out.sent[i].seq, next++);
    assert_int_equal(next, 1001);
    assert_int_equal(source.acked, 1000);
}

/* Promise 3, with 400 tables to show while 4000 events wait. */
static void retained_state_gets_its_part_while_a_backlog_drains(void **state)
{
    unsigned retained = 0, last = 0;

    (void)state;
    for (int i = 0; i < 400; i++) {
        char id[16];
        struct studio_snapshot *snapshot;

        snprintf(id, sizeof(id), "T%d", i);
        snapshot = fake_snapshot(id, 1, "up", NULL);
        assert_int_equal(mirror_table(s.mirror, snapshot), STUDIO_OK);
        studio_snapshot_unref(snapshot);
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

static void health_is_said_every_ten_seconds(void **state)
{
    size_t from;
    int64_t at;

    (void)state;
    rig_up();
    rig_settle(0);
    from = out.count;
    at = sender_step(&s);
    assert_int_equal(at, clk.mono + SENDER_HEALTH_MS);
    fake_clock_pass(&clk, SENDER_HEALTH_MS - 1);
    sender_step(&s);
    assert_int_equal(out.count, from);
    fake_clock_pass(&clk, 1);
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    assert_int_equal(fake_find(&out, from, "/health"), from);
}

static void health_knows_the_age_of_the_backlog(void **state)
{
    size_t health;

    (void)state;
    source.wall_ms = clk.wall - 65000;
    rig_commit(30);
    rig_up();
    sender_step(&s);
    health = fake_find(&out, 0, "/health");
    assert_non_null(
        strstr(out.sent[health].payload, "\"backlog\":{\"events\":30,\"oldest_s\":65}"));
}

static void too_large_for_the_broker_is_parked_or_left_out(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.max_packet = 350;
    rig_commit(2);
    memset(source.events[0].body + 40, 'x', 150);
    strcpy(source.events[0].body + 190, "\"}");
    feed_list_clear(&s.feed.live); /* read again from the store, with its new length */
    rig_show(1, "up");
    rig_up_with(&limits);
    rig_settle(0);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 1);
    assert_int_equal(source.acked, 2);
    for (size_t i = 0; i < out.count; i++)
        assert_true(out.sent[i].len < 350);
}

static void without_retain_the_messages_go_out_all_the_same(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.retain = false;
    rig_show(1, "up");
    rig_up_with(&limits);
    rig_settle(0);
    assert_int_not_equal(fake_find(&out, 0, "/status"), SIZE_MAX);
    for (size_t i = 0; i < out.count; i++)
        assert_false(out.sent[i].retained);
}

static void a_library_that_takes_nothing_is_asked_again_soon(void **state)
{
    (void)state;
    rig_commit(3);
    rig_show(1, "up");
    rig_up();
    out.refuses = true;
    assert_true(sender_step(&s) <= clk.mono + 100);
    assert_int_equal(s.window.in_flight, 0);
    out.refuses = false;
    fake_clock_pass(&clk, 100);
    rig_settle(0);
    fake_clock_pass(&clk, 1000);
    rig_settle(0);
    assert_int_equal(source.acked, 3);
    assert_non_null(strstr(out.sent[0].payload, "online"));
    assert_int_not_equal(fake_find(&out, 0, "/status"), SIZE_MAX);
}

static void exceptions_have_their_own_topic(void **state)
{
    size_t at;

    (void)state;
    fake_commit(&source, "T", 1);
    source.events[0].kind = EVENT_EXCEPTION;
    feed_add(&s.feed, fake_event(&source, 1));
    rig_up();
    rig_settle(0);
    at = fake_find(&out, 0, "studio/tables/T/exceptions");
    assert_int_equal(out.sent[at].seq, 1);
}

static void cleared_fields_are_cleared_after_every_connection(void **state)
{
    (void)state;
    source.cleared_table = "T";
    source.cleared_field = "old";
    rig_show(1, "up");
    for (int i = 0; i < 2; i++) {
        size_t from = out.count, at;

        rig_up();
        rig_settle(from);
        at = fake_find(&out, from, "studio/tables/T/fields/old");
        assert_int_not_equal(at, SIZE_MAX);
        assert_int_equal(out.sent[at].len, 0);
        assert_true(out.sent[at].retained);
        sender_down(&s);
    }
}

static void a_replay_runs_behind_live_traffic_and_dies_with_its_connection(void **state)
{
    size_t from, replayed = 0;

    (void)state;
    rig_commit(200);
    rig_up();
    rig_settle(0);
    from = out.count;
    assert_true(intake_request(&intake, reply_create("bo", "re", "id", 2, "{\"from_seq\":1}", 14)));
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
    assert_true(intake_request(&intake, reply_create("bo", "re", NULL, 0, "{\"from_seq\":1}", 14)));
    sender_step(&s);
    assert_int_equal(out.count, from + REPLAY_IN_FLIGHT);
    sender_down(&s);
    from = out.count;
    rig_up();
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "re"), SIZE_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_birth_comes_first_then_watch_info_health),
        TEST(the_window_is_never_exceeded),
        TEST(events_go_out_in_order_without_a_gap),
        TEST(retained_state_gets_its_part_while_a_backlog_drains),
        TEST(health_is_said_every_ten_seconds),
        TEST(health_knows_the_age_of_the_backlog),
        TEST(too_large_for_the_broker_is_parked_or_left_out),
        TEST(without_retain_the_messages_go_out_all_the_same),
        TEST(a_library_that_takes_nothing_is_asked_again_soon),
        TEST(exceptions_have_their_own_topic),
        TEST(cleared_fields_are_cleared_after_every_connection),
        TEST(a_replay_runs_behind_live_traffic_and_dies_with_its_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
