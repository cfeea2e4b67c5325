#include "net/openfiles.h"

#include <sys/resource.h>

#include "support/cmocka_all.h"

static void as_many_as_the_limit_holds(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(openfiles_fit(10), 10);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur > 10);

    /* A user who may not raise it gets fewer connections, never more than files. */
    limit.rlim_cur = limit.rlim_max = 2000;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t fit = openfiles_fit(100000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(fit <= 100000 && fit < limit.rlim_cur);
    assert_true(fit > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_many_as_the_limit_holds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
