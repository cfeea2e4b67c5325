#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/deadline.h"
#include "support/fake_committer.h"
#include "support/fields.h"

/* What is accepted, by whom, for which table; and what it does to the store. */

static struct core_fixture f;
static struct committer committer;
static struct fake_actor device, other, viewer, office;

static int start(bool mirror, void (*change)(struct core_options *options))
{
    core_fixture_open(&f, mirror);
    if (change)
        change(&f.options);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    fake_actor_init(&other, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-002", "ARO-002_pc");
    fake_actor_init(&viewer, VIA_WEBSOCKET, ROLE_VIEWER, "ARO-001", "ARO-001_wall");
    fake_actor_init(&office, VIA_WEBSOCKET, ROLE_OPERATOR, "OFFICE", "OFFICE");
    join(&f, &device);
    fake_committer_settle(&f, &committer);
    expect_prefix(&device, "welcome {\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(false, NULL);
}

static int teardown(void **state)
{
    (void)state;
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &other);
    fake_actor_finish(&f, &viewer);
    fake_actor_finish(&f, &office);
    core_fixture_close(&f);
    return 0;
}

static void settle(void)
{
    fake_committer_settle(&f, &committer);
}

/* --- what the store has ---------------------------------------------------------------------- */

struct event {
    uint64_t seq, rev;
    enum event_kind kind;
    char body[2048];
};

static bool read_one(void *ctx, struct studio_event *event)
{
    struct event *out = ctx;

    out->seq = event->seq;
    out->rev = event->rev;
    out->kind = event->kind;
    snprintf(out->body, sizeof(out->body), "%.*s", (int)event->body_len, event->body);
    return true;
}

static struct event last_event(void)
{
    uint64_t seq = store_info(f.store)->last_seq;
    struct event event = {0};

    assert_int_equal(store_read_events(f.reader, seq, seq, 1, read_one, &event), STUDIO_OK);
    return event;
}

/* --- updates --------------------------------------------------------------------------------- */

static void a_new_table_begins_with_rev_0(void **state)
{
    struct event event = last_event();

    (void)state;
    assert_int_equal(event.seq, 1);
    assert_int_equal(event.rev, 0);
    char *expected = test_printf("\"table_id\":\"ARO-001\",\"rev\":0,"
                                 "\"ts\":\"2024-01-01T12:00:00.000Z\",\"by\":\"ARO-001_pc\","
                                 "\"via\":\"websocket\",\"changes\":{%s}}",
                                 fields(FIELDS_CHANGES, ""));
    assert_string_equal(event.body, expected);
    free(expected);
}

static void an_update_is_one_event_and_one_revision(void **state)
{
    struct event event;

    (void)state;
    fake_clock_advance(&f.clock, 1500);
    say(&f, &device, "{\"sdp\":\"up\",\"ROULETTE\":\"up\",\"note\":[1,2]}");
    expect_nothing(&device); /* not before it is durable */
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    event = last_event();
    assert_int_equal(event.seq, 2);
    assert_int_equal(event.rev, 1);
    assert_string_equal(event.body,
                        "\"table_id\":\"ARO-001\",\"rev\":1,\"ts\":\"2024-01-01T12:00:01.500Z\","
                        "\"by\":\"ARO-001_pc\",\"via\":\"websocket\",\"changes\":{"
                        "\"SDP\":[\"standby\",\"up\"],\"ROULETTE\":[\"down\",\"up\"],"
                        "\"note\":[null,[1,2]]}}");
    say(&f, &device, "{\"note\":null,\"sdp\":\"up\"}");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_non_null(strstr(last_event().body, "\"changes\":{\"note\":[[1,2],null]}}"));
}

static bool note_cleared(void *ctx, const char *table_id, const char *field)
{
    char *seen = ctx;

    strcat(strcat(strcat(strcat(seen, table_id), "/"), field), " ");
    return true;
}

static void expect_cleared(const char *expected)
{
    char seen[512] = "";

    assert_int_equal(store_read_cleared(f.reader, note_cleared, seen), STUDIO_OK);
    assert_string_equal(seen, expected);
}

static void the_topics_of_removed_fields_are_remembered_until_set_again(void **state)
{
    (void)state;
    say(&f, &device, "{\"note\":1,\"keep\":2}");
    say(&f, &device, "{\"note\":null,\"never\":null}");
    settle();
    expect_cleared("ARO-001/never ARO-001/note ");
    say(&f, &device, "{\"note\":3,\"never\":1}");
    settle();
    expect_cleared("");
}

static void an_empty_update_is_answered_but_no_event(void **state)
{
    (void)state;
    say(&f, &device, "{}");
    say(&f, &device, "{\"uptime\":9,\"TimeStamp\":\"x\",\"request_id\":7}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":7}");
    assert_true(core_quiet(f.core));
    assert_int_equal(FIGURE_SUM(f.figures.updates), 0);
    /* Behind one that waits it waits too. */
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"request_id\":\"b\"}");
    expect_nothing(&device);
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"b\"}");
    assert_int_equal(store_info(f.store)->last_seq, 2);
}

