/* test_dial.c - which broker next, when, in which version. */
#include "bridge/dial.h"

#include "support/cmocka_all.h"

static struct brokers three = {.list = {{.name = (char *)"mqtt://a"},
                                        {.name = (char *)"mqtt://b"},
                                        {.name = (char *)"mqtt://c"}},
                               .count = 3};
static struct brokers one = {.list = {{.name = (char *)"mqtt://a"}}, .count = 1};

static uint32_t zero(void *ctx)
{
    (void)ctx;
    return 0;
}

static void the_next_one_at_once_a_wait_after_each_round(void **state)
{
    struct dial d;

    (void)state;
    dial_init(&d, &three, 5, zero, NULL);
    for (int64_t wait = 500; wait <= 4000; wait *= 2) {
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(d.current, i);
            dial_failed(&d, 1000, 0, false, "no");
            assert_int_equal(d.due_ms, i == 2 ? 1000 + wait : 1000 + DIAL_NEXT_MS);
        }
    }
}

static void a_loss_moves_on_and_a_stable_connection_starts_a_new_round(void **state)
{
    struct dial d;

    (void)state;
    dial_init(&d, &three, 5, zero, NULL);
    dial_failed(&d, 0, 0, false, "no");
    dial_up(&d, 0, 5, 0);
    dial_lost(&d, BACKOFF_STABLE_MS, 0, "gone");
    assert_int_equal(d.current, 2);
    assert_int_equal(d.due_ms, BACKOFF_STABLE_MS + DIAL_NEXT_MS);
    dial_move(&d, 77, 0);
    assert_int_equal(d.current, 0);
    assert_int_equal(d.due_ms, 77 + DIAL_NEXT_MS);
}

static void a_single_broker_is_tried_again_with_growing_waits(void **state)
{
    struct dial d;

    (void)state;
    dial_init(&d, &one, 5, zero, NULL);
    dial_failed(&d, 0, 0, false, "no");
    assert_int_equal(d.due_ms, 500);
    dial_failed(&d, 500, 0, false, "no");
    assert_int_equal(d.due_ms, 1500);
    dial_up(&d, 1500, 5, 0);
    dial_lost(&d, 1600, 0, "gone"); /* it did not last: the wait goes on growing */
    assert_int_equal(d.due_ms, 3600);
}

static void an_old_broker_is_spoken_to_in_3_1_1(void **state)
{
    static const int refusals[] = {0x84, 1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct dial d;

        dial_init(&d, &one, 5, zero, NULL);
        dial_failed(&d, 1000, refusals[i], false, "");
        assert_int_equal(dial_version(&d), 4);
        assert_int_equal(d.due_ms, 1000 + DIAL_NEXT_MS); /* at once */
        dial_failed(&d, 1000, refusals[i], false, "");   /* not even that */
        assert_true(d.due_ms >= 1000 + DIAL_SLOW_MS);
    }
}

static void one_that_only_closes_the_connection_is_tried_in_3_1_1(void **state)
{
    struct dial d;

    (void)state;
    dial_init(&d, &one, 5, zero, NULL);
    dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 5); /* it may just be starting */
    dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 4);
    assert_int_equal(d.due_ms, DIAL_NEXT_MS);
    dial_failed(&d, 0, 0, true, "closed"); /* it was not that */
    assert_int_equal(dial_version(&d), 5);
    assert_true(d.due_ms > DIAL_NEXT_MS);
    dial_failed(&d, 0, 0, true, "closed");
    dial_failed(&d, 0, 0, false, "no route"); /* not in a row */
    dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 5);
    dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 4);
    dial_up(&d, 0, 4, 0);
    dial_lost(&d, 100000, 0, "gone"); /* that it works is known now */
    assert_int_equal(dial_version(&d), 4);
}

