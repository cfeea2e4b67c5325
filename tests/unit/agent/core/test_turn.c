#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/fake_bridge.h"
#include "support/fake_committer.h"

/* Batches that come back: accepted or refused, and who hears of it in what order. */

static struct core_fixture f;
static struct committer committer;
static struct bridge bridge;
static struct fake_actor device, other, viewer;

static void settle(void)
{
    fake_committer_settle(&f, &committer);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, true);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    core_set_bridge(f.core, &bridge);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    fake_actor_init(&other, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-002", "ARO-002_pc");
    fake_actor_init(&viewer, VIA_WEBSOCKET, ROLE_VIEWER, "ARO-001", "ARO-001_wall");
    join(&f, &device);
    settle();
    expect_prefix(&device, "welcome ");
    assert_string_equal(fake_bridge_next(&bridge), "table ARO-001 rev 0");
    assert_memory_equal(fake_bridge_next(&bridge), "presence ARO-001 ", 17);
    assert_string_equal(fake_bridge_next(&bridge), "change 1 ARO-001 rev 0");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &other);
    fake_actor_finish(&f, &viewer);
    core_fixture_close(&f);
    fake_bridge_finish(&bridge);
    return 0;
}

#define expect_bridge(text) assert_string_equal(fake_bridge_next(&bridge), text)

static void expect_pushed_rev(struct fake_actor *a, const char *rev)
{
    char *text = fake_actor_pushed(&f, a);

    if (!rev[0])
        assert_string_equal(text, "");
    else
        assert_non_null(strstr(text, rev));
    free(text);
}

#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define REFUSED "{\"error\":\"Storage unavailable\"}"

static void answers_in_order_then_pushes_then_the_bridge(void **state)
{
    (void)state;
    say(&f, &device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    expect(&device, "push");
    expect(&device, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect_pushed_rev(&device, "\"UPTIME\":0,");
    say(&f, &device, "{\"sdp\":\"up\",\"request_id\":1}");
    say(&f, &device, "{\"sdp\":\"wrong\",\"request_id\":2}");
    say(&f, &device, "[]");
    say(&f, &device, "{\"sdp\":\"down\",\"request_id\":3}");
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"X\"}");
    core_end_turn(f.core);
    expect_nothing(&device);
    expect_bridge("");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":1}");
    expect(&device, "{\"error\":\"Invalid value for sdp: expected one of up, down, standby, "
                    "calibration, exception\",\"request_id\":2}");
    expect(&device, "{\"error\":\"Update must be a JSON object\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":3}");
    expect(&device, "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    expect(&device, "push");
    expect_nothing(&device);
    expect_pushed_rev(&device, "{\"event\":\"exception\",\"table_id\":\"ARO-001\",\"seq\":4,"
                               "\"ts\":\"2024-01-01T12:00:00.000Z\",\"data\":\"X\"}");
    expect_pushed_rev(&device, "\"UPTIME\":2,"); /* the two changes are one document */
    expect_pushed_rev(&device, "");
    expect_bridge("change 2 ARO-001 rev 1");
    expect_bridge("change 3 ARO-001 rev 2");
    expect_bridge("exception 4 ARO-001 rev 2");
    expect_bridge("table ARO-001 rev 2");
    expect_bridge("");
    assert_int_equal(figure_get(&f.figures.seq), 4);
    assert_int_equal(figure_get(&f.figures.updates[VIA_WEBSOCKET]), 2);
    assert_int_equal(FIGURE_SUM(f.figures.updates), 2);
    assert_int_equal(figure_get(&f.figures.refused[STUDIO_ERR_INVALID_VALUE]), 1);
    assert_int_equal(figure_get(&f.figures.refused[STUDIO_ERR_NOT_OBJECT]), 1);
    assert_int_equal(FIGURE_SUM(f.figures.refused), 2);
}

/* Each answer to a message once: from the turn it came in to the one its batch came back in. */
static void answers_are_timed(void **state)
{
    struct histogram_view before, after;

    (void)state;
    histogram_read(&f.figures.answer, &before);
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "[]"); /* in its turn, behind the update */
    fake_clock_advance(&f.clock, 2);
    core_end_turn(f.core);
    say(&f, &device, "{\"sdp\":\"down\"}");
    fake_clock_advance(&f.clock, 5);
    settle();
    say(&f, &device, "[]"); /* at once */
    core_end_turn(f.core);
    histogram_read(&f.figures.answer, &after);
    assert_int_equal(after.count - before.count, 4);
    assert_int_equal(after.sum_us - before.sum_us, 7000 + 7000 + 5000 + 0);
}

