/* test_verifier.c - slow hashes are checked by another thread; what waits is bounded. */
#include "auth/verifier.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "auth/slow_hash.h"
#include "support/cmocka_all.h"

static struct verifier *verifier;
static atomic_uint wakes;
static char hashes[2][SLOW_HASH_MAX + 1];
static const char *const both[] = {hashes[0], hashes[1]};
static size_t answers, which, of;

static void wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes, 1);
}

static void keep(void *ctx, size_t found, size_t count)
{
    (void)ctx;
    answers++;
    which = found;
    of = count;
}

static int setup(void **state)
{
    (void)state;
    answers = 0;
    atomic_store(&wakes, 0);
    verifier = verifier_create(wake, NULL);
    return verifier && slow_hash_make("pin-1", hashes[0]) && slow_hash_make("pin-2", hashes[1])
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    verifier_destroy(verifier);
    return 0;
}

static struct question *ask(const char *site, const char *token, size_t count)
{
    return verifier_ask(verifier, site, token, both, count, keep, NULL);
}

static void expect(const char *token, size_t count, size_t found)
{
    size_t before = answers;

    assert_non_null(ask("::1", token, count));
    while (answers == before) {
        verifier_settle(verifier);
        sched_yield();
    }
    assert_true(atomic_load(&wakes) > 0);
    assert_int_equal(which, found);
    assert_int_equal(of, count);
}

static void the_first_that_fits(void **state)
{
    (void)state;
    verifier_settle(verifier); /* nothing was asked */
    expect("pin-1", 2, 0);
    expect("pin-2", 2, 1);
    expect("pin-2", 1, 1);
    expect("pin-3", 2, 2);
    expect("pin-1", 0, 0);
    verifier_destroy(NULL);
}

/* Everybody asks at once: those of one address leave room for others. */
static void so_many_wait_and_no_more(void **state)
{
    char site[24];
    size_t asked = 0, here = 0;

    (void)state;
    while (here < 100 && ask("10.0.0.1", "pin-1", 2))
        here++;
    assert_in_range(here, VERIFIER_WAITING_OF_SITE, 99);
    asked = here;
    for (int i = 0; i < 200; i++) {
        snprintf(site, sizeof(site), "10.0.1.%d", i);
        asked += ask(site, "pin-1", 2) != NULL;
    }
    assert_in_range(asked, VERIFIER_WAITING, 199);
    /* They are left behind when it is destroyed. */
}

static void what_is_forgotten_is_not_told(void **state)
{
    struct question *q[8];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 8; i++) {
            q[i] = ask("::1", "pin-2", 2);
            assert_non_null(q[i]);
        }
        for (size_t i = 0; i < 8; i++)
            verifier_forget(verifier, q[i]);
    }
    expect("pin-2", 2, 1);
    assert_int_equal(answers, 1);
    q[0] = ask("::1", "pin-2", 2);
    verifier_stop(verifier);
    verifier_forget(verifier, q[0]);
    verifier_settle(verifier);
    assert_int_equal(answers, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_that_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(so_many_wait_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_not_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