static void what_worked_is_remembered(void **state)
{
    char memo[DIAL_MEMO_MAX];
    struct dial d;

    (void)state;
    dial_init(&d, &three, 5, zero, NULL);
    assert_false(dial_memo(&d, memo));
    dial_failed(&d, 0, 0x84, false, "");
    assert_false(dial_memo(&d, memo)); /* not known to work */
    dial_up(&d, 0, 4, 0);
    assert_true(dial_memo(&d, memo));
    assert_string_equal(memo, "mqtt://a");
    assert_false(dial_memo(&d, memo));
    dial_move(&d, 0, 2);
    dial_failed(&d, 0, 1, false, "");
    dial_up(&d, 0, 4, 0);
    assert_true(dial_memo(&d, memo));
    assert_string_equal(memo, "mqtt://a,mqtt://c");

    dial_init(&d, &three, 5, zero, NULL); /* the next start */
    dial_recall(&d, "mqtt://abc,mqtt://c,mqtt://a");
    assert_int_equal(d.mqtt_version[0], 4);
    assert_int_equal(d.mqtt_version[1], 5);
    assert_int_equal(d.mqtt_version[2], 4);
    assert_true(dial_old(&d));
    dial_up(&d, 0, 4, 0);
    assert_false(dial_memo(&d, memo));
    dial_speaks_5(&d);
    assert_true(dial_memo(&d, memo));
    assert_string_equal(memo, "mqtt://c");
    assert_int_equal(dial_version(&d), 5);

    dial_init(&d, &three, 4, zero, NULL); /* asked for: nothing to remember */
    dial_recall(&d, "mqtt://a");
    dial_up(&d, 0, 4, 0);
    assert_false(dial_old(&d));
    assert_false(dial_memo(&d, memo));
}

/* A broker that was exchanged for one that knows only 5; and one that is just starting. */
static void one_remembered_as_old_may_be_too_new(void **state)
{
    char memo[DIAL_MEMO_MAX];
    struct dial d;

    (void)state;
    dial_init(&d, &one, 5, zero, NULL);
    dial_recall(&d, "mqtt://a");
    dial_failed(&d, 1000, 1, false, "");
    assert_int_equal(dial_version(&d), 5);
    assert_int_equal(d.due_ms, 1000 + DIAL_NEXT_MS);
    dial_up(&d, 2000, 5, 0);
    assert_true(dial_memo(&d, memo));
    assert_string_equal(memo, "");

    dial_init(&d, &one, 5, zero, NULL);
    dial_recall(&d, "mqtt://a");
    for (int i = 1; i < DIAL_OLD_CLOSED; i++)
        dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 4);
    dial_failed(&d, 0, 0, true, "closed");
    assert_int_equal(dial_version(&d), 5);

    dial_init(&d, &one, 5, zero, NULL); /* one that refuses both is left alone */
    dial_recall(&d, "mqtt://a");
    dial_failed(&d, 0, 1, false, "");
    dial_failed(&d, 0, 0x84, false, "");
    dial_failed(&d, 0, 1, false, "");
    assert_true(d.due_ms >= DIAL_SLOW_MS);
}

static void another_client_with_our_id_is_met_slowly(void **state)
{
    struct dial d;

    (void)state;
    dial_init(&d, &three, 5, zero, NULL);
    dial_up(&d, 0, 5, 0);
    dial_lost(&d, 100, 0x8e, "");
    assert_true(d.due_ms >= 100 + DIAL_SLOW_MS);
    assert_int_equal(d.current, 0); /* fleeing to another broker would take the fight there */
}

static void refused_credentials_are_retried_slowly_when_there_is_no_other(void **state)
{
    static const int refusals[] = {0x86, 0x87, 4, 5};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct dial d;

        dial_init(&d, &one, 5, zero, NULL);
        dial_failed(&d, 0, refusals[i], false, "");
        assert_true(d.due_ms >= DIAL_SLOW_MS);
        dial_init(&d, &three, 5, zero, NULL);
        dial_failed(&d, 0, refusals[i], false, "");
        assert_int_equal(d.due_ms, DIAL_NEXT_MS);
        assert_int_equal(d.current, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_one_at_once_a_wait_after_each_round),
        cmocka_unit_test(a_loss_moves_on_and_a_stable_connection_starts_a_new_round),
        cmocka_unit_test(a_single_broker_is_tried_again_with_growing_waits),
        cmocka_unit_test(an_old_broker_is_spoken_to_in_3_1_1),
        cmocka_unit_test(one_that_only_closes_the_connection_is_tried_in_3_1_1),
        cmocka_unit_test(what_worked_is_remembered),
        cmocka_unit_test(one_remembered_as_old_may_be_too_new),
        cmocka_unit_test(another_client_with_our_id_is_met_slowly),
        cmocka_unit_test(refused_credentials_are_retried_slowly_when_there_is_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
