/* test_pacer.c - each member once per interval, the newest wins. */
#include "bridge/pacer.h"

#include "support/cmocka_all.h"

static void the_first_goes_at_once_the_second_after_the_interval(void **state)
{
    struct pacer p;
    struct pacer_node n = {.state = PACER_IDLE};

    (void)state;
    pacer_init(&p, 100);
    assert_null(pacer_next(&p, 1000));
    assert_int_equal(pacer_deadline(&p), PACER_NEVER_DEADLINE);
    pacer_mark(&p, &n);
    assert_true(pacer_ready(&p, 1000));
    assert_ptr_equal(pacer_next(&p, 1000), &n);
    pacer_mark(&p, &n);
    pacer_mark(&p, &n);
    assert_false(pacer_ready(&p, 1099));
    assert_int_equal(pacer_deadline(&p), 1100);
    assert_ptr_equal(pacer_next(&p, 1100), &n);
    assert_null(pacer_next(&p, 5000)); /* both marks were one */
    assert_int_equal(n.state, PACER_IDLE);
}

static void order_of_release_is_order_of_publication(void **state)
{
    struct pacer p;
    struct pacer_node n[3] = {{.state = PACER_IDLE}};

    (void)state;
    pacer_init(&p, 100);
    for (int i = 0; i < 3; i++) {
        pacer_mark(&p, &n[i]);
        assert_ptr_equal(pacer_next(&p, 1000 + i * 10), &n[i]);
    }
    pacer_mark(&p, &n[2]);
    pacer_mark(&p, &n[0]);
    assert_ptr_equal(pacer_next(&p, 1105), &n[0]);
    assert_null(pacer_next(&p, 1119));
    assert_ptr_equal(pacer_next(&p, 1120), &n[2]);
}

static void the_backfill_gives_way_but_is_not_starved(void **state)
{
    struct pacer p;
    struct pacer_node fresh[8] = {{.state = PACER_IDLE}}, old[2] = {{.state = PACER_IDLE}};
    int at = 0;

    (void)state;
    pacer_init(&p, 100);
    for (int i = 0; i < 2; i++)
        pacer_mark_backfill(&p, &old[i]);
    for (int i = 0; i < 8; i++)
        pacer_mark(&p, &fresh[i]);
    for (int i = 0; i < 10; i++) {
        struct pacer_node *n = pacer_next(&p, 1000);

        if (n == &old[0])
            assert_int_equal(i, PACER_FRESH_PER_BACKFILL);
        else if (n != &old[1])
            assert_ptr_equal(n, &fresh[at++]);
    }
    assert_int_equal(at, 8);
    assert_null(pacer_next(&p, 1000));
}

static void news_move_a_member_out_of_the_backfill(void **state)
{
    struct pacer p;
    struct pacer_node a = {.state = PACER_IDLE}, b = {.state = PACER_IDLE};

    (void)state;
    pacer_init(&p, 100);
    pacer_mark_backfill(&p, &a);
    pacer_mark_backfill(&p, &b);
    pacer_mark(&p, &b);
    pacer_mark_backfill(&p, &b); /* it stays fresh */
    assert_ptr_equal(pacer_next(&p, 0), &b);
    pacer_remove(&p, &a);
    assert_null(pacer_next(&p, 0));
}

static void who_is_put_off_comes_when_the_interval_is_over(void **state)
{
    struct pacer p;
    struct pacer_node a = {.state = PACER_IDLE}, b = {.state = PACER_IDLE};

    (void)state;
    pacer_init(&p, 100);
    pacer_postpone(&p, &a, 0);
    pacer_postpone(&p, &b, 10);
    pacer_postpone(&p, &a, 20); /* begins anew, behind the other */
    assert_int_equal(pacer_deadline(&p), 110);
    assert_null(pacer_next(&p, 109));
    assert_ptr_equal(pacer_next(&p, 110), &b);
    assert_null(pacer_next(&p, 119));
    assert_ptr_equal(pacer_next(&p, 120), &a);
    assert_null(pacer_next(&p, 1000)); /* once */
}

static void the_backfill_is_spread_until_its_end(void **state)
{
    struct pacer_node old[4] = {{.state = PACER_IDLE}}, fresh = {.state = PACER_IDLE};
    struct pacer p;

    (void)state;
    pacer_init(&p, 100);
    for (int i = 0; i < 4; i++)
        pacer_mark_backfill(&p, &old[i]);
    pacer_spread(&p, 1000, 50, 200, 1400);
    assert_false(pacer_ready(&p, 1049));
    assert_int_equal(pacer_deadline(&p), 1050);
    assert_ptr_equal(pacer_next(&p, 1050), &old[0]);
    assert_null(pacer_next(&p, 1060));
    pacer_mark(&p, &fresh); /* has news: does not wait */
    assert_ptr_equal(pacer_next(&p, 1060), &fresh);
    assert_null(pacer_next(&p, 1249));
    assert_int_equal(pacer_deadline(&p), 1250);
    assert_ptr_equal(pacer_next(&p, 1250), &old[1]);
    assert_int_equal(pacer_deadline(&p), 1350); /* of old[1], which cools */
    assert_null(pacer_next(&p, 1399));
    assert_int_equal(pacer_deadline(&p), 1400); /* not 1450: then all the rest goes */
    assert_ptr_equal(pacer_next(&p, 1400), &old[2]);
    assert_ptr_equal(pacer_next(&p, 1400), &old[3]);
    pacer_mark_backfill(&p, &old[0]); /* of a later time: at once */
    assert_true(pacer_ready(&p, 1401));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_goes_at_once_the_second_after_the_interval),
        cmocka_unit_test(order_of_release_is_order_of_publication),
        cmocka_unit_test(the_backfill_gives_way_but_is_not_starved),
        cmocka_unit_test(news_move_a_member_out_of_the_backfill),
        cmocka_unit_test(who_is_put_off_comes_when_the_interval_is_over),
        cmocka_unit_test(the_backfill_is_spread_until_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
