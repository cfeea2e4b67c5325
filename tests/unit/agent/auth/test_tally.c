#include "auth/tally.h"

#include <stdio.h>

#include "support/cmocka_all.h"

static void names_are_counted_for_a_window(void **state)
{
    struct tally *tally = tally_create(10, 1000);

    (void)state;
    assert_int_equal(tally_count(tally, "a", 1), 0);
    assert_int_equal(tally_add(tally, "a", 1), 1);
    assert_int_equal(tally_add(tally, "a", 1000), 2);
    assert_int_equal(tally_add(tally, "b", 1000), 1);
    assert_int_equal(tally_count(tally, "a", 1000), 2);
    assert_int_equal(tally_count(tally, "a", 1001), 0);
    assert_int_equal(tally_add(tally, "a", 1001), 1);
    tally_destroy(tally);
    tally_destroy(NULL);
}

static void the_one_quiet_for_longest_is_forgotten(void **state)
{
    struct tally *tally = tally_create(3, 1000);
    char name[16];

    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(tally_add(tally, "again and again", i), i + 1);
        assert_int_equal(tally_add(tally, name, i), 1);
    }
    assert_int_equal(tally_count(tally, "49", 50), 1);
    assert_int_equal(tally_count(tally, "47", 50), 0);
    tally_destroy(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_counted_for_a_window),
        cmocka_unit_test(the_one_quiet_for_longest_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
