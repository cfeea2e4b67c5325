#include "base/backoff.h"
#include "support/cmocka_all.h"

static void doubles_within_its_bounds(void **state)
{
    static const unsigned spans[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    struct backoff low = {0}, high = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        assert_int_equal(backoff_next(&low, 0), spans[i] / 2);
        assert_int_equal(backoff_next(&high, spans[i] / 2), spans[i]);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        unsigned ms = backoff_next(&low, i * 2654435761u);
        assert_true(ms >= BACKOFF_MIN_MS && ms <= BACKOFF_MAX_MS);
    }
}

static void only_a_stable_connection_resets_it(void **state)
{
    struct backoff b = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        backoff_next(&b, 0);
    backoff_ended(&b, BACKOFF_STABLE_MS - 1);
    assert_int_equal(backoff_next(&b, 0), 8000);
    backoff_ended(&b, BACKOFF_STABLE_MS);
    assert_int_equal(backoff_next(&b, 0), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_within_its_bounds),
        cmocka_unit_test(only_a_stable_connection_resets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