static void the_table_limit_of_custom_fields_counts_what_is_staged(void **state)
{
    char text[64];

    (void)state;
    for (int i = 0; i < STUDIO_CUSTOM_FIELDS_MAX; i++) {
        snprintf(text, sizeof(text), "{\"c%d\":%d}", i, i);
        say(&f, &device, text);
    }
    say(&f, &device, "{\"sdp\":\"up\",\"one_more\":1}");
    say(&f, &device, "{\"c0\":null,\"one_more\":1}");
    settle();
    for (int i = 0; i < STUDIO_CUSTOM_FIELDS_MAX; i++)
        expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"error\":\"Too many custom fields\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_int_equal(last_event().rev, STUDIO_CUSTOM_FIELDS_MAX + 1);
    assert_null(strstr(last_event().body, "SDP"));
}

/* --- exceptions ------------------------------------------------------------------------------ */

static void an_exception_is_an_event_without_a_revision(void **state)
{
    struct event event;

    (void)state;
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\",\"request_id\":\"x\"}");
    say(&f, &device, "{\"sdp\":\"up\"}");
    settle();
    expect(&device, "{\"status\":\"received\",\"table_id\":\"ARO-001\",\"request_id\":\"x\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_int_equal(last_event().rev, 1);
    say(&f, &device, "{\"event\":\"exception\",\"data\":{\"signal\":{\"msgId\":\"a\"}}}");
    settle();
    event = last_event();
    assert_int_equal(event.seq, 4);
    assert_int_equal(event.kind, EVENT_EXCEPTION);
    assert_string_equal(event.body, "\"table_id\":\"ARO-001\",\"ts\":\"2024-01-01T12:00:00.000Z\","
                                    "\"by\":\"ARO-001_pc\",\"via\":\"websocket\","
                                    "\"data\":{\"signal\":{\"msgId\":\"a\"}}}");
}

/* --- who may what ---------------------------------------------------------------------------- */

