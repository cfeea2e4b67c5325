/* test_link_held.c - acknowledgements leave in order of arrival, after their verdicts. */
#include "bridge/link_held.h"

#include <unistd.h>

#include "bridge/link.h"
#include "support/cmocka_all.h"

static struct held held;

static int setup(void **state)
{
    (void)state;
    held_init(&held);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    held_finish(&held);
    return 0;
}

static uint64_t add(int msgid)
{
    uint64_t token;

    assert_true(held_add(&held, msgid, &token));
    return token;
}

static void it_leaves_when_it_is_asked_for_and_decided(void **state)
{
    uint64_t token = add(7);

    (void)state;
    assert_int_equal(held_take(&held), HELD_NONE);
    assert_false(held_decided(&held));
    held_decide(&held, token);
    assert_true(held_decided(&held));
    assert_int_equal(held_take(&held), HELD_NONE);
    assert_true(held_ask(&held, 7));
    assert_true(held_decided(&held));
    assert_int_equal(held_take(&held), 7);
    assert_int_equal(held_take(&held), HELD_NONE);
    assert_true(held_empty(&held));
    held_decide(&held, token); /* once more: nothing */
    assert_true(held_wait_room(&held, 0));
}

static void the_order_is_that_of_arrival(void **state)
{
    uint64_t a = add(1), b = add(2), c = add(3);

    (void)state;
    assert_true(held_ask(&held, 1));
    assert_true(held_ask(&held, 2));
    assert_true(held_ask(&held, 3));
    held_decide(&held, c);
    held_decide(&held, b);
    assert_int_equal(held_take(&held), HELD_NONE);
    held_decide(&held, a);
    assert_int_equal(held_take(&held), 1);
    assert_int_equal(held_take(&held), 2);
    assert_int_equal(held_take(&held), 3);
}

static void qos_0_waits_for_nothing_but_its_verdict(void **state)
{
    uint64_t a = add(0), b = add(9);

    (void)state;
    assert_true(held_ask(&held, 9));
    held_decide(&held, b);
    assert_int_equal(held_take(&held), HELD_NONE);
    held_decide(&held, a);
    assert_int_equal(held_take(&held), 9);
    held_decide(&held, add(0));
    assert_true(held_empty(&held));
}

static void what_was_not_handed_over_is_not_held(void **state)
{
    uint64_t token;

    (void)state;
    assert_false(held_ask(&held, 5));
    token = add(5);
    assert_true(held_ask(&held, 5));
    assert_false(held_ask(&held, 5));
    held_decide(&held, token);
    assert_int_equal(held_take(&held), 5);
    assert_false(held_ask(&held, 5));
}

static void too_many_without_a_verdict_leave_no_room(void **state)
{
    uint64_t first = add(1);

    (void)state;
    for (int i = 1; i < LINK_COMMANDS_MAX; i++) {
        assert_true(held_wait_room(&held, 0));
        add(1 + i);
    }
    assert_false(held_wait_room(&held, 1));
    held_decide(&held, first);
    assert_true(held_wait_room(&held, 0));
}

static void the_ring_has_an_end(void **state)
{
    uint64_t token;

    (void)state;
    for (int i = 0; i < HELD_RING; i++) {
        assert_true(held_wait_room(&held, 0));
        held_decide(&held, add(i + 1));
        assert_true(held_ask(&held, i + 1));
    }
    assert_true(held_wait_room(&held, 0)); /* else the library would never learn of a dead broker */
    assert_false(held_add(&held, 1, &token));
}

/* QoS 0 has no Receive Maximum: what is refused at once comes as fast as it may. */
static void those_decided_behind_one_that_is_not_are_bounded_too(void **state)
{
    uint64_t first = add(7);

    (void)state;
    assert_true(held_ask(&held, 7));
    for (int i = 1; i < HELD_RING; i++) {
        assert_true(held_wait_room(&held, 0));
        held_decide(&held, add(0));
    }
    assert_false(held_wait_room(&held, 1));
    held_decide(&held, first);
    assert_true(held_wait_room(&held, 0));
    assert_int_equal(held_take(&held), 7);
    assert_true(held_empty(&held));
}

static void closed_there_is_no_room_any_more(void **state)
{
    uint64_t token = add(1);

    (void)state;
    held_close(&held);
    assert_false(held_wait_room(&held, 0));
    assert_false(held_empty(&held));
    assert_true(held_ask(&held, 1));
    held_decide(&held, token);
    assert_false(held_wait_room(&held, 0));
    assert_int_equal(held_take(&held), 1);
    assert_true(held_empty(&held));
}

static void *decide_soon(void *arg)
{
    usleep(10000);
    held_decide(&held, *(uint64_t *)arg);
    return NULL;
}

static void a_verdict_wakes_who_waits_for_room(void **state)
{
    uint64_t token = add(1);
    pthread_t thread;

    (void)state;
    for (int i = 1; i < LINK_COMMANDS_MAX; i++)
        add(1 + i);
    assert_int_equal(pthread_create(&thread, NULL, decide_soon, &token), 0);
    assert_true(held_wait_room(&held, 60000));
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_leaves_when_it_is_asked_for_and_decided, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_order_is_that_of_arrival, setup, teardown),
        cmocka_unit_test_setup_teardown(qos_0_waits_for_nothing_but_its_verdict, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_handed_over_is_not_held, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_without_a_verdict_leave_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ring_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(those_decided_behind_one_that_is_not_are_bounded_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(closed_there_is_no_room_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_verdict_wakes_who_waits_for_room, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
