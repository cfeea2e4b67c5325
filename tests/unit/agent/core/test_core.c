#include "core/committer.h"
#include "core/core.h"
#include "studio/status.h"

#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/fields.h"

/* The core as a whole, on the real store thread: the loop of the net thread is the test's. */

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool rung;
};

static struct core_fixture f;
static struct bell bell;
static struct committer *committer;
static struct fake_actor device, viewer;

static void ring(void *ctx)
{
    struct bell *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->rung = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
}

/* Loop turns until nothing waits. */
static void settle(void)
{
    int64_t deadline = now_ms() + WAIT_MS;

    core_end_turn(f.core);
    while (!core_quiet(f.core)) {
        pthread_mutex_lock(&bell.lock);
        while (!bell.rung)
            if (!deadline_cond_wait(&bell.cond, &bell.lock, deadline))
                test_fail("the store thread did not wake the net thread");
        bell.rung = false;
        pthread_mutex_unlock(&bell.lock);
        while (core_settle(f.core))
            ;
    }
}

static void start_core(void)
{
    f.options.last_seq = store_info(f.store)->last_seq;
    committer = committer_create(f.store, &f.clock.clock, &f.figures, ring, &bell);
    assert_non_null(committer);
    core_fixture_start(&f, committer);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    fake_actor_init(&viewer, VIA_WEBSOCKET, ROLE_VIEWER, "WALL", "WALL");
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, false);
    pthread_mutex_init(&bell.lock, NULL);
    deadline_cond_init(&bell.cond);
    bell.rung = false;
    start_core();
    return 0;
}

/* As the agent does it: first the store thread, then the core. */
static int teardown(void **state)
{
    (void)state;
    committer_destroy(committer);
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &viewer);
    core_fixture_close(&f);
    pthread_cond_destroy(&bell.cond);
    pthread_mutex_destroy(&bell.lock);
    return 0;
}

static void thousands_of_messages_in_order(void **state)
{
    enum { ROUNDS = 20, EACH = 20 };
    char text[64], expected[128];
    int next = 0;

    (void)state;
    join(&f, &device);
    settle();
    expect_prefix(&device, "welcome ");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            int n = round * EACH + i;
            snprintf(text, sizeof(text), "{\"sdp\":\"%s\",\"request_id\":%d}",
                     n % 3 ? "up" : "down", n);
            say(&f, &device, text);
            if (i % 7 == 0) {
                core_end_turn(f.core);
                (void)core_settle(f.core); /* perhaps it is back already */
            }
        }
        settle();
        for (; next < (round + 1) * EACH; next++) {
            snprintf(expected, sizeof(expected),
                     "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":%d}", next);
            expect(&device, expected);
        }
    }
    assert_int_equal(FIGURE_SUM(f.figures.updates), ROUNDS * EACH);
    assert_int_equal(table_newest(tables_find(f.core->tables, "ARO-001"))->rev, ROUNDS * EACH);
}

static bool restore(void *ctx, const char *id, uint64_t rev, const char *document, size_t len)
{
    struct studio_error error;

    assert_int_equal(core_restore(ctx, id, rev, document, len, NULL, &error), STUDIO_OK);
    return true;
}

