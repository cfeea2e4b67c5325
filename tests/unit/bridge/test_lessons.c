/* test_lessons.c - what the connections have learned of the brokers. */
#include "bridge/lessons.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct lessons l;

static int setup(void **state)
{
    (void)state;
    memset(&l, 0, sizeof(l));
    return 0;
}

static void the_one_that_failed_last_is_the_last(void **state)
{
    (void)state;
    lessons_address_failed(&l, 1, "10.0.0.1");
    lessons_address_failed(&l, 1, "10.0.0.12");
    lessons_address_failed(&l, 1, "::1");
    assert_string_equal(l.last[1], "10.0.0.1,10.0.0.12,::1");
    lessons_address_failed(&l, 1, "10.0.0.1");
    assert_string_equal(l.last[1], "10.0.0.12,::1,10.0.0.1");
    lessons_address_failed(&l, 1, "::1");
    assert_string_equal(l.last[1], "10.0.0.12,10.0.0.1,::1");
    lessons_address_failed(&l, 1, ""); /* it reached none */
    assert_string_equal(l.last[1], "10.0.0.12,10.0.0.1,::1");
    assert_string_equal(l.last[0], "");
}

static void one_that_answers_is_back(void **state)
{
    static const char *const all[] = {"10.0.0.1", "10.0.0.12", "10.0.0.2"};
    static const char *const left[] = {"10.0.0.12,10.0.0.2", "10.0.0.1,10.0.0.2",
                                       "10.0.0.1,10.0.0.12"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        memset(&l, 0, sizeof(l));
        for (size_t k = 0; k < 3; k++)
            lessons_address_failed(&l, 0, all[k]);
        lessons_address_answered(&l, 0, "10.0.0.11");
        lessons_address_answered(&l, 0, "");
        lessons_address_answered(&l, 0, all[i]);
        assert_string_equal(l.last[0], left[i]);
    }
    lessons_address_answered(&l, 0, "10.0.0.1");
    lessons_address_answered(&l, 0, "10.0.0.12");
    assert_string_equal(l.last[0], "");
}

static void the_oldest_are_forgotten(void **state)
{
    char address[LINK_ADDRESS_MAX];

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:%04x", i);
        lessons_address_failed(&l, 0, address);
        assert_true(strlen(l.last[0]) < LESSONS_LAST_MAX);
        assert_string_equal(l.last[0] + strlen(l.last[0]) - strlen(address), address);
        assert_int_equal(strncmp(l.last[0], "2001:", 5), 0); /* none is cut */
    }
    assert_true(strlen(l.last[0]) + 2 * strlen(address) > LESSONS_LAST_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_one_that_failed_last_is_the_last, setup),
        cmocka_unit_test_setup(one_that_answers_is_back, setup),
        cmocka_unit_test_setup(the_oldest_are_forgotten, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
