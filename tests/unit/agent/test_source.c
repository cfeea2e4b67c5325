#include "source.h"

#include <string.h>

#include "config/config.h"
#include "support/core_fixture.h"
#include "support/fake_bridge.h"

/* What the bridge gets of the agent, on the real store. */

static struct core_fixture f;
static struct committer *committer;
static struct inbox *inbox;
static struct source source;
static struct bridge bridge;
static struct bridge_source ops;

static void on_wake(void *ctx)
{
    (void)ctx;
}

static void commit(enum event_kind kind, const char *table_id, uint64_t rev, const char *cleared)
{
    struct studio_event *event =
        studio_event_create(kind, table_id, rev, FAKE_WALL_MS, "\"body\":1}", 9);
    const struct studio_snapshot snapshot = {
        .table_id = table_id, .rev = rev, .document = "{}", .document_len = 2};
    struct store_item item = {
        .event = event,
        .snapshot = kind == EVENT_CHANGE ? &snapshot : NULL,
        .cleared = &cleared,
        .cleared_count = cleared != NULL,
    };

    assert_int_equal(store_commit(f.store, &item, 1, 0), STUDIO_OK);
    studio_event_unref(event);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, true);
    commit(EVENT_CHANGE, "ARO-001", 0, NULL);
    commit(EVENT_CHANGE, "ARO-002", 0, NULL);
    commit(EVENT_EXCEPTION, "ARO-001", 0, NULL);
    commit(EVENT_CHANGE, "ARO-001", 1, "note");
    committer = committer_create(f.store, &f.clock.clock, &f.figures, on_wake, NULL);
    core_fixture_start(&f, committer);
    inbox = inbox_create(f.core, &f.options, on_wake, NULL);
    source = (struct source){.clock = &f.clock.clock,
                             .reader = f.reader,
                             .committer = committer,
                             .inbox = inbox,
                             .bridge = &bridge,
                             .figures = &f.figures,
                             .store = store_info(f.store)};
    ops = source_ops(&source);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    committer_destroy(committer);
    inbox_destroy(inbox, &bridge);
    fake_bridge_finish(&bridge);
    core_fixture_close(&f);
    return 0;
}

struct seen {
    char text[512];
    unsigned stop_after;
};

static bool see(void *ctx, struct studio_event *event)
{
    struct seen *seen = ctx;
    size_t len = strlen(seen->text);

    snprintf(seen->text + len, sizeof(seen->text) - len, "%s%llu %s %llu %.*s%s; ",
             event->kind == EVENT_EXCEPTION ? "!" : "", (unsigned long long)event->seq,
             event->table_id, (unsigned long long)event->rev, (int)event->body_len, event->body,
             event->parked ? " parked" : "");
    assert_int_equal(event->wall_ms, FAKE_WALL_MS);
    return seen->stop_after == 0 || --seen->stop_after > 0;
}

static void events_in_order_from_the_store(void **state)
{
    struct seen all = {.text = ""}, some = {.text = ""}, one = {.text = "", .stop_after = 1};

    (void)state;
    assert_int_equal(ops.read(ops.ctx, 1, 100, 100, see, &all), STUDIO_OK);
    assert_string_equal(all.text, "1 ARO-001 0 \"body\":1}; 2 ARO-002 0 \"body\":1}; "
                                  "!3 ARO-001 0 \"body\":1}; 4 ARO-001 1 \"body\":1}; ");
    assert_int_equal(ops.read(ops.ctx, 2, 3, 100, see, &some), STUDIO_OK);
    assert_string_equal(some.text, "2 ARO-002 0 \"body\":1}; !3 ARO-001 0 \"body\":1}; ");
    assert_int_equal(ops.read(ops.ctx, 1, 100, 100, see, &one), STUDIO_OK);
    assert_string_equal(one.text, "1 ARO-001 0 \"body\":1}; ");
}

static void changes_of_one_table(void **state)
{
    struct seen seen = {.text = ""}, rest = {.text = ""};
    uint64_t seq, rev;
    bool found;

    (void)state;
    assert_int_equal(ops.read_changes(ops.ctx, "ARO-001", 0, 0, 100, see, &seen), STUDIO_OK);
    assert_string_equal(seen.text, "1 ARO-001 0 \"body\":1}; 4 ARO-001 1 \"body\":1}; ");
    assert_int_equal(ops.read_changes(ops.ctx, "ARO-001", 0, 1, 100, see, &rest), STUDIO_OK);
    assert_string_equal(rest.text, "4 ARO-001 1 \"body\":1}; ");
    assert_int_equal(ops.oldest(ops.ctx, &seq), STUDIO_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(ops.oldest_rev(ops.ctx, "ARO-002", &found, &rev, &seq), STUDIO_OK);
    assert_true(found);
    assert_int_equal(rev, 0);
    assert_int_equal(seq, 2);
    assert_int_equal(ops.oldest_rev(ops.ctx, "ARO-003", &found, &rev, &seq), STUDIO_OK);
    assert_false(found);
}

static bool see_cleared(void *ctx, const char *table_id, const char *field)
{
    snprintf(ctx, 64, "%s %s", table_id, field);
    return true;
}

static void topics_to_clear(void **state)
{
    char text[64] = "";

    (void)state;
    assert_int_equal(ops.cleared(ops.ctx, see_cleared, text), STUDIO_OK);
    assert_string_equal(text, "ARO-001 note");
}

static void acknowledged_and_parked_reach_the_store(void **state)
{
    struct seen seen = {.text = ""};

    (void)state;
    ops.acked(ops.ctx, 2);
    ops.parked(ops.ctx, 3, "0x87");
    committer_destroy(committer);
    committer = NULL;
    assert_int_equal(store_info(f.store)->acked, 2);
    assert_int_equal(ops.read(ops.ctx, 3, 3, 1, see, &seen), STUDIO_OK);
    assert_string_equal(seen.text, "!3 ARO-001 0 \"body\":1} parked; ");
}

static void the_bridge_is_made_as_configured(void **state)
{
    struct studio_agent_config config;
    struct bridge *made = &bridge;
    struct studio_error error;

    (void)state;
    config_init(&config);
    assert_int_equal(studio_agent_config_set(&config, "mqtt.broker", "mqtt://a", &error),
                     STUDIO_OK);
    source_limits(&config, source.limits);
    assert_int_equal(source_open_bridge(&source, &config, &made, &error), STUDIO_OK);
    assert_string_equal(
        fake_bridge_next(&bridge),
        "mqtt://a as edge-1 at 4: \"limits\":{\"message_bytes\":16384,\"custom_fields\":32,"
        "\"custom_value_bytes\":1024,\"updates_per_second\":200,\"connections\":20000,"
        "\"tables\":20000}");
    config_finish(&config);
}

static void commands_go_to_the_inbox(void **state)
{
    struct bridge_command *one_more = fake_command("ARO-001", "plc", "{}");

    (void)state;
    for (int i = 0; i < INBOX_MAX; i++)
        assert_true(ops.command(ops.ctx, fake_command("ARO-001", "plc", "{}")));
    assert_false(ops.command(ops.ctx, one_more));
    free(one_more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_in_order_from_the_store),
        TEST(changes_of_one_table),
        TEST(topics_to_clear),
        TEST(acknowledged_and_parked_reach_the_store),
        TEST(the_bridge_is_made_as_configured),
        TEST(commands_go_to_the_inbox),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
