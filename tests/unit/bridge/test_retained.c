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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_refused_retained_message_comes_again),
        RIG_TEST(a_retained_message_refused_for_good_is_left),
        RIG_TEST(without_retain_the_messages_go_out_all_the_same),
        RIG_TEST(cleared_fields_are_cleared_after_every_connection),
        RIG_TEST(a_refused_clearing_comes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
