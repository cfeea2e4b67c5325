/* test_delay.c - the wait between attempts. */
#include "bridge/delay.h"

#include "support/cmocka_all.h"

static uint32_t given;

static uint32_t give(void *ctx)
{
    (void)ctx;
    return given;
}

static void it_doubles_up_to_half_a_minute(void **state)
{
    static const int64_t expected[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct delay d;

    (void)state;
    given = 0;
    delay_init(&d, give, NULL);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_int_equal(delay_next(&d), expected[i]);
}

static void jitter_adds_up_to_half_and_never_exceeds_the_bound(void **state)
{
    struct delay d;

    (void)state;
    delay_init(&d, give, NULL);
    given = 250;
    assert_int_equal(delay_next(&d), 750);
    given = 0xffffffff;
    for (int i = 0; i < 20; i++) {
        int64_t step = d.step_ms, wait = delay_next(&d);

        assert_true(wait >= step && wait <= step + step / 2 && wait <= DELAY_MAX_MS);
    }
}

static void only_a_stable_connection_makes_it_short_again(void **state)
{
    struct delay d;

    (void)state;
    given = 0;
    delay_init(&d, give, NULL);
    for (int i = 0; i < 5; i++)
        delay_next(&d);
    delay_ended(&d, DELAY_STABLE_MS - 1);
    assert_int_equal(delay_next(&d), 16000);
    delay_ended(&d, DELAY_STABLE_MS);
    assert_int_equal(delay_next(&d), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_up_to_half_a_minute),
        cmocka_unit_test(jitter_adds_up_to_half_and_never_exceeds_the_bound),
        cmocka_unit_test(only_a_stable_connection_makes_it_short_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
