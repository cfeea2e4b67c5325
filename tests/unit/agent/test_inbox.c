#include "inbox.h"

#include <string.h>

#include "support/core_fixture.h"
#include "support/fake_bridge.h"
#include "support/fake_committer.h"

static struct core_fixture f;
static struct committer committer;
static struct bridge bridge;
static struct inbox *inbox;
static atomic_uint wakes;
static struct fake_actor device;

static void on_wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes, 1);
}

static int start(void (*change)(struct core_options *options))
{
    core_fixture_open(&f, false);
    if (change)
        change(&f.options);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    inbox = inbox_create(f.core, &f.options, on_wake, NULL);
    atomic_store(&wakes, 0);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    join(&f, &device);
    fake_committer_settle(&f, &committer);
    return inbox ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    return start(NULL);
}

static int teardown(void **state)
{
    (void)state;
    fake_actor_finish(&f, &device);
    core_fixture_close(&f);
    inbox_destroy(inbox, &bridge);
    fake_bridge_finish(&bridge);
    return 0;
}

static void put(const char *table_id, const char *client, const char *payload)
{
    assert_true(inbox_put(inbox, &bridge, fake_command(table_id, client, payload)));
}

static void ask(const char *client, const char *payload, bool retained)
{
    struct bridge_command *command = fake_command("", client, payload);

    command->replay = true;
    command->retained = retained;
    assert_true(inbox_put(inbox, &bridge, command));
}

static void settle(void)
{
    inbox_drain(inbox, &bridge);
    fake_committer_settle(&f, &committer);
}

#define expect_bridge(text) assert_string_equal(fake_bridge_next(&bridge), text)

