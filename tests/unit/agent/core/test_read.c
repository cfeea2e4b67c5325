#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/fake_committer.h"
#include "support/fields.h"

/* What only reads: get, subscribe, unsubscribe, the first document. */

static struct core_fixture f;
static struct committer committer;
static struct fake_actor device, other, viewer;

static void settle(void)
{
    fake_committer_settle(&f, &committer);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, false);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    fake_actor_init(&other, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-002", "ARO-002_pc");
    fake_actor_init(&viewer, VIA_WEBSOCKET, ROLE_VIEWER, "WALL", "WALL");
    join(&f, &device);
    settle();
    expect_prefix(&device, "welcome ");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &other);
    fake_actor_finish(&f, &viewer);
    core_fixture_close(&f);
    return 0;
}

/* A message with the document of a table in it; good until the next one. */
static const char *with_document(const char *before, const char *id, const char *rev,
                                 const char *sdp, const char *after)
{
    static char text[4096];
    char value[64];

    snprintf(value, sizeof(value), "sdp=%s", sdp);
    snprintf(text, sizeof(text),
             "%s{\"TABLE_ID\":\"%s\",\"UPTIME\":%s,\"TIMESTAMP\":\"2024-01-01T12:00:00\",%s}%s",
             before, id, rev, fields(FIELDS_JSON, value), after);
    return text;
}

static void expect_pushed(struct fake_actor *a, const char *expected)
{
    char *text = fake_actor_pushed(&f, a);

    assert_string_equal(text, expected);
    free(text);
}

static void get_answers_the_document(void **state)
{
    (void)state;
    say(&f, &device, "{\"event\":\"get\",\"request_id\":\"g\"}");
    expect(&device, with_document("{\"event\":\"status\",\"data\":", "ARO-001", "0", "standby",
                                  ","
                                  "\"request_id\":\"g\"}"));
    say(&f, &device, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    expect(&device,
           with_document("{\"event\":\"status\",\"data\":", "ARO-001", "0", "standby", "}"));
    assert_true(core_quiet(f.core));
}

static void get_sees_the_earlier_messages_of_its_connection(void **state)
{
    (void)state;
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"event\":\"get\"}");
    say(&f, &device, "{\"sdp\":\"down\"}");
    say(&f, &device, "{\"event\":\"get\",\"request_id\":2}");
    expect_nothing(&device);
    say(&f, &viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    expect(&viewer,
           with_document("{\"event\":\"status\",\"data\":", "ARO-001", "0", "standby", "}"));
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, with_document("{\"event\":\"status\",\"data\":", "ARO-001", "1", "up", "}"));
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, with_document("{\"event\":\"status\",\"data\":", "ARO-001", "2", "down",
                                  ","
                                  "\"request_id\":2}"));
}

static void who_may_get_what(void **state)
{
    (void)state;
    say(&f, &device, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-002\"}}");
    expect(&device, "{\"error\":\"Not permitted\"}");
    join(&f, &viewer);
    expect(&viewer, with_document("welcome ", "WALL", "0", "standby", ""));
    say(&f, &viewer, "{\"event\":\"get\",\"request_id\":1}");
    expect(&viewer, with_document("{\"event\":\"status\",\"data\":", "WALL", "0", "standby",
                                  ","
                                  "\"request_id\":1}"));
    say(&f, &viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-009\"},\"request_id\":1}");
    expect(&viewer, "{\"error\":\"Unknown table: ARO-009\",\"request_id\":1}");
    say(&f, &viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"not valid\"}}");
    expect(&viewer, "{\"error\":\"Invalid data for get\"}");
    assert_int_equal(tables_count(f.core->tables), 1);
}

static void subscribing_answers_the_set_then_pushes(void **state)
{
    (void)state;
    say(&f, &viewer,
        "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\",\"LATER\"]},"
        "\"request_id\":\"s\"}");
    expect(&viewer, "push");
    expect(&viewer, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\",\"LATER\"],"
                    "\"request_id\":\"s\"}");
    expect_pushed(&viewer,
                  with_document("{\"event\":\"status\",\"data\":", "ARO-001", "0", "standby", "}"));
    expect_pushed(&viewer, "");
    say(&f, &viewer, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"LATER\"]}}");
    expect(&viewer, "{\"status\":\"unsubscribed\",\"tables\":[\"ARO-001\"]}");
    say(&f, &device, "{\"sdp\":\"up\"}");
    settle();
    expect(&viewer, "push");
    expect_pushed(&viewer,
                  with_document("{\"event\":\"status\",\"data\":", "ARO-001", "1", "up", "}"));
    say(&f, &viewer, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"*\"]}}");
    expect(&viewer, "{\"status\":\"unsubscribed\",\"tables\":[]}");
    say(&f, &device, "{\"sdp\":\"down\"}");
    settle();
    expect_nothing(&viewer);
    expect_pushed(&viewer, "");
}

