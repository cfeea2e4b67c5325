/* test_outbox.c - events: acknowledged, refused, lost, parked. */
#include "unit/bridge/sender_rig.h"

static size_t event_at(size_t from, uint64_t seq)
{
    for (; from < out.count; from++)
        if (out.sent[from].seq == seq)
            return from;
    fail_msg("event %" PRIu64 " was not sent", seq);
    return 0;
}

static bool sent_again(size_t from, uint64_t seq)
{
    for (; from < out.count; from++)
        if (out.sent[from].seq == seq)
            return true;
    return false;
}

static void the_watermark_moves_with_the_contiguous_part(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    rig_done(event_at(from, 2), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 0);
    rig_done(event_at(from, 1), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 2);
    rig_done(event_at(from, 3), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 3);
    assert_int_equal(sender_backlog(&s), 0);
}

static void a_loss_sends_again_from_the_lowest_unacknowledged(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_commit(5);
    sender_step(&s);
    rig_done(event_at(from, 1), 0);
    rig_done(event_at(from, 4), 0);
    rig_done(event_at(from, 2), -1); /* the library gives some of them back first */
    sender_down(&s, true);
    assert_int_equal(source.acked, 1);
    from = out.count;
    rig_up();
    rig_settle(from);
    for (uint64_t seq = 2; seq <= 5; seq++)
        event_at(from, seq);
    assert_false(sent_again(from, 1));
    assert_int_equal(source.acked, 5);
}

static void a_passing_refusal_is_tried_again_before_anything_new(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    rig_done(event_at(from, 2), 0x97);
    rig_done(event_at(from, 1), 0);
    rig_done(event_at(from, 3), 0);
    from = out.count;
    rig_commit(1);
    sender_step(&s);
    assert_int_equal(source.acked, 1);
    assert_false(sent_again(from, 2) || sent_again(from, 4));
    fake_clock_advance(&clk, OUTBOX_RETRY_MS);
    sender_step(&s);
    assert_true(event_at(from, 2) < event_at(from, 4));
    rig_settle(from);
    assert_int_equal(source.acked, 4);
    assert_int_equal(source.parked_count, 0);
}

static void a_refusal_for_good_is_parked_and_blocks_nobody(void **state)
{
    static const int reasons[] = {0x87, 0x90, 0x95, 0x99};
    size_t from = rig_connect();

    (void)state;
    rig_commit(5);
    sender_step(&s);
    for (uint64_t seq = 1; seq <= 4; seq++)
        rig_done(event_at(from, seq), reasons[seq - 1]);
    rig_done(event_at(from, 5), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 5);
    assert_int_equal(source.parked_count, 4);
    assert_int_equal(sender_parked(&s).events, 4);
}

static void a_parked_event_is_not_sent_again(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    rig_done(event_at(from, 2), 0x87); /* 1 is still under way: the watermark stands below 2 */
    source.events[1].parked = false;   /* the store is behind with its mark */
    sender_down(&s, true);
    from = out.count;
    rig_up();
    rig_settle(from);
    assert_true(sent_again(from, 1) && sent_again(from, 3));
    assert_false(sent_again(from, 2));
    assert_int_equal(source.acked, 3);
    assert_int_equal(source.parked_count, 1);
}

/* Promise 6: three connections in a row that ended on it as the oldest. */
static void an_event_that_ends_connections_is_parked(void **state)
{
    size_t from;

    (void)state;
    rig_commit(4);
    for (int i = 0; i < POISON_HANGUPS; i++) {
        from = out.count;
        rig_up();
        rig_settle_words(from);
        if (i == 0)
            rig_done(event_at(from, 1), 0);
        /* From the second time on it is alone, so that no other can be to blame. */
        assert_int_equal(sent_again(from, 3), i < 1);
        assert_int_equal(source.parked_count, 0);
        if (i == 1) /* the library gives it back before it says that the connection is gone */
            rig_done(event_at(from, 2), -1);
        sender_down(&s, true);
    }
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 2);
    from = out.count;
    rig_up();
    rig_settle(from);
    assert_int_equal(source.acked, 4);
    assert_false(sent_again(from, 2));
}

/* Event 3 ends every connection it is sent on before anything is acknowledged. */
static void nobody_pays_for_the_one_behind_it(void **state)
{
    int connections = 0;

    (void)state;
    rig_commit(5);
    rig_show("T", 1, "up");
    while (source.acked < 5 && connections++ < 20) {
        size_t from = out.count;

        rig_up();
        rig_settle_words(from);
        while (!sent_again(from, 3) && source.acked < 5) {
            size_t answered = 0;

            for (size_t i = from; i < out.count; i++)
                if (out.sent[i].seq && !out.sent[i].answered) {
                    rig_done(i, 0);
                    answered++;
                }
            assert_true(answered > 0);
            sender_step(&s);
        }
        if (source.acked < 5)
            sender_down(&s, true);
    }
    assert_int_equal(source.acked, 5);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 3);
    assert_true(connections <= 6);
}

static void progress_between_losses_clears_the_suspicion(void **state)
{
    (void)state;
    rig_commit(10);
    for (uint64_t i = 1; i <= 8; i++) {
        size_t from = out.count;

        rig_up();
        rig_settle_words(from);
        if (i % 2)
            rig_done(event_at(from, source.acked + 1), 0);
        sender_down(&s, true);
    }
    assert_int_equal(source.parked_count, 0);
}

