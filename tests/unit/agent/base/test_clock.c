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

static int64_t seven(void *ctx)
{
    return *(int64_t *)ctx;
}

static void test_a_clock_is_its_functions(void **state)
{
    (void)state;
    int64_t now = 7;
    const struct clock fake = {seven, seven, &now};
    assert_int_equal(clock_mono(&fake), 7);
    now = 8;
    assert_int_equal(clock_wall(&fake), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_a_clock_is_its_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
