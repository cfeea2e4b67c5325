/* test_sender.c - what becomes of what was sent: acknowledged, refused, lost, parked. */
#include "bridge/sender_private.h"

#include "unit/bridge/sender_rig.h"

static void done(size_t index, int reason)
{
    out.sent[index].answered = true;
    sender_done(&s, out.sent[index].slot, reason);
}

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

/* Connects and gets what the agent says of itself out of the way; returns where events begin. */
static size_t connect_and_settle(void)
{
    rig_up();
    rig_settle(0);
    return out.count;
}

static void the_watermark_moves_with_the_contiguous_part(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    done(event_at(from, 2), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 0);
    done(event_at(from, 1), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 2);
    done(event_at(from, 3), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 3);
    assert_int_equal(sender_backlog(&s), 0);
}

static void a_loss_sends_again_from_the_lowest_unacknowledged(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(5);
    sender_step(&s);
    done(event_at(from, 1), 0);
    done(event_at(from, 4), 0);
    done(event_at(from, 2), -1); /* the library gives some of them back first */
    sender_down(&s);
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
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    done(event_at(from, 2), 0x97);
    done(event_at(from, 1), 0);
    done(event_at(from, 3), 0);
    from = out.count;
    rig_commit(1);
    sender_step(&s);
    assert_int_equal(source.acked, 1);
    assert_false(sent_again(from, 2) || sent_again(from, 4));
    fake_clock_pass(&clk, SENDER_RETRY_MS);
    sender_step(&s);
    assert_true(event_at(from, 2) < event_at(from, 4));
    rig_settle(from);
    assert_int_equal(source.acked, 4);
    assert_int_equal(source.parked_count, 0);
}

static void a_refusal_for_good_is_parked_and_blocks_nobody(void **state)
{
    static const int reasons[] = {0x87, 0x90, 0x95, 0x99};
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(5);
    sender_step(&s);
    for (uint64_t seq = 1; seq <= 4; seq++)
        done(event_at(from, seq), reasons[seq - 1]);
    done(event_at(from, 5), 0);
    sender_step(&s);
    assert_int_equal(source.acked, 5);
    assert_int_equal(source.parked_count, 4);
    assert_int_equal(s.parked, 4);
}

static void a_parked_event_is_not_sent_again(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(3);
    sender_step(&s);
    done(event_at(from, 2), 0x87);   /* 1 is still under way: the watermark stands below 2 */
    source.events[1].parked = false; /* the store is behind with its mark */
    sender_down(&s);
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
    for (int i = 0; i < SENDER_SUSPECT; i++) {
        from = out.count;
        rig_up();
        rig_settle_words(from);
        if (i == 0)
            done(event_at(from, 1), 0);
        /* From the second time on it is alone, so that no other can be to blame. */
        assert_int_equal(sent_again(from, 3), i < 1);
        assert_int_equal(source.parked_count, 0);
        if (i == 1) /* the library gives it back before it says that the connection is gone */
            done(event_at(from, 2), -1);
        sender_down(&s);
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
    rig_show(1, "up");
    while (source.acked < 5 && connections++ < 20) {
        size_t from = out.count;

        rig_up();
        rig_settle_words(from);
        while (!sent_again(from, 3) && source.acked < 5) {
            size_t answered = 0;

            for (size_t i = from; i < out.count; i++)
                if (out.sent[i].seq && !out.sent[i].answered) {
                    done(i, 0);
                    answered++;
                }
            assert_true(answered > 0);
            sender_step(&s);
        }
        if (source.acked < 5)
            sender_down(&s);
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
            done(event_at(from, source.acked + 1), 0);
        sender_down(&s);
    }
    assert_int_equal(source.parked_count, 0);
}

static void a_refused_retained_message_comes_again(void **state)
{
    size_t from = connect_and_settle();
    size_t status;

    (void)state;
    rig_show(1, "up");
    sender_step(&s);
    status = fake_find(&out, from, "/status");
    done(status, 0x97);
    rig_settle(from);
    from = out.count;
    fake_clock_pass(&clk, SENDER_RETRY_MS - 1);
    sender_step(&s);
    assert_int_equal(out.count, from);
    fake_clock_pass(&clk, 1);
    rig_settle(from);
    assert_int_not_equal(fake_find(&out, from, "/status"), SIZE_MAX);
}

static void a_retained_message_refused_for_good_is_left(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    rig_show(1, "up");
    sender_step(&s);
    done(fake_find(&out, from, "/status"), 0x87);
    rig_settle(from);
    from = out.count;
    fake_clock_pass(&clk, 5000);
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "/status"), SIZE_MAX);
}

