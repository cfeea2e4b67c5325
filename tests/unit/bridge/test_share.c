/* test_share.c - the shares of the sends. */
#include "bridge/share.h"

#include "support/cmocka_all.h"

static void count(const bool wants[TRAFFIC_COUNT], unsigned sends, unsigned got[TRAFFIC_COUNT])
{
    struct share s;

    share_init(&s);
    for (int c = 0; c < TRAFFIC_COUNT; c++)
        got[c] = 0;
    for (unsigned i = 0; i < sends; i++)
        got[share_pick(&s, wants)]++;
}

/* Promise 3: while a backlog drains, retained messages get between a tenth and a quarter. */
static void retained_ones_get_their_part_of_a_backlog(void **state)
{
    unsigned got[TRAFFIC_COUNT];

    (void)state;
    for (unsigned others = 0; others < 4; others++) {
        const bool wants[TRAFFIC_COUNT] = {[TRAFFIC_EVENTS] = true,
                                           [TRAFFIC_RETAINED] = true,
                                           [TRAFFIC_ANSWERS] = others & 1,
                                           [TRAFFIC_REPLAYS] = others & 2};

        count(wants, 3000, got);
        assert_in_range(got[TRAFFIC_RETAINED], 300, 750);
        assert_true(got[TRAFFIC_EVENTS] >= 1500);
        assert_in_range(got[TRAFFIC_REPLAYS], 0, 3000 / 8);
    }
}

static void the_only_one_gets_all(void **state)
{
    unsigned got[TRAFFIC_COUNT];

    (void)state;
    for (int c = 0; c < TRAFFIC_COUNT; c++) {
        bool wants[TRAFFIC_COUNT] = {false};

        wants[c] = true;
        count(wants, 100, got);
        assert_int_equal(got[c], 100);
    }
    assert_int_equal(share_pick(&(struct share){.now = 0}, (bool[TRAFFIC_COUNT]){false}),
                     TRAFFIC_COUNT);
}

static void idle_time_is_no_credit(void **state)
{
    const bool events[TRAFFIC_COUNT] = {[TRAFFIC_EVENTS] = true};
    const bool both[TRAFFIC_COUNT] = {[TRAFFIC_EVENTS] = true, [TRAFFIC_RETAINED] = true};
    struct share s;
    unsigned retained = 0;

    (void)state;
    share_init(&s);
    for (int i = 0; i < 100000; i++)
        share_pick(&s, events);
    for (int i = 0; i < 60; i++)
        retained += share_pick(&s, both) == TRAFFIC_RETAINED;
    assert_in_range(retained, 6, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_ones_get_their_part_of_a_backlog),
        cmocka_unit_test(the_only_one_gets_all),
        cmocka_unit_test(idle_time_is_no_credit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