/* Who runs the agent learns where the value stands and what would allow it. */
static void a_value_taken_out_is_named(void **state)
{
    static const char document[] =
        "{\"TABLE_ID\":\"ARO-7\",\"UPTIME\":1,\"TIMESTAMP\":\"2026-01-02T03:04:05\",\"SDP\":\"up\","
        "\"NFC_SCANNER\":\"idle\"}";
    struct studio_error error;

    (void)state;
    assert_int_equal(core_restore(f.core, "ARO-7", 1, document, sizeof(document) - 1, NULL, &error),
                     STUDIO_ERR_USAGE);
    assert_string_equal(error.text,
                        "Usage or configuration: NFC_SCANNER of table ARO-7 is 'idle', which is no "
                        "longer configured: put it back into limits.device_values");
    assert_int_equal(core_restore(f.core, "ARO-7", 1, document, 20, NULL, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
}

static void a_restart_shows_what_was_committed(void **state)
{
    char *text;

    (void)state;
    join(&f, &device);
    say(&f, &device, "{\"sdp\":\"up\",\"note\":{\"a\":1}}");
    settle();
    committer_destroy(committer);
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &viewer);
    core_destroy(f.core);

    f.options.last_seq = store_info(f.store)->last_seq;
    f.core = core_create(&f.options);
    assert_int_equal(store_tables(f.store, restore, f.core), STUDIO_OK);
    assert_true(core_announce(f.core));
    committer = committer_create(f.store, &f.clock.clock, &f.figures, ring, &bell);
    core_set_committer(f.core, committer);
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    fake_actor_init(&viewer, VIA_WEBSOCKET, ROLE_VIEWER, "WALL", "WALL");

    join(&f, &device); /* nothing to wait for */
    expect_prefix(&device, "welcome {\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    assert_non_null(strstr(device.log[0], fields(FIELDS_JSON, "sdp=up")));
    assert_non_null(strstr(device.log[0], "\",\"note\":{\"a\":1}}"));
    say(&f, &viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}");
    text = fake_actor_pushed(&f, &viewer);
    assert_non_null(strstr(text, "\"UPTIME\":1,"));
    free(text);
    say(&f, &device, "{\"sdp\":\"down\"}");
    settle();
    assert_int_equal(figure_get(&f.figures.seq), 3);
    assert_int_equal(table_newest(tables_find(f.core->tables, "ARO-001"))->rev, 2);
}

/* --- what is wrong with a message ------------------------------------------------------------ */

/* What there is instead, named in the refusal of an event. */
#define KNOWN                                                                                      \
    " (known are service_status, exception, subscribe, unsubscribe, get, status, remove_table)"

static void every_message_has_one_answer(void **state)
{
    static const char *const cases[][2] = {
        {"{", "{\"error\":\"Invalid JSON format\"}"},
        {"", "{\"error\":\"Invalid JSON format\"}"},
        {"{} x", "{\"error\":\"Invalid JSON format\"}"},
        {"3", "{\"error\":\"Update must be a JSON object\"}"},
        {"{\"event\":\"dance\",\"request_id\":1}",
         "{\"error\":\"Unknown event: dance" KNOWN "\",\"request_id\":1}"},
        {"{\"zCam\":\"up\",\"zcam\":\"up\"}", "{\"error\":\"Duplicate field: zcam\"}"},
        {"{\"id\":\"ARO-001\",\"token\":\"MY_TOKEN\"}", "{\"error\":\"Already authenticated\"}"},
        {"{\"id\":\"ARO-001\"}", "{\"error\":\"Invalid field name: id\"}"},
    };

    (void)state;
    join(&f, &device);
    settle();
    device.read = device.count;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        say(&f, &device, cases[i][0]);
        expect(&device, cases[i][1]);
        expect_nothing(&device);
    }
    assert_int_equal(FIGURE_SUM(f.figures.refused), sizeof(cases) / sizeof(cases[0]));
}

static void what_commands_cannot_do(void **state)
{
    static const char *const cases[][2] = {
        {"{\"event\":\"get\"}", "{\"error\":\"Not permitted\"}"},
        {"{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}",
         "{\"error\":\"Not permitted\"}"},
        {"{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}",
         "{\"error\":\"Not permitted\"}"},
        {"{\"id\":\"x\",\"token\":\"y\"}", "{\"error\":\"Invalid field name: id\"}"},
        {"\xff", "{\"error\":\"Invalid JSON format\"}"},
    };

    (void)state;
    join(&f, &device);
    settle();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_actor plc;
        fake_actor_init(&plc, VIA_MQTT, ROLE_OPERATOR, "ARO-001", "plc");
        command(&f, &plc, cases[i][0]);
        expect(&plc, cases[i][1]);
        expect_nothing(&plc);
        fake_actor_finish(&f, &plc);
    }
}