static void a_device_watches_its_own_table_also_its_own_changes(void **state)
{
    (void)state;
    say(&f, &device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}");
    expect(&device, "{\"error\":\"Not permitted\"}");
    say(&f, &device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\",\"ARO-002\"]}}");
    expect(&device, "{\"error\":\"Not permitted\"}");
    assert_int_equal(hub_subscribers(core_hub(f.core)), 0);
    say(&f, &device, "{\"sdp\":\"up\"}");
    say(&f, &device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    say(&f, &device, "{\"sdp\":\"down\"}");
    settle();
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "push");
    expect(&device, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect(&device, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect(&device, "push");
    expect_pushed(&device,
                  with_document("{\"event\":\"status\",\"data\":", "ARO-001", "2", "down", "}"));
    expect_pushed(&device, "");
}

static void what_is_wrong_with_a_subscribe(void **state)
{
    (void)state;
    say(&f, &viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":\"*\"}}");
    expect(&viewer, "{\"error\":\"Invalid data for subscribe\"}");
    say(&f, &viewer, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"a b\"]}}");
    expect(&viewer, "{\"error\":\"Invalid data for unsubscribe\"}");
    say(&f, &viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":[]}}");
    expect(&viewer, "{\"status\":\"subscribed\",\"tables\":[]}");
    assert_int_equal(FIGURE_SUM(f.figures.refused), 2);
}

static void more_names_than_a_reader_may_have(void **state)
{
    struct buf text;

    (void)state;
    for (int part = 0; part < 2; part++) {
        buf_init(&text, SIZE_MAX);
        buf_str(&text, "{\"event\":\"subscribe\",\"data\":{\"tables\":[");
        for (int i = 0; i < 600; i++)
            buf_printf(&text, "%s\"T%d\"", i ? "," : "", part * 600 + i);
        buf_str(&text, "]}}");
        core_message(f.core, &viewer.actor, text.data, text.len);
        buf_finish(&text);
    }
    expect_prefix(&viewer, "{\"status\":\"subscribed\"");
    expect(&viewer, "{\"error\":\"Invalid data for subscribe\"}");
    assert_int_equal(viewer.watcher.channel_count, 600);
}

static void the_first_document_comes_after_the_creation_is_durable(void **state)
{
    (void)state;
    say(&f, &viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}");
    settle();
    free(fake_actor_pushed(&f, &viewer));
    viewer.read = viewer.count;
    join(&f, &other);
    core_end_turn(f.core);
    expect_nothing(&other);
    expect_nothing(&viewer);
    say(&f, &other, "{\"event\":\"get\"}"); /* waits behind the welcome */
    settle();
    expect(&other, with_document("welcome ", "ARO-002", "0", "standby", ""));
    expect(&other,
           with_document("{\"event\":\"status\",\"data\":", "ARO-002", "0", "standby", "}"));
    expect(&viewer, "push");
    expect_pushed(&viewer,
                  with_document("{\"event\":\"status\",\"data\":", "ARO-002", "0", "standby", "}"));
    expect_pushed(&viewer, "");
}

static void who_joins_while_the_table_is_made_waits_too(void **state)
{
    struct fake_actor second, watching;

    (void)state;
    fake_actor_init(&second, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-002", "ARO-002_b");
    fake_actor_init(&watching, VIA_WEBSOCKET, ROLE_VIEWER, "ARO-002", "ARO-002_v");
    join(&f, &other);
    join(&f, &second);
    join(&f, &watching);
    expect_nothing(&second);
    expect_nothing(&watching);
    settle();
    expect(&other, with_document("welcome ", "ARO-002", "0", "standby", ""));
    expect(&second, with_document("welcome ", "ARO-002", "0", "standby", ""));
    expect(&watching, with_document("welcome ", "ARO-002", "0", "standby", ""));
    assert_int_equal(store_info(f.store)->last_seq, 2);
    fake_actor_finish(&f, &second);
    fake_actor_finish(&f, &watching);
}

/* Another process may have the tables by now, and newer ones. */
static void nothing_is_read_while_it_is_not_sure_whose_they_are(void **state)
{
    static const char refused[] = "{\"error\":\"Storage unavailable\"}";

    (void)state;
    committer.lost = true;
    say(&f, &device, "{\"event\":\"get\"}");
    expect(&device, refused);
    say(&f, &device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    expect(&device, refused);
    join(&f, &viewer);
    expect_prefix(&viewer, "refuse Storage unavailable");
    say(&f, &device, "{\"sdp\":\"up\"}");
    expect(&device, refused);
    committer.lost = false;
    say(&f, &device, "{\"event\":\"get\"}");
    expect(&device,
           with_document("{\"event\":\"status\",\"data\":", "ARO-001", "0", "standby", "}"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(get_answers_the_document),
        TEST(get_sees_the_earlier_messages_of_its_connection),
        TEST(who_may_get_what),
        TEST(subscribing_answers_the_set_then_pushes),
        TEST(a_device_watches_its_own_table_also_its_own_changes),
        TEST(what_is_wrong_with_a_subscribe),
        TEST(more_names_than_a_reader_may_have),
        TEST(the_first_document_comes_after_the_creation_is_durable),
        TEST(who_joins_while_the_table_is_made_waits_too),
        TEST(nothing_is_read_while_it_is_not_sure_whose_they_are),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