static void a_device_is_for_its_own_table(void **state)
{
    (void)state;
    say(&f, &device, "{\"table_id\":\"ARO-001\",\"sdp\":\"up\"}");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    say(&f, &device, "{\"table_id\":\"ARO-002\",\"sdp\":\"up\"}");
    expect(&device, "{\"error\":\"Not permitted\"}");
    say(&f, &device, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    expect(&device, "{\"error\":\"Not permitted\"}");
    assert_int_equal(FIGURE_SUM(f.figures.refused), 2);
}

static void a_viewer_changes_nothing(void **state)
{
    (void)state;
    join(&f, &viewer);
    expect_prefix(&viewer, "welcome {\"TABLE_ID\":\"ARO-001\",");
    say(&f, &viewer, "{\"sdp\":\"up\",\"request_id\":1}");
    expect(&viewer, "{\"error\":\"Not permitted\",\"request_id\":1}");
    say(&f, &viewer, "{}");
    expect(&viewer, "{\"error\":\"Not permitted\"}");
    say(&f, &viewer, "{\"event\":\"exception\",\"data\":\"x\"}");
    expect(&viewer, "{\"error\":\"Not permitted\"}");
    say(&f, &viewer, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    expect(&viewer, "{\"error\":\"Not permitted\"}");
    assert_true(core_quiet(f.core));
}

static void an_operator_updates_any_table_there_is(void **state)
{
    (void)state;
    join(&f, &office); /* creates nothing: the default document */
    expect_prefix(&office, "welcome {\"TABLE_ID\":\"OFFICE\",\"UPTIME\":0,");
    say(&f, &office, "{\"table_id\":\"ARO-001\",\"maintenance\":true}");
    settle();
    expect(&office, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_non_null(strstr(last_event().body, "\"by\":\"OFFICE\""));
    say(&f, &office, "{\"table_id\":\"ARO-009\",\"maintenance\":true}");
    expect(&office, "{\"error\":\"Unknown table: ARO-009\"}");
    say(&f, &office, "{\"maintenance\":true}");
    expect(&office, "{\"error\":\"Unknown table: OFFICE\"}");
    assert_int_equal(tables_count(f.core->tables), 1);
}

static void no_more_tables_than_the_limit(void **state)
{
    (void)state;
    join(&f, &other);
    expect(&other, "refuse Try again later");
    assert_true(core_quiet(f.core));
    join(&f, &device); /* its table is there */
    expect_prefix(&device, "welcome ");
}

static void limit_tables(struct core_options *options)
{
    options->max_tables = 1;
}

static int setup_one_table(void **state)
{
    (void)state;
    return start(false, limit_tables);
}

/* --- removing a table ------------------------------------------------------------------------ */

static void removing_keeps_the_number_for_the_return(void **state)
{
    (void)state;
    part(&f, &device);
    say(&f, &device, "{\"sdp\":\"up\",\"note\":1}");
    say(&f, &office,
        "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"},"
        "\"request_id\":\"r\"}");
    say(&f, &office, "{\"table_id\":\"ARO-001\",\"sdp\":\"up\"}"); /* sees the removal */
    settle();
    expect(&office, "{\"status\":\"removed\",\"table_id\":\"ARO-001\",\"request_id\":\"r\"}");
    expect(&office, "{\"error\":\"Unknown table: ARO-001\"}");
    assert_int_equal(last_event().rev, 2);
    assert_non_null(strstr(last_event().body, "\"changes\":{},\"removed\":true}"));
    assert_int_equal(tables_count(f.core->tables), 0);
    expect_cleared("ARO-001/note ");
    say(&f, &device, "{\"sdp\":\"up\"}");
    fake_actor_next(&device);
    expect(&device, "{\"error\":\"Unknown table: ARO-001\"}");

    join(&f, &device);
    settle();
    expect_prefix(&device, "welcome {\"TABLE_ID\":\"ARO-001\",\"UPTIME\":3,");
    assert_int_equal(last_event().rev, 3);
    assert_non_null(strstr(last_event().body, "\"SDP\":[null,\"standby\"]"));
}

static void removal_and_return_in_one_batch(void **state)
{
    (void)state;
    join(&f, &other);
    part(&f, &other);
    say(&f, &office, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-002\"}}");
    join(&f, &other);
    part(&f, &device);
    say(&f, &office, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    join(&f, &device);
    expect_nothing(&device); /* the document that is going away is not the first one */
    settle();
    expect_prefix(&device, "welcome {\"TABLE_ID\":\"ARO-001\",\"UPTIME\":2,");
    assert_int_equal(last_event().rev, 2);
    assert_int_equal(table_newest(tables_find(f.core->tables, "ARO-002"))->rev, 2);
    assert_int_equal(tables_count(f.core->tables), 2);
}

static void a_table_with_devices_is_not_removed(void **state)
{
    (void)state;
    say(&f, &office, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    expect(&office, "{\"error\":\"Devices of this table are connected\"}");
    say(&f, &office, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-009\"}}");
    expect(&office, "{\"error\":\"Unknown table: ARO-009\"}");
    say(&f, &office, "{\"event\":\"remove_table\"}");
    expect(&office, "{\"error\":\"Invalid data for remove_table\"}");
}

/* --- the backlog ----------------------------------------------------------------------------- */

static void bound_backlog(struct core_options *options)
{
    options->max_backlog = 4;
}

static int setup_backlog(void **state)
{
    (void)state;
    return start(true, bound_backlog);
}

static void beyond_the_backlog_updates_are_refused(void **state)
{
    (void)state;
    say(&f, &device, "{\"sdp\":\"up\"}"); /* 1 is committed: the table */
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    say(&f, &device, "{\"sdp\":\"down\"}");
    core_end_turn(f.core);
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"x\"}"); /* one flies, one waits */
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"event\":\"exception\",\"data\":\"x\"}");
    join(&f, &other);
    expect(&other, "refuse Storage unavailable");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"error\":\"Storage unavailable\"}");
    expect(&device, "{\"error\":\"Storage unavailable\"}");
    say(&f, &device, "{\"sdp\":\"up\"}");
    expect(&device, "{\"error\":\"Storage unavailable\"}");
    say(&f, &device, "{}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    committer.acked = 2; /* a broker has taken two: room for two */
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"sdp\":\"down\"}");
    say(&f, &device, "{\"sdp\":\"up\"}");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "{\"error\":\"Storage unavailable\"}");
    assert_int_equal(figure_get(&f.figures.seq), 6);
}