static void what_arrives_during_a_commit_shares_the_next_one(void **state)
{
    unsigned before = committer.batches;

    (void)state;
    say(&f, &device, "{\"sdp\":\"up\"}");
    core_end_turn(f.core);
    for (int i = 0; i < 100; i++) {
        say(&f, &device, i % 2 ? "{\"sdp\":\"up\"}" : "{\"sdp\":\"down\"}");
        core_end_turn(f.core);
    }
    assert_false(core_settle(f.core)); /* not back yet */
    settle();
    assert_int_equal(committer.batches, before + 2);
    for (int i = 0; i < 101; i++)
        expect(&device, UPDATED);
    expect_nothing(&device);
    assert_false(core_settle(f.core));
}

/* Of each table the last one, which a restart finds. */
static void a_row_is_written_once_a_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"X\"}");
    core_end_turn(f.core);
    assert_int_equal(committer.count, 11);
    for (size_t i = 0; i < committer.count; i++)
        assert_int_equal(committer.items[i].snapshot != NULL, i == 9);
    settle();
    say(&f, &device, "{\"sdp\":\"down\"}");
    core_end_turn(f.core);
    say(&f, &device, "{\"sdp\":\"up\"}"); /* in the next batch: not newer in this one */
    assert_non_null(committer.items[0].snapshot);
    settle();
}

static void many_rows_reach_the_bridge_without_a_gap(void **state)
{
    unsigned calls = bridge.calls;

    (void)state;
    for (int i = 0; i < 130; i++)
        say(&f, &device, "{\"sdp\":\"up\"}");
    settle();
    assert_int_equal(bridge.last_seq, 131);
    assert_int_equal(bridge.count, 3 + 130 + 1);
    assert_int_equal(bridge.calls, calls + 1); /* all in one piece */
}

/* --- refused --------------------------------------------------------------------------------- */

static void a_refused_batch_refuses_all_that_was_checked_against_it(void **state)
{
    (void)state;
    join(&f, &viewer);
    expect_prefix(&viewer, "welcome ");
    say(&f, &viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}");
    viewer.read = viewer.count;
    expect_pushed_rev(&viewer, "\"UPTIME\":0,");

    say(&f, &device, "{\"sdp\":\"up\",\"request_id\":1}");
    core_end_turn(f.core);
    say(&f, &device, "{\"sdp\":\"down\",\"request_id\":2}"); /* checked against the first */
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"X\",\"request_id\":3}");
    say(&f, &device, "{\"event\":\"get\",\"request_id\":4}");
    say(&f, &device, "{\"bad\"");
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    expect(&device, "{\"error\":\"Storage unavailable\",\"request_id\":1}");
    expect(&device, "{\"error\":\"Storage unavailable\",\"request_id\":2}");
    expect(&device, "{\"error\":\"Storage unavailable\",\"request_id\":3}");
    expect_prefix(&device,
                  "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect(&device, "{\"error\":\"Invalid JSON format\"}");
    expect_nothing(&device);
    expect_nothing(&viewer);
    expect_pushed_rev(&viewer, "");
    expect_bridge("");
    assert_true(core_quiet(f.core));
    assert_int_equal(device.actor.outstanding, 0);
    assert_int_equal(FIGURE_SUM(f.figures.updates), 0);
    assert_int_equal(figure_get(&f.figures.seq), 1);

    say(&f, &device, "{\"idp\":\"up\"}"); /* works again, and leaves no hole */
    settle();
    expect(&device, UPDATED);
    expect_bridge("change 2 ARO-001 rev 1");
    expect_bridge("table ARO-001 rev 1");
    expect(&viewer, "push");
    expect_pushed_rev(&viewer, "\"UPTIME\":1,");
}

