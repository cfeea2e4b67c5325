/* test_retained.c - retained messages of tables: refused, left, cleared. */
#include "unit/bridge/sender_rig.h"

static void a_refused_retained_message_comes_again(void **state)
{
    size_t from = rig_connect();
    size_t status;

    (void)state;
    rig_show("T", 1, "up");
    sender_step(&s);
    status = fake_find(&out, from, "/status");
    rig_done(status, 0x97);
    rig_settle(from);
    from = out.count;
    fake_clock_advance(&clk, OUTBOX_RETRY_MS - 1);
    sender_step(&s);
    assert_int_equal(out.count, from);
    fake_clock_advance(&clk, 1);
    rig_settle(from);
    assert_int_not_equal(fake_find(&out, from, "/status"), SIZE_MAX);
}

static void a_retained_message_refused_for_good_is_left(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_show("T", 1, "up");
    sender_step(&s);
    rig_done(fake_find(&out, from, "/status"), 0x87);
    rig_settle(from);
    from = out.count;
    fake_clock_advance(&clk, 5000);
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "/status"), SIZE_MAX);
}

static void without_retain_the_messages_go_out_all_the_same(void **state)
{
    struct link_limits limits = rig_limits();

    (void)state;
    limits.retain = false;
    rig_show("T", 1, "up");
    rig_up_with(&limits);
    rig_settle(0);
    assert_int_not_equal(fake_find(&out, 0, "/status"), SIZE_MAX);
    for (size_t i = 0; i < out.count; i++)
        assert_false(out.sent[i].retained);
}

static void cleared_fields_are_cleared_after_every_connection(void **state)
{
    (void)state;
    source.cleared_table = "T";
    source.cleared_field = "old";
    rig_show("T", 1, "up");
    for (int i = 0; i < 2; i++) {
        size_t from = out.count, at;

        rig_up();
        rig_settle(from);
        at = fake_find(&out, from, "studio/tables/T/fields/old");
        assert_int_not_equal(at, SIZE_MAX);
        assert_int_equal(out.sent[at].len, 0);
        assert_true(out.sent[at].retained);
        sender_down(&s, true);
    }
}

/* Neither the next round nor the one after it would know of the field. */
static void a_refused_clearing_comes_again(void **state)
{
    size_t from = 0, at;

    (void)state;
    source.cleared_table = "T";
    source.cleared_field = "old";
    rig_show("T", 1, "up");
    rig_up();
    sender_step(&s);
    for (int i = 0; i < 2; i++) {
        at = fake_find(&out, from, "studio/tables/T/fields/old");
        assert_int_not_equal(at, SIZE_MAX);
        assert_int_equal(out.sent[at].len, 0);
        rig_done(at, i == 0 ? 0x97 : 0);
        rig_settle(from);
        from = out.count;
        fake_clock_advance(&clk, RETAINED_RETRY_MS);
        sender_step(&s);
    }
    rig_settle(from);
    assert_int_equal(fake_find(&out, from, "studio/tables/T/fields/old"), SIZE_MAX);
}

/* A snapshot of a table whose last update removed custom fields. */
static void show_removal(uint64_t rev)
{
    struct studio_snapshot *snapshot = fake_snapshot("T", rev, "up", NULL);

    snapshot->state.cleared_rev = rev;
    assert_int_equal(mirror_tables(mirror, &snapshot, 1), STUDIO_OK);
    studio_snapshot_unref(snapshot);
}

/* Also what no round has shown, as it came and went between two of them. */
static void a_clearing_is_told_when_all_of_its_round_is_answered(void **state)
{
    size_t from = rig_connect(), at;

    (void)state;
    rig_show("T", 1, "up");
    rig_settle(from);
    assert_int_equal(source.clearings, 0); /* nothing was removed */
    from = out.count;
    show_removal(3);
    fake_clock_advance(&clk, MIRROR_ROUND_MS);
    sender_step(&s);
    at = fake_find(&out, from, "/status");
    assert_int_not_equal(at, SIZE_MAX);
    assert_int_equal(source.clearings, 0);
    rig_done(at, 0);
    sender_step(&s);
    assert_int_equal(source.clearings, 1);
    assert_string_equal(source.clearing_table, "T");
    assert_int_equal(source.clearing_rev, 3);
    from = out.count;
    rig_show("T", 4, "down");
    fake_clock_advance(&clk, MIRROR_ROUND_MS);
    rig_settle(from);
    assert_int_equal(source.clearings, 1); /* nothing new */
}

static void a_clearing_is_not_told_before_it_was_taken(void **state)
{
    size_t from, at;

    (void)state;
    source.cleared_table = "T";
    source.cleared_field = "old";
    rig_show("T", 7, "up");
    rig_up();
    sender_step(&s);
    for (int i = 0; i < 2; i++) { /* refused in passing, and lost with the connection */
        at = fake_find(&out, 0, "studio/tables/T/fields/old");
        assert_int_not_equal(at, SIZE_MAX);
        if (i == 0)
            rig_done(at, 0x97);
        for (from = 0; from < out.count; from++)
            if (!out.sent[from].answered && from != at)
                rig_done(from, 0);
        sender_step(&s);
        assert_int_equal(source.clearings, 0);
        sender_down(&s, true);
        out.count = 0;
        rig_up();
        sender_step(&s);
    }
    rig_settle(0);
    assert_int_equal(source.clearings, 1);
    assert_int_equal(source.clearing_rev, 7);
}

/* Rounds follow each other faster than the broker answers. */
static void a_clearing_is_told_while_later_rounds_are_on_their_way(void **state)
{
    size_t from = rig_connect(), first, second;

    (void)state;
    rig_show("T", 1, "up");
    rig_settle(from);
    from = out.count;
    show_removal(3);
    fake_clock_advance(&clk, MIRROR_ROUND_MS);
    sender_step(&s);
    first = fake_find(&out, from, "/status");
    show_removal(5);
    fake_clock_advance(&clk, MIRROR_ROUND_MS);
    sender_step(&s);
    second = fake_find(&out, first + 1, "/status");
    assert_int_not_equal(second, SIZE_MAX);
    rig_done(first, 0);
    assert_int_equal(source.clearing_rev, 3);
    rig_done(second, 0);
    assert_int_equal(source.clearing_rev, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_refused_retained_message_comes_again),
        RIG_TEST(a_retained_message_refused_for_good_is_left),
        RIG_TEST(without_retain_the_messages_go_out_all_the_same),
        RIG_TEST(cleared_fields_are_cleared_after_every_connection),
        RIG_TEST(a_refused_clearing_comes_again),
        RIG_TEST(a_clearing_is_told_when_all_of_its_round_is_answered),
        RIG_TEST(a_clearing_is_not_told_before_it_was_taken),
        RIG_TEST(a_clearing_is_told_while_later_rounds_are_on_their_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
