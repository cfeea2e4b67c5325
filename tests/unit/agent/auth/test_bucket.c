#include "auth/bucket.h"
#include "support/cmocka_all.h"

static unsigned take_all(struct bucket *b, int64_t rate, int64_t burst, int64_t now)
{
    unsigned n = 0;

    while (n < 100000 && bucket_take(b, 1, rate, burst, now))
        n++;
    return n;
}

static void a_full_burst_at_once_then_the_rate(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(take_all(&b, 200, 400, 1000000), 400);
    assert_int_equal(take_all(&b, 200, 400, 1000004), 0); /* 4 ms: 0.8 of a token */
    assert_int_equal(take_all(&b, 200, 400, 1000005), 1);
    assert_int_equal(take_all(&b, 200, 400, 1001005), 200);
}

static void never_more_than_a_burst_however_long_the_pause(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(take_all(&b, 200, 400, 1), 400);
    assert_int_equal(take_all(&b, 200, 400, INT64_C(1000) * 86400 * 365 * 30), 400);
}

static void what_is_refused_costs_nothing(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(take_all(&b, 10, 1, 1000), 1);
    for (int64_t now = 1000; now < 1100; now++)
        assert_false(bucket_take(&b, 1, 10, 1, now));
    assert_true(bucket_take(&b, 1, 10, 1, 1100));
}

static void rate_0_is_no_limit(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(take_all(&b, 0, 1, 1000), 100000);
}

static void what_is_heavy_costs_more(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_true(bucket_take(&b, 5, 10, 10, 1000));
    assert_true(bucket_take(&b, 5, 10, 10, 1000));
    assert_false(bucket_take(&b, 1, 10, 10, 1000));
    assert_true(bucket_take(&b, 1, 10, 10, 1100));
    /* More than the burst never fits: it takes all of it. */
    assert_false(bucket_take(&b, 50, 10, 10, 2000));
    assert_true(bucket_take(&b, 50, 10, 10, 2100));
    assert_false(bucket_take(&b, 1, 10, 10, 2100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_burst_at_once_then_the_rate),
        cmocka_unit_test(never_more_than_a_burst_however_long_the_pause),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(rate_0_is_no_limit),
        cmocka_unit_test(what_is_heavy_costs_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
