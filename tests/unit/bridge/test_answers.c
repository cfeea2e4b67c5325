/* test_answers.c - answers on their way to who asked. */
#include "unit/bridge/sender_rig.h"

static void answers_in_flight_survive_a_loss_in_order(void **state)
{
    size_t from = rig_connect();

    (void)state;
    for (char c = '1'; c <= '5'; c++)
        rig_answer("r", "id", (char[]){c, 0});
    sender_step(&s);
    assert_int_equal(out.count, from + 5);
    rig_done(from, 0);
    rig_done(from + 1, 0x87); /* refused: there is nobody to tell */
    sender_down(&s, true);
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

static void answers_go_out_before_the_farewell(void **state)
{
    size_t from = rig_connect();

    (void)state;
    sender_leave(&s, "stopped");
    assert_true(sender_drained(&s));
    rig_answer("r", NULL, "{}");
    assert_false(sender_drained(&s));
    sender_step(&s);
    assert_int_equal(out.count, from + 1);
    assert_string_equal(out.sent[from].topic, "r");
    assert_false(sender_drained(&s));
    rig_done(from, 0);
    assert_true(sender_drained(&s));
    sender_say_farewell(&s); /* the last word */
    sender_step(&s);
    rig_answer("r", NULL, "{}");
    sender_step(&s);
    assert_int_equal(out.count, from + 2);
}

static void a_refused_answer_is_gone_one_not_delivered_comes_again(void **state)
{
    size_t from = rig_connect();

    (void)state;
    rig_answer("r", NULL, "1");
    rig_answer("r", NULL, "2");
    sender_step(&s);
    rig_done(from, 0x87);
    rig_done(from + 1, -1); /* so the connection has ended */
    sender_down(&s, true);
    from = out.count;
    rig_up();
    rig_settle(from);
    from = fake_find(&out, from, "r");
    assert_string_equal(out.sent[from].payload, "2");
    assert_int_equal(fake_find(&out, from + 1, "r"), SIZE_MAX);
}

static void so_many_may_wait(void **state)
{
    (void)state;
    assert_false(answers_waiting(&answers));
    for (size_t i = 0; i < REPLIES_MAX; i++)
        rig_answer("r", NULL, "x");
    assert_false(answers_put(&answers, reply_create(NULL, "r", NULL, NULL, 0, "x", 1)));
    assert_true(answers_waiting(&answers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(answers_in_flight_survive_a_loss_in_order),
        RIG_TEST(answers_go_out_before_the_farewell),
        RIG_TEST(a_refused_answer_is_gone_one_not_delivered_comes_again),
        RIG_TEST(so_many_may_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
