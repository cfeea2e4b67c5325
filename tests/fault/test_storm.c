/*
 * test_storm.c - the short version of the storm: kill -9 twenty times under load, everything that
 * may happen to the network without a broker that forgets, one that does, two of them failing in
 * turn, then everything mixed. The long one: tests/fault/run. STUDIO_STORM_SEED repeats the choices
 * of a run.
 */
#include <stdlib.h>

#include "fault/storm/storm.h"
#include "support/cmocka_all.h"

static uint64_t seed(void)
{
    const char *text = getenv("STUDIO_STORM_SEED");
    return text ? strtoull(text, NULL, 10) : 0;
}

static void killed_twenty_times_under_load(void **state)
{
    (void)state;
    struct storm_figures figures = storm_run(&(struct storm_options){
        .seed = seed(), .kills = 20, .round_s = 3, .kinds = "kill,kill-starting"});
    assert_int_equal(figures.complaints, 0);
    assert_true(figures.kills >= 20);
    assert_true(figures.acked > 100);
}

/* Without a broker that forgets nothing may be missing at all. */
static void nothing_that_excuses_a_hole(void **state)
{
    (void)state;
    struct storm_figures figures = storm_run(
        &(struct storm_options){.seed = seed(),
                                .seconds = 15,
                                .round_s = 20,
                                .attacks = 7,
                                .kinds = "cut,half-open,blackhole,refuse,kill,broker-stop,pause"});
    assert_int_equal(figures.complaints, 0);
    assert_int_equal(figures.holes, 0);
}

static void a_broker_that_forgets(void **state)
{
    (void)state;
    struct storm_figures figures =
        storm_run(&(struct storm_options){.seed = seed(),
                                          .seconds = 10,
                                          .round_s = 20,
                                          .attacks = 4,
                                          .kinds = "broker-kill,kill,cut,half-open"});
    assert_int_equal(figures.complaints, 0);
    assert_true(figures.broker_kills > 0);
}

static void two_brokers_failing_in_turn(void **state)
{
    (void)state;
    struct storm_figures figures = storm_run(
        &(struct storm_options){.seed = seed(),
                                .seconds = 18,
                                .round_s = 20,
                                .attacks = 10,
                                .brokers = 2,
                                .kinds = "kill,stop,broker-kill,broker-stop,broker-pause,cut,"
                                         "half-open,refuse,blackhole,lag"});
    assert_int_equal(figures.complaints, 0);
    assert_true(figures.broker_kills > 0);
}

static void everything_at_once(void **state)
{
    (void)state;
    struct storm_figures figures = storm_run(
        &(struct storm_options){.seed = seed(), .seconds = 30, .attacks = 10, .round_s = 15});
    assert_int_equal(figures.complaints, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_twenty_times_under_load),
        cmocka_unit_test(nothing_that_excuses_a_hole),
        cmocka_unit_test(a_broker_that_forgets),
        cmocka_unit_test(two_brokers_failing_in_turn),
        cmocka_unit_test(everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