/* --- commands of MQTT ------------------------------------------------------------------------ */

static void create_tables(struct core_options *options)
{
    options->create_tables = true;
    options->max_tables = 2;
}

static int setup_creating(void **state)
{
    (void)state;
    return start(false, create_tables);
}

static void commands_create_tables_where_that_is_wanted(void **state)
{
    struct fake_actor plc, invalid;

    (void)state;
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "NEW-1", "plc");
    command(&f, &plc, "{\"sdp\":\"up\"}");
    settle();
    expect(&plc, "{\"status\":\"updated\",\"table_id\":\"NEW-1\"}");
    assert_int_equal(last_event().rev, 1);
    assert_non_null(strstr(last_event().body, "\"by\":\"plc\",\"via\":\"mqtt\""));
    fake_actor_finish(&f, &plc);
    fake_actor_init(&invalid, VIA_MQTT, ROLE_DEVICE, "-x", "plc");
    command(&f, &invalid, "{\"sdp\":\"up\"}");
    expect(&invalid, "{\"error\":\"Unknown table: -x\"}");
    fake_actor_finish(&f, &invalid);
    fake_actor_init(&invalid, VIA_MQTT, ROLE_DEVICE, "NEW-2", "plc"); /* over the limit */
    command(&f, &invalid, "{\"sdp\":\"up\"}");
    expect(&invalid, "{\"error\":\"Unknown table: NEW-2\"}");
    fake_actor_finish(&f, &invalid);
    assert_true(core_quiet(f.core));
}

static void commands_need_their_table(void **state)
{
    struct fake_actor plc;

    (void)state;
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "ARO-009", "plc");
    command(&f, &plc, "{\"sdp\":\"up\",\"request_id\":\"q\"}");
    (void)core_settle(f.core); /* it was looked up */
    expect(&plc, "{\"error\":\"Unknown table: ARO-009\",\"request_id\":\"q\"}");
    fake_actor_finish(&f, &plc);
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc");
    command(&f, &plc, "{\"table_id\":\"ARO-002\",\"sdp\":\"up\"}");
    expect(&plc, "{\"error\":\"Not permitted\"}");
    fake_actor_finish(&f, &plc);
}

int main(void)
{
#define TEST(name)            cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, with) cmocka_unit_test_setup_teardown(name, with, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_table_begins_with_rev_0),
        TEST(an_update_is_one_event_and_one_revision),
        TEST(the_topics_of_removed_fields_are_remembered_until_set_again),
        TEST(an_empty_update_is_answered_but_no_event),
        TEST(the_table_limit_of_custom_fields_counts_what_is_staged),
        TEST(an_exception_is_an_event_without_a_revision),
        TEST(a_device_is_for_its_own_table),
        TEST(a_viewer_changes_nothing),
        TEST(an_operator_updates_any_table_there_is),
        TEST_WITH(no_more_tables_than_the_limit, setup_one_table),
        TEST(removing_keeps_the_number_for_the_return),
        TEST(removal_and_return_in_one_batch),
        TEST(a_table_with_devices_is_not_removed),
        TEST_WITH(beyond_the_backlog_updates_are_refused, setup_backlog),
        TEST_WITH(commands_create_tables_where_that_is_wanted, setup_creating),
        TEST(commands_need_their_table),
    };
#undef TEST
#undef TEST_WITH

    return cmocka_run_group_tests(tests, NULL, NULL);
}