static void a_foreign_word_on_the_own_topic_is_put_right_once_a_second(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    fake_clock_pass(&clk, 5000);
    sender_heard(&s, true);
    sender_step(&s);
    assert_int_equal(out.count, from);
    sender_heard(&s, false);
    sender_heard(&s, false);
    rig_settle(from);
    assert_int_equal(out.count, from + 1);
    assert_non_null(strstr(out.sent[from].payload, "\"state\":\"online\""));
    sender_heard(&s, false);
    assert_true(sender_step(&s) <= clk.mono + SENDER_BIRTH_MS);
    assert_int_equal(out.count, from + 1);
    fake_clock_pass(&clk, SENDER_BIRTH_MS);
    rig_settle(from);
    assert_int_equal(out.count, from + 2);
}

static void answers_in_flight_survive_a_loss_in_order(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    for (char c = '1'; c <= '5'; c++)
        assert_true(intake_reply(&intake, reply_create(NULL, "r", "id", 2, &c, 1)));
    sender_step(&s);
    assert_int_equal(out.count, from + 5);
    done(from, 0);
    done(from + 1, 0x87); /* refused: there is nobody to tell */
    sender_down(&s);
    from = out.count;
    rig_up();
    rig_settle(from);
    from = fake_find(&out, from, "r");
    for (char c = '3'; c <= '5'; c++) {
        assert_int_equal(out.sent[from].payload[0], c);
        assert_string_equal(out.sent[from].correlation, "id");
        from = fake_find(&out, from + 1, "r");
    }
    assert_int_equal(from, SIZE_MAX);
}

static void the_farewell_waits_for_nothing_new(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    rig_commit(1);
    sender_step(&s);
    rig_commit(1);
    rig_show(1, "up");
    sender_leave(&s, "stopped");
    sender_heard(&s, false);
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    done(from, 0);
    sender_say_farewell(&s);
    sender_step(&s);
    assert_int_equal(out.count, from + 2);
    assert_non_null(strstr(out.sent[from + 1].payload, "\"state\":\"stopped\""));
    assert_true(out.sent[from + 1].retained);
    assert_false(s.farewell_done);
    done(from + 1, 0);
    assert_true(s.farewell_done);
    assert_int_equal(source.acked, 1);
}

static void answers_go_out_before_the_farewell(void **state)
{
    size_t from = connect_and_settle();

    (void)state;
    sender_leave(&s, "stopped");
    assert_true(sender_drained(&s));
    assert_true(intake_reply(&intake, reply_create(NULL, "r", NULL, 0, "{}", 2)));
    assert_false(sender_drained(&s));
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    assert_string_equal(out.sent[from].topic, "r");
    assert_false(sender_drained(&s));
    done(from, 0);
    assert_true(sender_drained(&s));
    sender_say_farewell(&s); /* the last word */
    sender_step(&s);
    assert_true(intake_reply(&intake, reply_create(NULL, "r", NULL, 0, "{}", 2)));
    sender_step(&s);
    assert_int_equal(out.count, from + 2);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_watermark_moves_with_the_contiguous_part),
        TEST(a_loss_sends_again_from_the_lowest_unacknowledged),
        TEST(a_passing_refusal_is_tried_again_before_anything_new),
        TEST(a_refusal_for_good_is_parked_and_blocks_nobody),
        TEST(a_parked_event_is_not_sent_again),
        TEST(an_event_that_ends_connections_is_parked),
        TEST(nobody_pays_for_the_one_behind_it),
        TEST(progress_between_losses_clears_the_suspicion),
        TEST(a_refused_retained_message_comes_again),
        TEST(a_retained_message_refused_for_good_is_left),
        TEST(a_foreign_word_on_the_own_topic_is_put_right_once_a_second),
        TEST(answers_in_flight_survive_a_loss_in_order),
        TEST(the_farewell_waits_for_nothing_new),
        TEST(answers_go_out_before_the_farewell),
        TEST(a_farewell_goes_out_even_when_the_window_is_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
