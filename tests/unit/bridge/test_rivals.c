/* test_rivals.c - do our own connections end each other? */
#include "bridge/rivals.h"

#include "support/cmocka_all.h"

static struct rivals r;

static int setup(void **state)
{
    (void)state;
    r = (struct rivals){.turns = 0};
    return 0;
}

static enum rivalry closed(enum link_id id, int64_t now)
{
    return rivals_ended(&r, id, true, false, false, now);
}

static void to_and_fro(void **state)
{
    (void)state;
    rivals_up(&r, LINK_OUT, 0);
    rivals_up(&r, LINK_IN, 100);
    assert_int_equal(closed(LINK_OUT, 110), RIVALS_MAYBE);
    rivals_up(&r, LINK_OUT, 600);
    assert_int_equal(closed(LINK_IN, 600), RIVALS_MAYBE);
    rivals_up(&r, LINK_IN, 1000);
    assert_int_equal(closed(LINK_OUT, 1000 + RIVALS_MS), RIVALS_YES);
    rivals_up(&r, LINK_OUT, 4000);
    rivals_up(&r, LINK_IN, 4100);
    assert_int_equal(closed(LINK_OUT, 4110), RIVALS_MAYBE); /* anew, on another broker */
}

/* The word of the end may come before that of the other's coming up. */
static void an_attempt_may_do_it(void **state)
{
    (void)state;
    rivals_up(&r, LINK_OUT, 0);
    assert_int_equal(rivals_ended(&r, LINK_OUT, true, false, true, 5000), RIVALS_MAYBE);
    rivals_failed(&r, LINK_IN); /* it did not */
    assert_int_equal(r.turns, 0);
    rivals_up(&r, LINK_OUT, 6000);
    assert_int_equal(rivals_ended(&r, LINK_OUT, true, true, true, 9000), RIVALS_YES);
}

static void told_so_once_is_enough(void **state)
{
    (void)state;
    rivals_up(&r, LINK_OUT, 0);
    rivals_up(&r, LINK_IN, 100);
    assert_int_equal(rivals_ended(&r, LINK_OUT, true, true, false, 100), RIVALS_YES);
}

static void others_may_take_a_session_over(void **state)
{
    (void)state;
    rivals_up(&r, LINK_OUT, 0);
    rivals_up(&r, LINK_IN, 100);
    assert_int_equal(rivals_ended(&r, LINK_OUT, true, true, false, 101 + RIVALS_MS), RIVALS_NO);
    assert_int_equal(rivals_ended(&r, LINK_IN, true, true, false, 102 + RIVALS_MS), RIVALS_NO);
}

/* Each time both go: the second goes with nobody left. */
static void a_broker_that_comes_and_goes(void **state)
{
    (void)state;
    for (int64_t now = 0; now < 100000; now += 1000) {
        rivals_up(&r, LINK_OUT, now);
        rivals_up(&r, LINK_IN, now + 50);
        assert_int_not_equal(closed(LINK_OUT, now + 500), RIVALS_YES);
        assert_int_equal(closed(LINK_IN, now + 500), RIVALS_NO);
    }
}

/* Once in a while is nothing. */
static void chance(void **state)
{
    (void)state;
    for (int64_t now = 0; now < 10 * RIVALS_TURN_MS; now += 2 * (RIVALS_TURN_MS + 1)) {
        rivals_up(&r, LINK_OUT, now);
        rivals_up(&r, LINK_IN, now);
        assert_int_equal(closed(LINK_OUT, now), RIVALS_MAYBE);
        rivals_up(&r, LINK_OUT, now + RIVALS_TURN_MS + 1);
        assert_int_equal(closed(LINK_IN, now + RIVALS_TURN_MS + 1), RIVALS_MAYBE);
    }
}

/* A message the broker hangs up on: always the same connection. */
static void the_same_again_and_again(void **state)
{
    (void)state;
    for (int64_t now = 0; now < 100000; now += 1000) {
        rivals_up(&r, LINK_OUT, now);
        rivals_up(&r, LINK_IN, now + 50);
        assert_int_equal(closed(LINK_OUT, now + 500), RIVALS_MAYBE);
    }
}

static void a_network_that_breaks_off(void **state)
{
    (void)state;
    rivals_up(&r, LINK_OUT, 0);
    rivals_up(&r, LINK_IN, 0);
    assert_int_equal(rivals_ended(&r, LINK_OUT, false, false, false, 10), RIVALS_NO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, NULL)
    const struct CMUnitTest tests[] = {
        TEST(to_and_fro),
        TEST(an_attempt_may_do_it),
        TEST(told_so_once_is_enough),
        TEST(others_may_take_a_session_over),
        TEST(a_broker_that_comes_and_goes),
        TEST(chance),
        TEST(the_same_again_and_again),
        TEST(a_network_that_breaks_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
