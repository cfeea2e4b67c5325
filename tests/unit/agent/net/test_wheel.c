/* test_wheel.c - everything is looked at once a round. */
#include "net/wheel.h"

#include <stdbool.h>
#include <stddef.h>

#include "support/cmocka_all.h"

enum { COUNT = 25 };

struct thing {
    struct wheel_node node; /* first */
    unsigned seen;
    bool leaves;
};

static struct wheel wheel;
static struct thing things[COUNT];

static void look(void *ctx, struct wheel_node *node)
{
    struct thing *thing = (struct thing *)node;

    (*(unsigned *)ctx)++;
    thing->seen++;
    if (thing->leaves)
        wheel_remove(&wheel, node);
}

static int setup(void **state)
{
    (void)state;
    wheel = (struct wheel){0};
    for (int i = 0; i < COUNT; i++) {
        things[i] = (struct thing){0};
        wheel_add(&wheel, &things[i].node);
    }
    return 0;
}

static void a_round_sees_all_a_step_a_part(void **state)
{
    unsigned seen = 0;

    (void)state;
    wheel_step(&wheel, look, &seen);
    assert_in_range(seen, COUNT / WHEEL_SLICES, COUNT / WHEEL_SLICES + 1);
    for (int i = 1; i < WHEEL_SLICES; i++)
        wheel_step(&wheel, look, &seen);
    assert_int_equal(seen, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(things[i].seen, 1);
    wheel_each(&wheel, look, &seen);
    assert_int_equal(seen, 2 * COUNT);
}

static void leaving_while_looked_at(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (int i = 0; i < COUNT; i += 2)
        things[i].leaves = true;
    wheel_each(&wheel, look, &seen);
    assert_int_equal(seen, COUNT);
    seen = 0;
    wheel_each(&wheel, look, &seen);
    assert_int_equal(seen, COUNT / 2);
    for (int i = 1; i < COUNT; i += 2)
        wheel_remove(&wheel, &things[i].node);
    seen = 0;
    wheel_each(&wheel, look, &seen);
    assert_int_equal(seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_round_sees_all_a_step_a_part, setup),
        cmocka_unit_test_setup(leaving_while_looked_at, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
