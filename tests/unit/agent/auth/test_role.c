/* test_role.c - the names of roles. */
#include "auth/role.h"

#include "support/cmocka_all.h"

static void names_there_and_back(void **state)
{
    (void)state;
    for (enum role role = ROLE_DEVICE; role <= ROLE_OPERATOR; role++) {
        enum role back = role == ROLE_DEVICE ? ROLE_VIEWER : ROLE_DEVICE;
        assert_true(role_parse(role_name(role), &back));
        assert_int_equal(back, role);
    }
}

static void nothing_else_is_a_role(void **state)
{
    static const char *const others[] = {"", "Device", "devic", "operators", "admin"};
    enum role role = ROLE_VIEWER;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(role_parse(others[i], &role));
    assert_int_equal(role, ROLE_VIEWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_there_and_back),
        cmocka_unit_test(nothing_else_is_a_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