static void a_command_is_answered_once_when_it_is_durable(void **state)
{
    (void)state;
    put("ARO-001", "plc", "{\"sdp\":\"up\"}");
    assert_int_equal(atomic_load(&wakes), 1);
    expect_bridge("");
    inbox_drain(inbox, &bridge);
    expect_bridge("");
    settle();
    expect_bridge("answer plc {\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect_bridge("");
}

static void commands_are_carried_out_in_order(void **state)
{
    (void)state;
    put("ARO-001", "a", "{\"sdp\":\"up\",\"request_id\":1}");
    put("ARO-001", "b", "{\"sdp\":\"down\",\"request_id\":2}");
    put("ARO-001", "a", "{\"sdp\":\"up\",\"request_id\":3}");
    settle();
    expect_bridge("answer a {\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":1}");
    expect_bridge("answer b {\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":2}");
    expect_bridge("answer a {\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":3}");
    assert_int_equal(table_newest(tables_find(f.core->tables, "ARO-001"))->rev, 3);
}

static void one_field_as_plain_text(void **state)
{
    struct bridge_command *command = fake_command("ARO-001", "plc", "up");

    (void)state;
    command->field = "zCam";
    assert_true(inbox_put(inbox, &bridge, command));
    settle();
    expect_bridge("answer plc {\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
}

/* A topic level may hold more than a table id can. */
static void a_name_too_long_is_no_other_table(void **state)
{
    static const char letters[] =
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const char cut[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct fake_actor longest;
    char *name = test_printf("%sA", letters);
    char *wide = test_printf("%.60s\xc3\xa4\xc3\xa4\xc3\xa4", letters);
    char *expected;

    (void)state;
    fake_actor_init(&longest, VIA_WEBSOCKET, ROLE_DEVICE, letters, letters);
    join(&f, &longest);
    fake_committer_settle(&f, &committer);
    put(letters, "plc", "{\"sdp\":\"up\"}");
    put(name, "plc", "{\"sdp\":\"up\"}");
    put(wide, "plc", "{\"sdp\":\"up\"}");
    put("", "plc", "{\"sdp\":\"up\"}");
    inbox_drain(inbox, &bridge);
    expected = test_printf("answer plc {\"error\":\"Unknown table: %s\xe2\x80\xa6\"}", cut);
    expect_bridge(expected);
    free(expected);
    expected = test_printf("answer plc {\"error\":\"Unknown table: %.60s\xe2\x80\xa6\"}", letters);
    expect_bridge(expected);
    free(expected);
    expect_bridge("answer plc {\"error\":\"Unknown table: \"}");
    settle();
    expect_prefix(&longest, "welcome ");
    free(name);
    free(wide);
    fake_actor_finish(&f, &longest);
}

static void limit_rate(struct core_options *options)
{
    options->rate = 1;
    options->burst = 2;
}

static int setup_limited(void **state)
{
    (void)state;
    return start(limit_rate);
}

static void each_client_has_its_own_rate(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        put("ARO-001", "a", "[]");
    put("ARO-009", "a", "[]");           /* whatever the table */
    ask("a", "{\"from_seq\":1}", false); /* a request for replay counts as any other */
    put("ARO-001", "b", "[]");
    settle();
    for (int i = 0; i < 3; i++) /* before the others: they did not queue */
        expect_bridge("answer a {\"error\":\"Rate limit exceeded\"}");
    for (int i = 0; i < 2; i++)
        expect_bridge("answer a {\"error\":\"Update must be a JSON object\"}");
    expect_bridge("answer b {\"error\":\"Update must be a JSON object\"}");
    fake_clock_advance(&f.clock, 1000);
    put("ARO-001", "a", "[]");
    settle();
    expect_bridge("answer a {\"error\":\"Update must be a JSON object\"}");
}

/* So many commands, each of a client of its own. */
static void fill_with_others(int count)
{
    static char clients[INBOX_MAX][16];

    for (int i = 0; i < count; i++) {
        snprintf(clients[i], sizeof(clients[i]), "c%d", i);
        put("ARO-001", clients[i], "{}");
    }
}

/* The net thread does not come to look: the flood takes no place, and the others get in. */
static void a_flood_takes_no_place_of_others(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * INBOX_MAX; i++)
        put("ARO-001", "flood", "{\"sdp\":\"up\",\"request_id\":7}");
    expect_bridge("answer flood {\"error\":\"Rate limit exceeded\",\"request_id\":7}");
    assert_int_equal(bridge.count, 2 * INBOX_MAX - 2);
    assert_int_equal(FIGURE_SUM(f.figures.refused), 2 * INBOX_MAX - 2);
    ask("flood", "{\"from_seq\":1,\"request_id\":8}", false);
    ask("flood", "{\"from_seq\":1,\"request_id\":9}", true);
    assert_string_equal(bridge.log[2 * INBOX_MAX - 2],
                        "answer flood {\"error\":\"Rate limit exceeded\",\"request_id\":8}");
    assert_string_equal(bridge.log[2 * INBOX_MAX - 1],
                        "answer flood {\"error\":\"Rate limit exceeded\",\"request_id\":9}");
    fill_with_others(INBOX_MAX - 2);
    settle();
    assert_int_equal(FIGURE_SUM(f.figures.refused), 2 * INBOX_MAX);
}

/* What finds no place comes again: it counts once. */
static void what_waits_outside_costs_nothing(void **state)
{
    struct bridge_command *one_more = fake_command("ARO-001", "late", "[]");

    (void)state;
    fill_with_others(INBOX_MAX);
    for (int i = 0; i < 10; i++)
        assert_false(inbox_put(inbox, &bridge, one_more));
    inbox_drain(inbox, &bridge);
    fake_bridge_finish(&bridge);
    assert_true(inbox_put(inbox, &bridge, one_more));
    put("ARO-001", "late", "[]");
    put("ARO-001", "late", "[]");
    expect_bridge("answer late {\"error\":\"Rate limit exceeded\"}");
    settle();
    expect_bridge("answer late {\"error\":\"Update must be a JSON object\"}");
    expect_bridge("answer late {\"error\":\"Update must be a JSON object\"}");
}

static void what_is_remembered_of_clients_is_bounded(void **state)
{
    char client[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(client, sizeof(client), "c%d", i);
        put("ARO-001", client, "[]");
        inbox_drain(inbox, &bridge);
        fake_bridge_finish(&bridge);
    }
}

static void at_most_256_wait(void **state)
{
    struct bridge_command *one_more = fake_command("ARO-001", "plc", "{}");

    (void)state;
    for (int i = 0; i < INBOX_MAX; i++)
        put("ARO-001", "plc", "{}");
    assert_false(inbox_put(inbox, &bridge, one_more));
    settle();
    assert_int_equal(bridge.count, INBOX_MAX);
    assert_true(inbox_put(inbox, &bridge, one_more));
    settle();
    assert_int_equal(bridge.count, INBOX_MAX + 1);
}

static void what_the_core_has_no_place_for_stays(void **state)
{
    static char texts[256][32];

    (void)state;
    f.lookup.held = true;
    for (int i = 0; i < 256; i++) {
        assert_false(core_commands_wait(f.core));
        snprintf(texts[i], sizeof(texts[i]), "{\"request_id\":%d}", i);
        put("ARO-001", "plc", texts[i]);
        inbox_drain(inbox, &bridge);
    }
    assert_true(core_commands_wait(f.core));
    for (int i = 0; i < INBOX_MAX; i++)
        put("ARO-001", "late", "{\"sdp\":\"up\"}");
    inbox_drain(inbox, &bridge);
    struct bridge_command *one_more = fake_command("ARO-001", "late", "{}");
    assert_false(inbox_put(inbox, &bridge, one_more));
    expect_bridge("");
    f.lookup.held = false;
    (void)core_settle(f.core);
    assert_false(core_commands_wait(f.core));
    settle();
    assert_int_equal(bridge.count, 256 + INBOX_MAX);
    for (int i = 0; i < 256; i++) {
        char *expected = test_printf(
            "answer plc {\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":%d}", i);
        expect_bridge(expected);
        free(expected);
    }
    assert_true(inbox_put(inbox, &bridge, one_more));
    settle();
    assert_int_equal(bridge.count, 257 + INBOX_MAX);
}

static void share_root(struct core_options *options)
{
    options->shared_root = true;
}

static void share_and_limit(struct core_options *options)
{
    share_root(options);
    limit_rate(options);
}

static int setup_shared(void **state)
{
    (void)state;
    return start(share_root);
}

static int setup_shared_limited(void **state)
{
    (void)state;
    return start(share_and_limit);
}

/* What is no table of ours is silence, however often it comes. */
static void under_a_shared_root_the_net_thread_looks_first(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        put("ELSEWHERE", "a", "[]");
    for (int i = 0; i < 3; i++)
        put("ARO-001", "a", "[]");
    expect_bridge("");
    settle();
    for (int i = 0; i < 3; i++)
        expect_bridge("answer a silence");
    for (int i = 0; i < 2; i++)
        expect_bridge("answer a {\"error\":\"Update must be a JSON object\"}");
    expect_bridge("answer a {\"error\":\"Rate limit exceeded\"}");
}

static void silence_ends_a_command_too(void **state)
{
    (void)state;
    put("ELSEWHERE", "plc", "{\"sdp\":\"up\"}");
    settle();
    expect_bridge("answer plc silence");
}

static void a_core_that_ends_leaves_commands_to_the_broker(void **state)
{
    (void)state;
    put("ARO-001", "plc", "{\"sdp\":\"up\"}");
    inbox_drain(inbox, &bridge);
    core_end_turn(f.core);
    fake_actor_finish(&f, &device);
    core_destroy(f.core);
    expect_bridge("answer plc silence");
    core_fixture_start(&f, &committer); /* for teardown */
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
}

static void what_still_waits_is_left_to_the_broker_too(void **state)
{
    (void)state;
    put("ARO-001", "plc", "{\"sdp\":\"up\"}");
    put("ARO-001", "bo", "{\"sdp\":\"up\"}");
    inbox_destroy(inbox, &bridge);
    inbox = NULL;
    expect_bridge("answer plc silence");
    expect_bridge("answer bo silence");
}

/* --- from another thread --------------------------------------------------------------------- */

enum { COMMANDS = 500 };

static void *put_commands(void *arg)
{
    unsigned *refused = arg;

    for (int i = 0; i < COMMANDS; i++) {
        struct bridge_command *command = fake_command("ARO-001", "plc", "[]");
        if (!inbox_put(inbox, &bridge, command)) {
            free(command);
            ++*refused;
        }
    }
    return NULL;
}

static void commands_come_from_another_thread(void **state)
{
    unsigned refused = 0;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, put_commands, &refused), 0);
    for (int i = 0; i < 1000; i++)
        inbox_drain(inbox, &bridge);
    pthread_join(thread, NULL);
    inbox_drain(inbox, &bridge);
    assert_int_equal(bridge.count + refused, COMMANDS);
    assert_int_equal(atomic_load(&wakes), COMMANDS - refused);
}

