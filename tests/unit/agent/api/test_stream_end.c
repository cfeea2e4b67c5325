/* test_stream_end.c - who may not follow the live stream, and how it ends. */
#include "unit/agent/api/stream_fixture.h"

/* --- ends ------------------------------------------------------------------------------------- */

static void expect_ended(enum figure_closed why)
{
    assert_int_equal(core_connections(f.core, "ARO-001_pc"), 0);
    assert_int_equal(FIGURE_SUM(f.figures.connections), 0);
    assert_int_equal(figure_get(&f.figures.closed[why]), 1);
    assert_int_equal(FIGURE_SUM(f.figures.closed), 1);
}

static void expect_farewell(const char *words, enum figure_closed why)
{
    exchange_tick(wire.exchange);
    assert_string_equal(told(&wire), words);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    hang_up(&wire);
    expect_ended(why);
}

static void open_live(void)
{
    ask(&wire, NULL, NULL, "6f1c:2");
    told(&wire);
    assert_int_equal(core_connections(f.core, "ARO-001_pc"), 1);
    assert_int_equal(figure_get(&f.figures.connections[ROLE_VIEWER]), 1);
}

static void the_agent_stops(void **state)
{
    (void)state;
    open_live();
    exchange_tick(wire.exchange);
    assert_false(wire.wanted);
    figure_set(&f.figures.stopping, 1);
    expect_farewell(": Server shutting down\n\n", CLOSED_SHUTDOWN);
}

static void the_agent_stops_while_the_store_is_asked(void **state)
{
    (void)state;
    ask(&wire, NULL, NULL, "6f1c:1");
    told(&wire);
    figure_set(&f.figures.stopping, 1);
    expect_farewell(": Server shutting down\n\n", CLOSED_SHUTDOWN);
    settle();
}

static void the_token_is_revoked(void **state)
{
    (void)state;
    open_live();
    tokens_destroy(admission_reload(api.admission, read_tokens("MY_TOKEN")));
    exchange_tick(wire.exchange);
    assert_false(wire.wanted);
    tokens_destroy(admission_reload(api.admission, read_tokens("ANOTHER_TOKEN")));
    expect_farewell(": Credentials revoked\n\n", CLOSED_REVOKED);
}

static void the_peer_has_gone(void **state)
{
    (void)state;
    open_live();
    wire.unread = true; /* its end, or more than belongs here */
    exchange_tick(wire.exchange);
    assert_true(wire.killed);
    hang_up(&wire);
    expect_ended(CLOSED_CLIENT);
}

static void who_does_not_read_is_counted_once(void **state)
{
    (void)state;
    ask(&wire, NULL, NULL, NULL);
    fake_clock_advance(&wire_clock, wire_env.write_timeout_ms);
    exchange_tick(wire.exchange);
    assert_true(wire.killed);
    hang_up(&wire);
    expect_ended(CLOSED_SLOW);
}

static void only_the_head(void **state)
{
    (void)state;
    memset(&wire, 0, sizeof(wire));
    wire.exchange = exchange_create(
        &wire_env, &wire, &(struct exchange_head){.method = "HEAD", .path = "/api/v1/stream"});
    assert_string_equal(told(&wire), "");
    assert_int_equal(wire.status, 200);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    hang_up(&wire);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect_refusal(const char *one, const char *two, const char *last, int status,
                           const char *title)
{
    char *body = test_printf("{\"status\":%d,\"title\":\"%s\"}", status, title);

    ask(&wire, one, two, last);
    wire_drain(&wire);
    assert_int_equal(wire.status, status);
    assert_string_equal(wire.body, body);
    assert_int_equal(core_connections(f.core, "ARO-001_pc"), 0);
    hang_up(&wire);
    free(body);
}

static void mistakes(void **state)
{
    static const char kinds[] =
        "Invalid value for kinds: expected changes, exceptions or changes,exceptions";
    static const char tables[] = "Invalid value for tables: expected * or names of tables";
    static const char from_seq[] = "Invalid value for from_seq: expected the number of an event";

    (void)state;
    expect_refusal("table=ARO-001", NULL, NULL, 400, "Unknown parameter: table");
    expect_refusal("tables", NULL, NULL, 400, tables);
    expect_refusal("tables=*", "kind=changes", NULL, 400, "Unknown parameter: kind");
    expect_refusal("tables=*", "tables=*", NULL, 400, "Duplicate parameter: tables");
    expect_refusal("tables=A_b", NULL, NULL, 400, tables);
    expect_refusal("kinds=all", NULL, NULL, 400, kinds);
    expect_refusal("from_seq=-1", NULL, NULL, 400, from_seq);
    expect_refusal("from_seq=", NULL, NULL, 400, from_seq);
    expect_refusal(NULL, NULL, "17", 400, "Invalid data for Last-Event-ID");
}

static void a_device_follows_its_own_table(void **state)
{
    const char *text;

    (void)state;
    role = ROLE_DEVICE;
    expect_refusal("tables=ARO-002", NULL, NULL, 403, "Not permitted");
    expect_refusal("tables=ARO-001,ARO-002", NULL, NULL, 403, "Not permitted");
    expect_refusal("tables=*", NULL, NULL, 403, "Not permitted");
    ask(&wire, NULL, NULL, NULL);
    text = told(&wire);
    assert_non_null(strstr(text, "\"TABLE_ID\":\"ARO-001\""));
    assert_null(strstr(text, "ARO-002"));
    hang_up(&wire);
    ask(&wire, "tables=ARO-001", NULL, NULL);
    assert_non_null(strstr(told(&wire), "\"TABLE_ID\":\"ARO-001\""));
    hang_up(&wire);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_agent_stops),
        TEST(the_agent_stops_while_the_store_is_asked),
        TEST(the_token_is_revoked),
        TEST(the_peer_has_gone),
        TEST(who_does_not_read_is_counted_once),
        TEST(only_the_head),
        TEST(mistakes),
        TEST(a_device_follows_its_own_table),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
