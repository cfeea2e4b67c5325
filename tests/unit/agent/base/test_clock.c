#include "support/cmocka_all.h"

#include <time.h>

#include "base/clock.h"

static void test_system_clock(void **state)
{
    (void)state;
    const struct clock *c = clock_system();
    int64_t mono = clock_mono(c);
    assert_true(clock_mono(c) >= mono);
    int64_t before = (int64_t)time(NULL);
    int64_t wall = clock_wall(c);
    assert_true(wall / 1000 >= before - 1 && wall / 1000 <= before + 60);
}

static void test_a_time_to_wait_until(void **state)
{
    static const int64_t waits[] = {0, 1, 999, 1000, 60999};
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        int64_t before = clock_mono(clock_system());
        struct timespec at = clock_after(waits[i]);
        int64_t after = clock_mono(clock_system());
        int64_t ms = (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
        assert_in_range(at.tv_nsec, 0, 999999999);
        assert_true(ms >= before + waits[i] && ms <= after + waits[i]);
    }
}

static int64_t seven(void *ctx)
{
    return *(int64_t *)ctx;
}

static void test_a_clock_is_its_functions(void **state)
{
    (void)state;
    int64_t now = 7999;
    const struct clock fake = {seven, seven, &now};
    assert_int_equal(clock_mono_us(&fake), 7999);
    assert_int_equal(clock_mono(&fake), 7);
    now = 8;
    assert_int_equal(clock_wall(&fake), 8);
}

static void test_a_turn_has_one_time(void **state)
{
    (void)state;
    int64_t now = 7;
    const struct clock fake = {seven, seven, &now};
    struct clock_turn turn;
    clock_turn_init(&turn, &fake);
    now = 8;
    assert_int_equal(clock_mono_us(&turn.clock), 7);
    assert_int_equal(clock_wall(&turn.clock), 8);
    clock_turn_begin(&turn);
    assert_int_equal(clock_mono_us(&turn.clock), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_a_time_to_wait_until),
        cmocka_unit_test(test_a_clock_is_its_functions),
        cmocka_unit_test(test_a_turn_has_one_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
