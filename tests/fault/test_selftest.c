/*
 * test_selftest.c - the judge judged: an agent with one mistake made on purpose must not get
 * through, and the same agent without it must. Each mistake has to be found by the check that is
 * meant for it. The power cut has its own proof in test_store_power_cut.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "fault/storm/storm.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* The program that is wrong on purpose, in a short storm. */
static struct storm_figures storm(const char *mistake, struct storm_options options)
{
    char *variable = test_printf("STUDIO_FAULT=%s", mistake);
    options.round_s = 20;
    options.program = "studio-agent-faulty";
    options.variable = variable;
    options.quiet = true;
    struct storm_figures figures = storm_run(&options);
    free(variable);
    return figures;
}

/* Killed five times while syncs are slow. */
static struct storm_figures killed(const char *mistake, unsigned drain_s)
{
    return storm(mistake,
                 (struct storm_options){
                     .seconds = 2, .kills = 5, .kinds = "kill", .sync_ms = 20, .drain_s = drain_s});
}

enum { SOON_S = 4 /* what is missing need not be waited for long */ };

static void without_a_mistake_nothing_is_found(void **state)
{
    (void)state;
    struct storm_figures figures = killed("none", 0);
    assert_int_equal(figures.complaints, 0);
    assert_true(figures.acked > 0);
}

static void an_acknowledgement_before_the_commit_is_found(void **state)
{
    (void)state;
    if (!faults_available())
        skip(); /* without a slow sync a kill seldom comes between */
    assert_true(killed("early-ack", SOON_S).found[COMPLAINT_LOST] > 0);
}

static void an_event_published_before_its_commit_is_found(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    assert_true(killed("early-publish", SOON_S).found[COMPLAINT_BYTES] > 0);
}

static void an_event_left_out_is_found(void **state)
{
    (void)state;
    struct storm_figures figures = storm(
        "drop-event", (struct storm_options){.seconds = 3, .kinds = "lag", .drain_s = SOON_S});
    assert_true(figures.events > 400); /* so it was none of the last ones */
    assert_true(figures.found[COMPLAINT_MISSING] > 0);
}

static void two_events_swapped_are_found(void **state)
{
    (void)state;
    struct storm_figures figures = killed("swap-events", SOON_S);
    assert_true(figures.found[COMPLAINT_SENT_LATE] > 0);
    assert_true(figures.found[COMPLAINT_HEARD_LATE] > 0);
}

/* Not even a broker that is killed makes up for it. */
static void events_in_flight_not_sent_again_are_found(void **state)
{
    (void)state;
    struct storm_figures figures = storm(
        "no-rewind",
        (struct storm_options){
            .attacks = 2, .plain = true, .kinds = "blackhole,broker-kill", .drain_s = SOON_S});
    assert_int_equal(figures.broker_kills, 1);
    assert_true(figures.found[COMPLAINT_MISSING] > 0);
}

/* How many syncs 20 acknowledged updates, one after the other, have cost. */
static uint64_t syncs_of_20_updates(const char *mistake)
{
    enum { NEVER = 1 << 30 };
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, NULL);
    const char *const *env = faults_env(faults);
    char *variable = test_printf("STUDIO_FAULT=%s", mistake);
    const char *all[] = {env[0], env[1], variable, NULL};
    struct agent_proc *agent = agent_proc_start(
        &(struct agent_options){.program = "studio-agent-faulty", .data = data, .env = all});
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    faults_fail(faults, FAULT_SYNC, EIO, NEVER, 0); /* only counts */
    for (int i = 0; i < 20; i++)
        wsclient_ask(c, i % 2 ? "{\"sdp\":\"up\"}" : "{\"sdp\":\"down\"}",
                     "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    uint64_t syncs = faults_calls(faults, FAULT_SYNC);
    wsclient_close(c);
    agent_proc_destroy(agent);
    faults_destroy(faults);
    free(variable);
    return syncs;
}

static void a_missing_sync_is_found(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    assert_true(syncs_of_20_updates("none") >= 20);
    assert_true(syncs_of_20_updates("no-sync") < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_mistake_nothing_is_found),
        cmocka_unit_test(an_acknowledgement_before_the_commit_is_found),
        cmocka_unit_test(an_event_published_before_its_commit_is_found),
        cmocka_unit_test(an_event_left_out_is_found),
        cmocka_unit_test(two_events_swapped_are_found),
        cmocka_unit_test(events_in_flight_not_sent_again_are_found),
        cmocka_unit_test(a_missing_sync_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