static void a_table_whose_creation_is_refused_does_not_exist(void **state)
{
    (void)state;
    join(&f, &other);
    say(&f, &other, "{\"sdp\":\"up\"}");
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    expect_prefix(&other, "refuse ");
    expect(&other, REFUSED);
    expect_nothing(&other);
    assert_int_equal(tables_count(f.core->tables), 1);
    assert_int_equal(tables_count_staged(f.core->tables), 1);
    join(&f, &other);
    settle();
    expect_prefix(&other, "welcome {\"TABLE_ID\":\"ARO-002\",\"UPTIME\":0,");
    assert_int_equal(figure_get(&f.figures.seq), 2);
}

static void a_refused_removal_leaves_the_table(void **state)
{
    (void)state;
    part(&f, &device);
    assert_memory_equal(fake_bridge_next(&bridge), "presence ARO-001 ", 17);
    viewer.actor.role = ROLE_OPERATOR;
    say(&f, &viewer, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    expect(&viewer, REFUSED);
    say(&f, &device, "{\"sdp\":\"up\"}");
    settle();
    expect(&device, UPDATED);
    say(&f, &viewer, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    settle();
    expect(&viewer, "{\"status\":\"removed\",\"table_id\":\"ARO-001\"}");
    expect_bridge("change 2 ARO-001 rev 1");
    expect_bridge("table ARO-001 rev 1");
    expect_bridge("change 3 ARO-001 rev 2");
    expect_bridge("table ARO-001 rev 2 removed");
    expect_bridge("presence ARO-001 gone");
}

static void a_failed_sync_refuses_as_well(void **state)
{
    (void)state;
    say(&f, &device, "{\"sdp\":\"up\"}");
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_IO));
    expect(&device, REFUSED);
}

static void refused_again_and_again_then_accepted(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        say(&f, &device, "{\"sdp\":\"up\",\"note\":1}");
        core_end_turn(f.core);
        say(&f, &device, "{\"sdp\":\"down\",\"note\":null}");
        assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
        expect(&device, REFUSED);
        expect(&device, REFUSED);
    }
    say(&f, &device, "{\"sdp\":\"down\"}");
    settle();
    expect(&device, UPDATED);
    assert_int_equal(figure_get(&f.figures.seq), 2);
}

/* --- who is gone ----------------------------------------------------------------------------- */

static void an_update_of_a_connection_that_is_gone_still_counts(void **state)
{
    struct fake_actor leaving;

    (void)state;
    fake_actor_init(&leaving, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_x");
    say(&f, &leaving, "{\"sdp\":\"up\"}");
    say(&f, &leaving, "{\"event\":\"get\"}");
    say(&f, &leaving, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    fake_actor_finish(&f, &leaving);
    assert_false(leaving.released);
    settle();
    assert_true(leaving.released);
    assert_int_equal(leaving.count, 0);
    assert_int_equal(hub_subscribers(core_hub(f.core)), 0);
    expect_bridge("change 2 ARO-001 rev 1");
}

static void destroying_a_core_lets_go_of_what_waits(void **state)
{
    static struct fake_actor waiting; /* outlives the test */

    (void)state;
    fake_actor_init(&waiting, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_x");
    say(&f, &waiting, "{\"sdp\":\"up\"}");
    core_end_turn(f.core);
    say(&f, &waiting, "{\"sdp\":\"up\"}");
    fake_actor_finish(&f, &waiting);
    assert_false(waiting.released);
    /* teardown destroys the core: both items, and with them the actor */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_in_order_then_pushes_then_the_bridge),
        TEST(answers_are_timed),
        TEST(what_arrives_during_a_commit_shares_the_next_one),
        TEST(a_row_is_written_once_a_batch),
        TEST(many_rows_reach_the_bridge_without_a_gap),
        TEST(a_refused_batch_refuses_all_that_was_checked_against_it),
        TEST(a_table_whose_creation_is_refused_does_not_exist),
        TEST(a_refused_removal_leaves_the_table),
        TEST(a_failed_sync_refuses_as_well),
        TEST(refused_again_and_again_then_accepted),
        TEST(an_update_of_a_connection_that_is_gone_still_counts),
        TEST(destroying_a_core_lets_go_of_what_waits),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
