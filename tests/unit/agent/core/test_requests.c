#include "core/requests.h"

#include <sqlite3.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/fake_committer.h"

/* Commands of MQTT with a request_id: answered once more, never applied once more. */

static struct core_fixture f;
static struct committer committer;
static struct fake_actor plc[4];

static void settle(void)
{
    fake_committer_settle(&f, &committer);
}

/* The lookups that are out come back. */
static void looked_up(void)
{
    (void)core_settle(f.core);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, false);
    f.options.create_tables = true;
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    for (int i = 0; i < 4; i++) /* one for each command, as the inbox does */
        fake_actor_init(&plc[i], VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc");
    command(&f, &plc[0], "{}"); /* makes the table */
    settle();
    plc[0].read = plc[0].count;
    assert_int_equal(store_info(f.store)->last_seq, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        fake_actor_finish(&f, &plc[i]);
    core_fixture_close(&f);
    return 0;
}

#define UPDATED_A "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"a\"}"

static void the_same_again_gets_the_same_answer(void **state)
{
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    settle();
    expect(&plc[0], UPDATED_A);
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    looked_up();
    expect(&plc[1], UPDATED_A); /* without a commit: it is durable */
    assert_true(core_quiet(f.core));
    assert_int_equal(store_info(f.store)->last_seq, 2);
    command(&f, &plc[2], "{\"sdp\":\"down\",\"request_id\":\"a\"}");
    looked_up();
    expect(&plc[2], "{\"error\":\"request_id already used\",\"request_id\":\"a\"}");
    command(&f, &plc[3], "{\"sdp\":\"down\",\"request_id\":\"b\"}");
    settle();
    expect_prefix(&plc[3], "{\"status\":\"updated\"");
    assert_int_equal(store_info(f.store)->last_seq, 3);
}

static void what_changes_nothing_is_remembered_too(void **state)
{
    (void)state;
    uint64_t before = store_info(f.store)->last_seq;
    command(&f, &plc[0], "{\"request_id\":\"a\"}");
    expect_nothing(&plc[0]); /* not before it is durable */
    settle();
    expect(&plc[0], UPDATED_A);
    assert_int_equal(store_info(f.store)->last_seq, before); /* it is no event */
    command(&f, &plc[1], "{\"request_id\":\"a\"}");
    looked_up();
    expect(&plc[1], UPDATED_A);
    command(&f, &plc[2], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    looked_up();
    expect(&plc[2], "{\"error\":\"request_id already used\",\"request_id\":\"a\"}");
}

static void exceptions_are_remembered_too(void **state)
{
    const char *text = "{\"event\":\"exception\",\"data\":\"X\",\"request_id\":5}";
    const char *answer = "{\"status\":\"received\",\"table_id\":\"ARO-001\",\"request_id\":5}";

    (void)state;
    command(&f, &plc[0], text);
    settle();
    command(&f, &plc[1], text);
    looked_up();
    expect(&plc[0], answer);
    expect(&plc[1], answer);
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void while_the_first_is_in_a_batch_the_second_waits(void **state)
{
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}"); /* the same batch */
    looked_up();
    core_end_turn(f.core);
    command(&f, &plc[2], "{\"sdp\":\"up\",\"request_id\":\"a\"}"); /* under way */
    command(&f, &plc[3], "{\"sdp\":\"down\",\"request_id\":\"a\"}");
    expect_nothing(&plc[1]);
    expect_nothing(&plc[2]);
    settle();
    expect(&plc[0], UPDATED_A);
    expect(&plc[1], UPDATED_A);
    expect(&plc[2], UPDATED_A);
    expect(&plc[3], "{\"error\":\"request_id already used\",\"request_id\":\"a\"}");
    assert_int_equal(store_info(f.store)->last_seq, 2);
    for (int i = 0; i < 4; i++)
        expect_nothing(&plc[i]);
}

static void a_refused_first_is_tried_by_the_second(void **state)
{
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    looked_up();
    core_end_turn(f.core);
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    command(&f, &plc[2], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    expect(&plc[0], "{\"error\":\"Storage unavailable\",\"request_id\":\"a\"}");
    settle();
    expect(&plc[1], UPDATED_A);
    expect(&plc[2], UPDATED_A);
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void a_refused_batch_with_its_own_repetition(void **state)
{
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    looked_up();
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    settle();
    expect(&plc[0], "{\"error\":\"Storage unavailable\",\"request_id\":\"a\"}");
    expect(&plc[1], UPDATED_A);
    assert_int_equal(table_newest(tables_find(f.core->tables, "ARO-001"))->rev, 1);
}

static void errors_are_not_remembered(void **state)
{
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"wrong\",\"request_id\":\"a\"}");
    expect_prefix(&plc[0], "{\"error\":\"Invalid value for sdp");
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    settle();
    expect(&plc[1], UPDATED_A);
}

static void the_key_is_table_and_client_and_request(void **state)
{
    struct fake_actor elsewhere, somebody;

    (void)state;
    fake_actor_init(&elsewhere, VIA_MQTT, ROLE_DEVICE, "ARO-002", "plc");
    fake_actor_init(&somebody, VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc2");
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":7}");
    command(&f, &elsewhere, "{\"sdp\":\"up\",\"request_id\":7}");
    command(&f, &somebody, "{\"sdp\":\"up\",\"request_id\":7}");
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"7\"}"); /* a string is not a number */
    settle();
    assert_int_equal(store_info(f.store)->last_seq, 6); /* and the creation of ARO-002 */
    expect(&elsewhere, "{\"status\":\"updated\",\"table_id\":\"ARO-002\",\"request_id\":7}");
    fake_actor_finish(&f, &elsewhere);
    fake_actor_finish(&f, &somebody);
}

static void housekeep(int64_t mono_ms)
{
    for (bool more = true; more;)
        assert_int_equal(store_housekeep(f.store, mono_ms, &more), STUDIO_OK);
}

/* Hours in which the agent runs; what the wall clock says meanwhile does not count. */
static void remembered_for_24_hours(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };
    int64_t mono = 0;

    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    settle();
    atomic_fetch_add(&f.clock.wall_ms, INT64_C(90) * 24 * HOUR_MS);
    for (int hour = 0; hour <= 24; hour++)
        housekeep(mono = (int64_t)hour * HOUR_MS);
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    looked_up();
    expect(&plc[1], UPDATED_A);
    housekeep(mono + HOUR_MS);
    command(&f, &plc[2], "{\"sdp\":\"down\",\"request_id\":\"a\"}");
    settle();
    expect(&plc[2], UPDATED_A);
    assert_int_equal(store_info(f.store)->last_seq, 3);
}

static void websocket_answers_are_not_remembered(void **state)
{
    struct fake_actor device;

    (void)state;
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "plc");
    say(&f, &device, "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    say(&f, &device, "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    settle();
    assert_int_equal(store_info(f.store)->last_seq, 3);
    fake_actor_finish(&f, &device);
}

static void a_repetition_is_not_counted_twice_against_the_rate(void **state)
{
    for (int i = 0; i < 4; i++)
        fake_actor_finish(&f, &plc[i]);
    core_destroy(f.core);
    for (int i = 0; i < 4; i++)
        fake_actor_init(&plc[i], VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc");
    f.options.rate = 1;
    f.options.burst = 1;
    core_fixture_start(&f, &committer);
    (void)state;
    command(&f, &plc[0], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    command(&f, &plc[1], "{\"sdp\":\"up\",\"request_id\":\"a\"}");
    settle();
    expect(&plc[0], UPDATED_A);
    expect(&plc[1], UPDATED_A);
}

/* --- in line ---------------------------------------------------------------------------------- */

#define UP_A   "{\"sdp\":\"up\",\"request_id\":\"a\"}"
#define DOWN_A "{\"sdp\":\"down\",\"request_id\":\"a\"}"
#define DOWN_B "{\"sdp\":\"down\",\"request_id\":\"b\"}"
#define USED_A "{\"error\":\"request_id already used\",\"request_id\":\"a\"}"

static void expect_sdp(const char *value)
{
    struct studio_snapshot *now = table_snapshot(tables_find(f.core->tables, "ARO-001"));
    size_t i = 0;

    while (strcmp(now->fields[i].name, "SDP") != 0)
        assert_true(++i < now->field_count);
    assert_string_equal(now->fields[i].text, value);
}

static void expect_each_answered_once(void)
{
    assert_true(core_quiet(f.core));
    for (int i = 0; i < 4; i++)
        assert_int_equal(plc[i].count, i == 0 ? 2 : 1); /* the first has made the table */
}

static void of_a_key_one_lookup_is_out(void **state)
{
    (void)state;
    f.lookup.held = true;
    unsigned before = f.lookup.submitted;
    command(&f, &plc[0], UP_A);
    command(&f, &plc[1], UP_A);
    command(&f, &plc[2], DOWN_A);
    command(&f, &plc[3], DOWN_B);
    assert_int_equal(f.lookup.submitted, before + 2);
    assert_false(core_quiet(f.core));
    f.lookup.held = false;
    settle();
    expect(&plc[0], UPDATED_A);
    expect(&plc[1], UPDATED_A);
    expect(&plc[2], USED_A);
    expect_prefix(&plc[3], "{\"status\":\"updated\"");
    expect_each_answered_once();
    assert_int_equal(store_info(f.store)->last_seq, 3);
    expect_sdp("down");
}

static void in_line_behind_one_that_is_refused(void **state)
{
    (void)state;
    f.lookup.held = true;
    command(&f, &plc[0], "{\"table_id\":\"ARO-002\",\"sdp\":\"up\",\"request_id\":\"a\"}");
    command(&f, &plc[1], UP_A);
    expect_nothing(&plc[0]);
    f.lookup.held = false;
    settle();
    expect(&plc[0], "{\"error\":\"Not permitted\",\"request_id\":\"a\"}");
    expect(&plc[1], UPDATED_A);
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void in_line_behind_one_answered_from_the_store(void **state)
{
    (void)state;
    command(&f, &plc[0], UP_A);
    settle();
    f.lookup.held = true;
    command(&f, &plc[1], UP_A);
    command(&f, &plc[2], DOWN_A);
    command(&f, &plc[3], UP_A);
    f.lookup.held = false;
    settle();
    expect(&plc[1], UPDATED_A);
    expect(&plc[2], USED_A);
    expect(&plc[3], UPDATED_A);
    expect_each_answered_once();
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void nobody_overtakes_one_whose_lookup_is_out(void **state)
{
    (void)state;
    f.lookup.held = true;
    command(&f, &plc[0], UP_A);
    command(&f, &plc[1], "{\"sdp\":\"down\"}");
    assert_false(fake_committer_turn(&f, &committer, STUDIO_OK)); /* nothing is to be stored */
    expect_nothing(&plc[1]);
    f.lookup.held = false;
    settle();
    expect(&plc[0], UPDATED_A);
    expect_prefix(&plc[1], "{\"status\":\"updated\"");
    assert_int_equal(store_info(f.store)->last_seq, 3);
    expect_sdp("down");
}

static void a_batch_is_settled_while_lookups_are_out(void **state)
{
    (void)state;
    command(&f, &plc[0], UP_A);
    looked_up();
    core_end_turn(f.core);
    f.lookup.held = true;
    command(&f, &plc[1], UP_A); /* its like is under way */
    command(&f, &plc[2], DOWN_B);
    assert_true(fake_committer_finish(&committer, STUDIO_OK));
    assert_true(core_settle(f.core));
    expect(&plc[0], UPDATED_A);
    expect_nothing(&plc[2]);
    f.lookup.held = false;
    settle();
    expect(&plc[1], UPDATED_A);
    expect_prefix(&plc[2], "{\"status\":\"updated\"");
    assert_int_equal(store_info(f.store)->last_seq, 3);
    expect_sdp("down");
}

/* The repetition is carried out instead of the first, and before what came after it. */
static void a_repetition_takes_its_place_in_line_again(void **state)
{
    (void)state;
    command(&f, &plc[0], UP_A);
    looked_up();
    core_end_turn(f.core);
    f.lookup.held = true;
    command(&f, &plc[1], UP_A);
    command(&f, &plc[2], DOWN_A);
    command(&f, &plc[3], DOWN_B);
    assert_true(fake_committer_turn(&f, &committer, STUDIO_ERR_STORAGE));
    expect(&plc[0], "{\"error\":\"Storage unavailable\",\"request_id\":\"a\"}");
    f.lookup.held = false;
    settle();
    expect(&plc[1], UPDATED_A);
    expect(&plc[2], USED_A);
    expect_prefix(&plc[3], "{\"status\":\"updated\"");
    expect_each_answered_once();
    assert_int_equal(store_info(f.store)->last_seq, 3);
    expect_sdp("down");
}

static void change_schema(const char *sql)
{
    char *path = test_printf("%s/studio.db", f.dir);
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    free(path);
}

static void without_a_lookup_nothing_is_carried_out(void **state)
{
    (void)state;
    command(&f, &plc[0], UP_A);
    settle();
    change_schema("ALTER TABLE requests RENAME TO elsewhere");
    command(&f, &plc[1], UP_A);
    command(&f, &plc[2], DOWN_B);
    looked_up();
    expect(&plc[1], "{\"error\":\"Storage unavailable\",\"request_id\":\"a\"}");
    expect(&plc[2], "{\"error\":\"Storage unavailable\",\"request_id\":\"b\"}");
    change_schema("ALTER TABLE elsewhere RENAME TO requests");
    command(&f, &plc[3], UP_A);
    settle();
    expect(&plc[3], UPDATED_A);
    expect_each_answered_once();
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void when_no_more_lookups_can_be_out_the_next_wait(void **state)
{
    (void)state;
    f.lookup.max = 1;
    for (int i = 0; i < 4; i++) {
        char *text = test_printf("{\"sdp\":\"%s\",\"request_id\":%d}", i % 2 ? "down" : "up", i);
        command(&f, &plc[i], text);
        free(text);
    }
    assert_int_equal(f.lookup.count, 1);
    settle();
    expect_each_answered_once();
    assert_int_equal(store_info(f.store)->last_seq, 5);
    expect_sdp("down");
}

static void a_core_may_end_with_lookups_out(void **state)
{
    (void)state;
    f.lookup.held = true;
    command(&f, &plc[0], UP_A);
    command(&f, &plc[1], UP_A);
    command(&f, &plc[2], "{\"sdp\":\"down\"}");
    core_destroy(f.core);
    for (int i = 0; i < 3; i++) {
        expect_nothing(&plc[i]);
        assert_int_equal(plc[i].actor.refs, 1);
    }
    f.lookup = (struct lookup){.reader = f.reader};
    core_fixture_start(&f, &committer); /* for teardown */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_again_gets_the_same_answer),
        TEST(what_changes_nothing_is_remembered_too),
        TEST(exceptions_are_remembered_too),
        TEST(while_the_first_is_in_a_batch_the_second_waits),
        TEST(a_refused_first_is_tried_by_the_second),
        TEST(a_refused_batch_with_its_own_repetition),
        TEST(errors_are_not_remembered),
        TEST(the_key_is_table_and_client_and_request),
        TEST(remembered_for_24_hours),
        TEST(websocket_answers_are_not_remembered),
        TEST(a_repetition_is_not_counted_twice_against_the_rate),
        TEST(of_a_key_one_lookup_is_out),
        TEST(in_line_behind_one_that_is_refused),
        TEST(in_line_behind_one_answered_from_the_store),
        TEST(nobody_overtakes_one_whose_lookup_is_out),
        TEST(a_batch_is_settled_while_lookups_are_out),
        TEST(a_repetition_takes_its_place_in_line_again),
        TEST(without_a_lookup_nothing_is_carried_out),
        TEST(when_no_more_lookups_can_be_out_the_next_wait),
        TEST(a_core_may_end_with_lookups_out),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