static void a_request_for_replay_is_checked_as_commands_are(void **state)
{
    (void)state;
    ask("plc", "{\"from_seq\":17}", false);
    ask("plc", "{\"from_seq\":-1,\"request_id\":7}", false);
    ask("plc", "{", false);
    ask("plc", "{\"from_seq\":1,\"request_id\":7}", true);
    settle();
    expect_bridge("replay plc from 17");
    expect_bridge("answer plc {\"error\":\"Invalid data for replay\",\"request_id\":7}");
    expect_bridge("answer plc {\"error\":\"Invalid JSON format\"}");
    expect_bridge("answer plc {\"error\":\"Retained commands are refused\",\"request_id\":7}");
    expect_bridge("");
}

int main(void)
{
#define TEST(name)            cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, with) cmocka_unit_test_setup_teardown(name, with, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_command_is_answered_once_when_it_is_durable),
        TEST(commands_are_carried_out_in_order),
        TEST(one_field_as_plain_text),
        TEST(a_name_too_long_is_no_other_table),
        TEST_WITH(each_client_has_its_own_rate, setup_limited),
        TEST_WITH(a_flood_takes_no_place_of_others, setup_limited),
        TEST_WITH(what_waits_outside_costs_nothing, setup_limited),
        TEST_WITH(under_a_shared_root_the_net_thread_looks_first, setup_shared_limited),
        TEST(a_request_for_replay_is_checked_as_commands_are),
        TEST(what_is_remembered_of_clients_is_bounded),
        TEST(at_most_256_wait),
        TEST(what_the_core_has_no_place_for_stays),
        TEST_WITH(silence_ends_a_command_too, setup_shared),
        TEST(a_core_that_ends_leaves_commands_to_the_broker),
        TEST(what_still_waits_is_left_to_the_broker_too),
        TEST(commands_come_from_another_thread),
    };
#undef TEST
#undef TEST_WITH

    return cmocka_run_group_tests(tests, NULL, NULL);
}
