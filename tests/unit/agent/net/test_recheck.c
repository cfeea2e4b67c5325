#include "net/recheck.h"

#include <string.h>
#include <utlist.h>

#include "support/cmocka_all.h"
#include "support/fake_clock.h"

enum { COUNT = 20, LOOK_MS = 1, IN_A_STEP = RECHECK_STEP_US / 1000 / LOOK_MS };

static struct fake_clock clock_;
static struct recheck recheck;
static struct connection {
    struct socket socket;
    bool wrong, out;
    size_t looks;
} all[COUNT];
static struct socket *list;

static bool admits(void *ctx, void *connection)
{
    struct connection *c = connection;

    assert_ptr_equal(ctx, &recheck);
    c->looks++;
    fake_clock_advance(&clock_, LOOK_MS);
    return !c->wrong;
}

static void leave(struct connection *c)
{
    recheck_leave(&recheck, &c->socket);
    DL_DELETE(list, &c->socket);
}

/* It is gone at once. */
static void expel(void *ctx, void *connection)
{
    struct connection *c = connection;

    (void)ctx;
    assert_false(c->out);
    c->out = true;
    leave(c);
}

static void come(struct connection *c)
{
    c->socket.connection = c;
    recheck_enter(&recheck, &c->socket);
    DL_APPEND(list, &c->socket);
}

static int setup(void **state)
{
    (void)state;
    memset(all, 0, sizeof(all));
    list = NULL;
    fake_clock_init(&clock_);
    recheck =
        (struct recheck){.clock = &clock_.clock, .admits = admits, .expel = expel, .ctx = &recheck};
    for (size_t i = 0; i < COUNT; i++)
        come(&all[i]);
    return 0;
}

static size_t looks(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < COUNT; i++)
        sum += all[i].looks;
    return sum;
}

static void some_in_each_turn(void **state)
{
    size_t steps = 1;

    (void)state;
    assert_false(recheck_step(&recheck)); /* nothing has changed */
    for (size_t i = 0; i < COUNT; i += 2)
        all[i].wrong = true;
    recheck_begin(&recheck, list);
    assert_int_equal(looks(), 0);
    assert_true(recheck_step(&recheck));
    assert_int_equal(looks(), IN_A_STEP);
    while (recheck_step(&recheck))
        steps++;
    assert_int_equal(steps, COUNT / IN_A_STEP - 1);
    assert_int_equal(looks(), COUNT);
    assert_int_equal(recheck.expelled, COUNT / 2);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(all[i].out, all[i].wrong);
}

/* What it asks for before it is its turn is not done. */
static void who_asks_is_looked_at_first(void **state)
{
    struct connection *last = &all[COUNT - 1];

    (void)state;
    assert_true(recheck_passes(&recheck, &last->socket));
    last->wrong = true;
    recheck_begin(&recheck, list);
    assert_true(recheck_step(&recheck));
    assert_true(recheck_passes(&recheck, &all[COUNT - 2].socket));
    assert_true(recheck_passes(&recheck, &all[COUNT - 2].socket));
    assert_false(recheck_passes(&recheck, &last->socket));
    assert_false(recheck_passes(&recheck, &last->socket)); /* what was on the way already */
    assert_true(last->out);
    while (recheck_step(&recheck))
        ;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(all[i].looks, 1);
}

static void who_comes_and_goes_meanwhile(void **state)
{
    struct connection later = {.wrong = true}; /* by what counts now */

    (void)state;
    recheck_begin(&recheck, list);
    assert_true(recheck_step(&recheck));
    leave(&all[IN_A_STEP]); /* who is next */
    leave(&all[0]);
    come(&later);
    while (recheck_step(&recheck))
        ;
    assert_int_equal(looks(), COUNT - 1);
    assert_int_equal(later.looks, 0);
    assert_true(recheck_passes(&recheck, &later.socket));
}

/* Something more has been taken away before all were looked at. */
static void once_more_before_the_end(void **state)
{
    (void)state;
    recheck_begin(&recheck, list);
    assert_true(recheck_step(&recheck));
    all[0].wrong = true;
    recheck_begin(&recheck, list);
    while (recheck_step(&recheck))
        ;
    assert_true(all[0].out);
    assert_int_equal(all[0].looks, 2);
    assert_int_equal(all[COUNT - 1].looks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(some_in_each_turn, setup),
        cmocka_unit_test_setup(who_asks_is_looked_at_first, setup),
        cmocka_unit_test_setup(who_comes_and_goes_meanwhile, setup),
        cmocka_unit_test_setup(once_more_before_the_end, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