static void events_go_out_in_order_without_a_gap(void **state)
{
    uint64_t next = 1;

    (void)state;
    rig_start_with(700);
    rig_commit(300);
    rig_up();
    rig_settle(0);
    for (size_t i = 0; i < out.count; i++)
        if (out.sent[i].seq)
            assert_int_equal(out.sent[i].seq, next++);
    assert_int_equal(next, 1001);
    assert_int_equal(source.acked, 1000);
}

/* A store that was repaired or imported. */
static void the_watermark_passes_a_hole_in_the_store(void **state)
{
    size_t from;

    (void)state;
    rig_start_with(10);
    source.oldest = 4;
    from = rig_connect();
    assert_int_equal(source.acked, 10);
    assert_int_equal(sender_backlog(&s), 0);
    sender_down(&s, true);
    from = out.count;
    rig_up();
    rig_settle(from);
    assert_false(sent_again(from, 4));
}

static void too_large_for_the_broker_is_parked_or_left_out(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.max_packet = 350;
    for (uint64_t seq = 1; seq <= 2; seq++)
        fake_commit(&source, "T", seq);
    memset(source.events[0].body + 40, 'x', 150);
    strcpy(source.events[0].body + 190, "\"}");
    rig_hand_over(1);
    rig_hand_over(2);
    rig_show("T", 1, "up");
    rig_up_with(&limits);
    rig_settle(0);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 1);
    assert_int_equal(source.acked, 2);
    for (size_t i = 0; i < out.count; i++)
        assert_true(out.sent[i].len < 350);
}

static void exceptions_have_their_own_topic(void **state)
{
    size_t at;

    (void)state;
    fake_commit(&source, "T", 1);
    source.events[0].kind = EVENT_EXCEPTION;
    rig_hand_over(1);
    rig_up();
    rig_settle(0);
    at = fake_find(&out, 0, "studio/tables/T/exceptions");
    assert_int_equal(out.sent[at].seq, 1);
}

static int64_t oldest_age(void)
{
    struct announce_health health = {.now_ms = clk.wall_ms};

    outbox_health(&s.outbox, clk.mono_ms, &health);
    return health.oldest_age_ms;
}

static void the_age_of_the_oldest_knows_no_clock_step(void **state)
{
    const int64_t days = INT64_C(90) * 24 * 3600 * 1000;
    size_t from = rig_connect();

    (void)state;
    assert_int_equal(oldest_age(), 0);
    source.wall_ms = clk.wall_ms;
    rig_commit(2);
    sender_step(&s);
    clk.wall_ms += days;
    fake_clock_advance(&clk, 5000);
    assert_int_equal(oldest_age(), 5000); /* at most: nothing waited before */
    clk.wall_ms -= 2 * days;
    fake_clock_advance(&clk, 1000);
    assert_int_equal(oldest_age(), 6000);
    clk.wall_ms += days + days;
    rig_done(event_at(from, 1), 0);
    fake_clock_advance(&clk, 1000);
    assert_int_equal(oldest_age(), 7000); /* no older than the one before it */
    rig_done(event_at(from, 2), 0);
    assert_int_equal(oldest_age(), 0);
    source.wall_ms = clk.wall_ms;
    rig_commit(1);
    clk.wall_ms -= days;
    fake_clock_advance(&clk, 500);
    assert_int_equal(oldest_age(), 0); /* younger than it is, until it is asked for again */
    fake_clock_advance(&clk, 500);
    assert_int_equal(oldest_age(), 500);
}

/* From its commit to its acknowledgement; what was committed in an earlier run has no such time. */
static void publishing_is_timed(void **state)
{
    struct studio_event *event;
    struct histogram_view view;
    size_t from = rig_connect();

    (void)state;
    rig_commit(1);
    event = fake_event(&source, fake_commit(&source, "T", 2));
    event->committed_us = clock_mono_us(&clk.clock) - 1500;
    feed_add(&feed, &event, 1);
    studio_event_unref(event);
    sender_step(&s);
    fake_clock_advance(&clk, 10);
    rig_done(event_at(from, 2), 0x97); /* refused for now */
    rig_done(event_at(from, 1), 0);
    histogram_read(&source.figures.publish, &view);
    assert_int_equal(view.count, 0);
    assert_int_equal(oldest_age(), 10); /* at most: nothing waited before */
    from = out.count;
    fake_clock_advance(&clk, OUTBOX_RETRY_MS);
    sender_step(&s);
    rig_done(event_at(from, 2), 0);
    histogram_read(&source.figures.publish, &view);
    assert_int_equal(view.count, 1);
    assert_int_equal(view.sum_us, 1500 + 10000 + OUTBOX_RETRY_MS * 1000);
    sender_step(&s);
    assert_int_equal(outbox_waiting_since(&s.outbox, clk.mono_ms), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_watermark_moves_with_the_contiguous_part),
        RIG_TEST(a_loss_sends_again_from_the_lowest_unacknowledged),
        RIG_TEST(a_passing_refusal_is_tried_again_before_anything_new),
        RIG_TEST(a_refusal_for_good_is_parked_and_blocks_nobody),
        RIG_TEST(a_parked_event_is_not_sent_again),
        RIG_TEST(an_event_that_ends_connections_is_parked),
        RIG_TEST(nobody_pays_for_the_one_behind_it),
        RIG_TEST(progress_between_losses_clears_the_suspicion),
        RIG_TEST(events_go_out_in_order_without_a_gap),
        RIG_TEST(the_watermark_passes_a_hole_in_the_store),
        RIG_TEST(too_large_for_the_broker_is_parked_or_left_out),
        RIG_TEST(exceptions_have_their_own_topic),
        RIG_TEST(the_age_of_the_oldest_knows_no_clock_step),
        RIG_TEST(publishing_is_timed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
