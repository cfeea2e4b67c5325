/*
 * test_two.c - the short version of the trials of two machines: the owner is killed, hands over, is cut
 * off with its clients, and the database's primary is killed. The long one: tests/fault/run, or the
 * program `two`. STUDIO_STORM_SEED repeats the choices of a run.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fault/two/trials.h"
#include "support/cmocka_all.h"

enum { SKIPPED = 77 };

static void one_failure_after_the_other(void **state)
{
    const char *seed = getenv("STUDIO_STORM_SEED");
    (void)state;
    struct trials_figures figures = trials_run(
        &(struct trials_options){.seed = seed ? strtoull(seed, NULL, 10) : 0,
                                 .writers = 20,
                                 .tables = 8,
                                 .rate = 200,
                                 .most_ms = 7500,
                                 .kinds = "kill-owner,handover,kill-primary,split-owner"});
    assert_int_equal(figures.complaints, 0);
    assert_int_equal(figures.holes, 0);
    assert_int_equal(figures.lost, 0);
    assert_true(figures.acked > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_failure_after_the_other)};
    if (!trials_possible()) {
        fprintf(stderr, "it needs root, network namespaces, iproute2 and PostgreSQL\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