static void a_command_of_one_field(void **state)
{
    struct fake_actor plc;
    char large[STUDIO_MESSAGE_MAX + 2];

    (void)state;
    join(&f, &device);
    settle();
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc");
    core_command(f.core, &plc.actor, "sdp", "up", 2);
    settle();
    expect(&plc, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    core_command(f.core, &plc.actor, "sdp", "x", 1);
    expect_prefix(&plc, "{\"error\":\"Invalid value for sdp");
    core_command(f.core, &plc.actor, "token", "1", 1);
    expect(&plc, "{\"error\":\"Invalid field name: token\"}");
    memset(large, ' ', sizeof(large));
    core_command(f.core, &plc.actor, NULL, large, sizeof(large) - 1);
    expect(&plc, "{\"error\":\"Message too large\"}");
    core_command(f.core, &plc.actor, "note", large, sizeof(large) - 1);
    expect(&plc, "{\"error\":\"Message too large\"}");
    fake_actor_finish(&f, &plc);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void restart_with(void (*change)(struct core_options *options))
{
    committer_destroy(committer);
    fake_actor_finish(&f, &device);
    fake_actor_finish(&f, &viewer);
    core_destroy(f.core);
    change(&f.options);
    start_core();
}

static void limit_rate(struct core_options *options)
{
    options->rate = 10;
    options->burst = 3;
}

static void more_messages_than_the_rate(void **state)
{
    (void)state;
    restart_with(limit_rate);
    for (int i = 0; i < 4; i++)
        say(&f, &viewer, "{\"event\":\"get\",\"request_id\":\"r\"}");
    for (int i = 0; i < 3; i++)
        expect_prefix(&viewer, "{\"event\":\"status\"");
    expect(&viewer, "{\"error\":\"Rate limit exceeded\",\"request_id\":\"r\"}");
    core_end_turn(f.core);
    fake_clock_advance(&f.clock, 99);
    say(&f, &viewer, "[]"); /* what is wrong costs as well */
    expect(&viewer, "{\"error\":\"Rate limit exceeded\"}");
    core_end_turn(f.core);
    fake_clock_advance(&f.clock, 1);
    say(&f, &viewer, "[]");
    expect(&viewer, "{\"error\":\"Update must be a JSON object\"}");
    say(&f, &device, "{\"event\":\"get\"}"); /* each its own */
    expect_prefix(&device, "{\"event\":\"status\"");
}

static void share_root(struct core_options *options)
{
    options->shared_root = true;
}

/* One line for many is for so many tables; those that are there stay anybody's. */
static void a_line_makes_so_many_tables(void **state)
{
    static const struct {
        const char *pattern, *table;
        unsigned tables;
        bool in;
    } cases[] = {
        {"ARO-*", "ARO-001", 2, true},   {"ARO-*", "ARO-002", 2, true},
        {"ARO-*", "ARO-003", 2, false},  {"ARO-*_pc", "ARO-003", 2, false},
        {"ARO-*", "ARO-002", 2, true},   {"ARO-003_*", "ARO-003", 1, true},
        {"ARO-004", "ARO-004", 1, true}, {"*", "BAC-001", 4, false},
        {"*", "BAC-001", 5, true},       {"*", "ARO-001", 1, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct grant grant = {ROLE_DEVICE, cases[i].pattern, cases[i].tables};
        struct fake_actor one;
        fake_actor_init(&one, VIA_WEBSOCKET, ROLE_DEVICE, cases[i].table, cases[i].table);
        one.actor.grant = &grant;
        join(&f, &one);
        one.actor.grant = NULL;
        settle();
        if (cases[i].in)
            expect_prefix(&one, "welcome ");
        else
            expect(&one, "refuse Try again later");
        fake_actor_finish(&f, &one);
    }
}

static void silence_about_tables_of_other_agents(void **state)
{
    struct fake_actor plc, ours;

    (void)state;
    restart_with(share_root);
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "ELSEWHERE", "plc");
    command(&f, &plc, "{\"sdp\":\"up\"}");
    command(&f, &plc, "not even JSON");
    expect(&plc, "silence");
    expect(&plc, "silence");
    assert_true(core_quiet(f.core));
    join(&f, &device);
    fake_actor_init(&ours, VIA_MQTT, ROLE_DEVICE, "ARO-001", "plc"); /* being made */
    command(&f, &ours, "{\"sdp\":\"up\"}");
    settle();
    expect(&ours, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    fake_actor_finish(&f, &plc);
    fake_actor_finish(&f, &ours);
}

static void so_much_waits_that_nobody_should_be_read(void **state)
{
    static struct fake_actor many[16];
    char text[64];

    (void)state;
    join(&f, &device);
    settle();
    for (int i = 0; i < 16; i++)
        fake_actor_init(&many[i], VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    assert_false(core_congested(f.core));
    for (int i = 0; i < 4096; i++) {
        assert_false(core_congested(f.core));
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        say(&f, &many[i % 16], text);
    }
    assert_true(core_congested(f.core));
    settle();
    assert_false(core_congested(f.core));
    for (int i = 0; i < 16; i++) {
        assert_int_equal(many[i].count, 256);
        assert_int_equal(many[i].actor.outstanding, 0);
        fake_actor_finish(&f, &many[i]);
    }
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    core_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(thousands_of_messages_in_order),
        TEST(a_value_taken_out_is_named),
        TEST(a_restart_shows_what_was_committed),
        TEST(every_message_has_one_answer),
        TEST(what_commands_cannot_do),
        TEST(a_command_of_one_field),
        TEST(more_messages_than_the_rate),
        TEST(a_line_makes_so_many_tables),
        TEST(silence_about_tables_of_other_agents),
        TEST(so_much_waits_that_nobody_should_be_read),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
