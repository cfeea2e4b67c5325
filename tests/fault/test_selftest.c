/*
 * test_selftest.c - the judge judged: an agent with one mistake made on purpose must not get
 * through, and the same agent without it must. The power cut has its own proof in
 * test_store_power_cut.c.
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

static struct storm_figures storm(const char *mistake)
{
    char *variable = test_printf("STUDIO_FAULT=%s", mistake);
    struct storm_figures figures =
        storm_run(&(struct storm_options){.seconds = 1,
                                          .kills = 5,
                                          .round_s = 20,
                                          .kinds = "kill",
                                          .program = "studio-agent-faulty",
                                          .variable = variable,
                                          .sync_ms = 20,
                                          .drain_s = 5,
                                          .quiet = true});
    free(variable);
    return figures;
}

static void without_a_mistake_nothing_is_found(void **state)
{
    (void)state;
    struct storm_figures figures = storm("none");
    assert_int_equal(figures.complaints, 0);
    assert_true(figures.acked > 0);
}

static void an_acknowledgement_before_the_commit_is_found(void **state)
{
    (void)state;
    if (!faults_available())
        skip(); /* without a slow sync a kill seldom comes between */
    assert_true(storm("early-ack").complaints > 0);
}

static void an_event_left_out_is_found(void **state)
{
    (void)state;
    assert_true(storm("drop-event").complaints > 0);
}

static void two_events_swapped_are_found(void **state)
{
    (void)state;
    assert_true(storm("swap-events").complaints > 0);
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
        cmocka_unit_test(an_event_left_out_is_found),
        cmocka_unit_test(two_events_swapped_are_found),
        cmocka_unit_test(a_missing_sync_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
