#include "auth/rates.h"

#include <stdio.h>

#include "support/cmocka_all.h"

static unsigned take_all(struct rates *rates, const char *name)
{
    struct rate *rate = rates_hold(rates, name);
    unsigned n = 0;

    while (n < 1000 && bucket_take(rate_bucket(rate), 1, 10, 20, 5000))
        n++;
    rates_leave(rates, rate);
    return n;
}

static void a_fresh_connection_brings_no_fresh_burst(void **state)
{
    struct rates *rates = rates_create(4);

    (void)state;
    assert_int_equal(take_all(rates, "ARO-001_x"), 20);
    assert_int_equal(take_all(rates, "ARO-001_x"), 0);
    assert_int_equal(take_all(rates, "ARO-001_y"), 20);
    rates_destroy(rates);
}

static void connections_at_once_share(void **state)
{
    struct rates *rates = rates_create(4);
    struct rate *one = rates_hold(rates, "ARO-001_x");
    struct rate *two = rates_hold(rates, "ARO-001_x");

    (void)state;
    assert_ptr_equal(one, two);
    rates_leave(rates, one);
    assert_int_equal(take_all(rates, "ARO-001_x"), 20);
    rates_leave(rates, two);
    rates_leave(rates, NULL);
    assert_null(rate_bucket(NULL));
    rates_destroy(rates);
    rates_destroy(NULL);
}

static void who_left_first_is_forgotten_first(void **state)
{
    struct rates *rates = rates_create(4);
    struct rate *held = rates_hold(rates, "held");
    char name[16];

    (void)state;
    assert_int_equal(take_all(rates, "held"), 20);
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(take_all(rates, name), 20);
    }
    assert_int_equal(take_all(rates, "5"), 0);
    assert_int_equal(take_all(rates, "2"), 0);
    assert_int_equal(take_all(rates, "1"), 20);   /* forgotten */
    assert_int_equal(take_all(rates, "held"), 0); /* never, while it is held */
    rates_leave(rates, held);
    rates_destroy(rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_connection_brings_no_fresh_burst),
        cmocka_unit_test(connections_at_once_share),
        cmocka_unit_test(who_left_first_is_forgotten_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
