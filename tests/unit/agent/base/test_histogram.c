#include "base/histogram.h"

#include "support/cmocka_all.h"

static void test_each_time_is_in_the_first_bucket_that_holds_it(void **state)
{
    (void)state;
    struct histogram h = {0};
    struct histogram_view view;

    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        histogram_observe(&h, histogram_bounds_us[i]);     /* just in it */
        histogram_observe(&h, histogram_bounds_us[i] + 1); /* in the next one */
    }
    histogram_read(&h, &view);
    for (int i = 0; i < HISTOGRAM_BOUNDS; i++)
        assert_int_equal(view.up_to[i], 2 * i + 1);
    assert_int_equal(view.count, 2 * HISTOGRAM_BOUNDS); /* the last is beyond all */
}

static void test_bounds_rise(void **state)
{
    (void)state;
    for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
        assert_true(histogram_bounds_us[i] > histogram_bounds_us[i - 1]);
}

static void test_times_add_up(void **state)
{
    (void)state;
    struct histogram h = {0};
    struct histogram_view view;

    histogram_read(&h, &view);
    assert_int_equal(view.count, 0);
    assert_int_equal(view.sum_us, 0);
    histogram_observe(&h, 0);
    histogram_observe(&h, -5); /* a clock that has stepped is no reason to count backwards */
    histogram_observe(&h, 3000000000);
    histogram_observe(&h, 7);
    histogram_read(&h, &view);
    assert_int_equal(view.count, 4);
    assert_int_equal(view.sum_us, 3000000007);
    assert_int_equal(view.up_to[0], 3);
    assert_int_equal(view.up_to[HISTOGRAM_BOUNDS - 1], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_time_is_in_the_first_bucket_that_holds_it),
        cmocka_unit_test(test_bounds_rise),
        cmocka_unit_test(test_times_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
