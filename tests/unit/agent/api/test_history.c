/* test_history.c - pages of a table's history, and its document before them. */
#include "unit/agent/api/api_fixture.h"

#include "api/history.h"
#include "support/json.h"

#define HISTORY "/api/v1/tables/ARO-001/history"
#define EPOCH   "00112233445566778899aabbccddeeff"

static int open_table(void **state)
{
    (void)api_open(state);
    api.epoch = EPOCH;
    make_table("ARO-001");
    return 0;
}

static void tell(const char *target, const char *body)
{
    post(DEVICE, target, NULL, body);
    settle();
    expect_answer(200, NULL);
    fake_clock_advance(&core_f.clock, 1000);
}

static void update(const char *body)
{
    tell("/api/v1/tables/ARO-001/status", body);
}

static void exception(const char *body)
{
    tell("/api/v1/tables/ARO-001/exceptions", body);
}

static void remove_table(void)
{
    send_request(&wire, &(struct request){.method = "DELETE",
                                          .target = "/api/v1/tables/ARO-001",
                                          .user = OPERATOR});
    settle();
    expect_answer(200, NULL);
    fake_clock_advance(&core_f.clock, 1000);
}

/* Until all that is looked up has come back. */
static void look_up(void)
{
    for (int i = 0; i < 100 && api.history_count > 0; i++)
        (void)core_settle(core_f.core);
    assert_int_equal(api.history_count, 0);
}

/* The whole answer to this query, in wire.body; the request goes on until wire_close. */
static void ask(const char *query)
{
    char *target = test_printf(HISTORY "%s", query);

    get(VIEWER, target);
    free(target);
    look_up();
    take_answer(&wire, 200, NULL);
}

/* Which events there are, by rev, exceptions as x: "0 1 x 2". */
static void expect_events(const char *query, const char *expected)
{
    char found[256] = "", path[64], *number;

    ask(query);
    for (int i = 0;; i++) {
        snprintf(path, sizeof(path), "events.%d.seq", i);
        if (!(number = json_at(wire.body, path)))
            break;
        free(number);
        snprintf(path, sizeof(path), "events.%d.rev", i);
        number = json_at(wire.body, path);
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i ? " " : "",
                 number ? number : "x");
        free(number);
    }
    if (strcmp(found, expected) != 0)
        fail_msg("%s: %s, not %s", query, found, expected);
    wire_close(&wire);
}

static void expect_at(const char *query, const char *path, const char *value)
{
    ask(query);
    expect_json(wire.body, path, value);
    wire_close(&wire);
}

static void changes_in_order(void **state)
{
    (void)state;
    update("{\"sdp\":\"up\"}");
    exception("\"NO BALL\"");
    update("{\"sdp\":\"down\",\"x\":1}");
    ask("");
    expect_json(wire.body, "events.1.seq", "2");
    expect_json(wire.body, "events.1.epoch", EPOCH);
    expect_json(wire.body, "events.1.via", "http");
    expect_json(wire.body, "events.1.by", "ARO-001_pc");
    expect_json(wire.body, "events.1.changes.SDP.1", "up");
    assert_null(json_at(wire.body, "oldest_rev"));
    assert_null(json_at(wire.body, "state"));
    assert_null(answered_header(&wire, "link"));
    wire_close(&wire);
    expect_events("", "0 1 2");
    expect_events("?order=desc", "2 1 0");
    expect_events("?kinds=changes,exceptions", "0 1 x 2");
    expect_events("?kinds=exceptions,changes&order=desc", "2 x 1 0");
    expect_events("?kinds=exceptions", "x");
    expect_events("?kinds=exceptions,exceptions", "x"); /* named twice is named */
    expect_events("?from_rev=1&to_rev=1&kinds=changes,exceptions", "1 x");
    expect_events("?from_rev=2", "2");
    expect_events("?to_rev=0", "0");
    expect_events("?from_rev=3", "");
    /* The table was made at 12:00:00, then something every second. */
    expect_events("?since=2024-01-01T12:00:01Z", "2");
    expect_events("?since=2024-01-01T13:00:02 01:00", "2");
}

static void pages_lead_to_each_other(void **state)
{
    char *link;

    (void)state;
    for (int i = 0; i < 4; i++)
        update("{\"sdp\":\"up\"}");
    ask("?limit=2&kinds=changes");
    expect_json(wire.body, "events.1.rev", "1");
    link = test_printf("%s", answered_header(&wire, "link"));
    assert_string_equal(link, "<" HISTORY "?limit=2&kinds=changes&after=2>; rel=\"next\"");
    free(link);
    wire_close(&wire);
    expect_events("?limit=2&after=2", "2 3");
    expect_events("?limit=2&after=4", "4");
    expect_events("?limit=2&order=desc", "4 3");
    expect_events("?limit=2&order=desc&after=4", "2 1");
    expect_events("?order=desc&after=1", "");
    expect_events("?order=desc&after=1000", "4 3 2 1 0");
    ask("?limit=5"); /* the last page says so */
    assert_null(answered_header(&wire, "link"));
    wire_close(&wire);
}

static void the_state_before(void **state)
{
    (void)state;
    update("{\"sdp\":\"up\",\"x\":1,\"y\":{\"a\":[1,2]}}");
    update("{\"sdp\":\"down\",\"x\":null}");
    update("{\"maintenance\":true,\"x\":2}");
    expect_at("?state=1", "state", "null"); /* before it was made there was none */
    ask("?state=1&from_rev=1");
    expect_json(wire.body, "state.UPTIME", "0");
    expect_json(wire.body, "state.SDP", "standby");
    assert_null(json_at(wire.body, "state.x"));
    wire_close(&wire);
    ask("?state=1&from_rev=2");
    expect_json(wire.body, "state.TABLE_ID", "ARO-001");
    expect_json(wire.body, "state.UPTIME", "1");
    expect_json(wire.body, "state.TIMESTAMP", "2024-01-01T12:00:00");
    expect_json(wire.body, "state.SDP", "up");
    expect_json(wire.body, "state.MAINTENANCE", "false");
    expect_json(wire.body, "state.x", "1");
    expect_json(wire.body, "state.y", "{\"a\":[1,2]}");
    wire_close(&wire);
    ask("?state=1&order=desc&limit=1"); /* before the oldest of the page */
    expect_json(wire.body, "state.UPTIME", "2");
    expect_json(wire.body, "state.SDP", "down");
    assert_null(json_at(wire.body, "state.x"));
    wire_close(&wire);
    ask("?state=1&from_rev=4"); /* without an event: as it is */
    expect_json(wire.body, "state.UPTIME", "3");
    expect_json(wire.body, "state.MAINTENANCE", "true");
    expect_json(wire.body, "state.x", "2");
    wire_close(&wire);
    ask("?state=1&kinds=exceptions&to_rev=1"); /* or as it was at the end of what is asked for */
    expect_json(wire.body, "state.UPTIME", "1");
    expect_json(wire.body, "state.SDP", "up");
    wire_close(&wire);
    expect_at("?state=1&kinds=exceptions&until=2024-01-01T12:00:01Z", "state.UPTIME", "2");
    /* Of several ends the first. */
    expect_at("?state=1&kinds=exceptions&to_rev=3&until=2024-01-01T12:00:01Z", "state.UPTIME", "2");
    expect_at("?state=1&kinds=exceptions&to_rev=1&until=2024-01-01T12:00:01Z", "state.UPTIME", "1");
    expect_at("?state=1&from_rev=1&to_rev=1&until=2024-01-01T11:00:00Z", "state", "null");
    expect_at("?state=1&kinds=exceptions&order=desc&after=3", "state.UPTIME", "1");
    expect_at("?state=1&kinds=exceptions&order=desc&after=3&to_rev=0", "state.UPTIME", "0");
    expect_at("?state=1&order=desc&after=1", "state", "null");
    expect_at("?state=0", "events.3.rev", "3");
}

static void the_state_over_a_removal(void **state)
{
    (void)state;
    update("{\"sdp\":\"up\",\"x\":1}");
    update("{\"zcam\":\"up\"}");
    remove_table();
    expect_events("", "0 1 2 3");
    expect_at("?state=1&from_rev=4", "state", "null");
    ask("?state=1&from_rev=2");
    expect_json(wire.body, "state.UPTIME", "1");
    expect_json(wire.body, "state.SDP", "up");
    expect_json(wire.body, "state.ZCam", "down");
    expect_json(wire.body, "state.x", "1");
    wire_close(&wire);
    make_table("ARO-001"); /* anew */
    fake_clock_advance(&core_f.clock, 1000);
    update("{\"sdp\":\"down\"}");
    ask("?state=1&from_rev=3&to_rev=3");
    expect_json(wire.body, "state.UPTIME", "2");
    expect_json(wire.body, "state.ZCam", "up");
    expect_json(wire.body, "state.x", "1");
    wire_close(&wire);
    expect_at("?state=1&from_rev=4", "state", "null");
    ask("?state=1&from_rev=5");
    expect_json(wire.body, "state.UPTIME", "4");
    expect_json(wire.body, "state.SDP", "standby");
    assert_null(json_at(wire.body, "state.x"));
    wire_close(&wire);
}

/* What retention has taken. */
static void what_is_gone(void **state)
{
    struct store_options options = {
        .dir = core_f.dir, .host_name = "edge-1", .retention_events = 2};
    struct studio_error error;
    bool more = true;

    (void)state;
    for (int i = 0; i < 4; i++)
        update(i % 2 ? "{\"sdp\":\"up\",\"x\":1}" : "{\"sdp\":\"down\",\"zcam\":\"up\"}");
    store_reader_close(core_f.reader);
    store_close(core_f.store);
    assert_int_equal(store_open(&options, &core_f.store, &error), STUDIO_OK);
    assert_int_equal(store_reader_open(core_f.store, &core_f.reader, &error), STUDIO_OK);
    committer.store = core_f.store;
    core_f.lookup.reader = core_f.reader;
    while (more)
        assert_int_equal(store_housekeep(core_f.store, 1, &more), STUDIO_OK);
    expect_events("", "3 4");
    expect_at("", "oldest_rev", "3");
    expect_at("?state=1", "state", "null"); /* its time is not known any more */
    ask("?state=1&from_rev=4");
    expect_json(wire.body, "state.UPTIME", "3");
    expect_json(wire.body, "state.SDP", "down");
    expect_json(wire.body, "state.ZCam", "up");
    expect_json(wire.body, "state.x", "1");
    wire_close(&wire);
    /* Over a removal nothing tells what was not changed since. */
    remove_table();
    expect_at("?state=1&from_rev=5", "state", "null");
}

static void who_may_and_what(void **state)
{
    static const struct {
        const char *query, *title;
    } rows[] = {
        {"limit=1001", "Invalid value for limit: expected 1 to 1000"},
        {"from_rev=-1", "Invalid value for from_rev: expected a whole number"},
        {"to_rev=x", "Invalid value for to_rev: expected a whole number"},
        {"since=yesterday", "Invalid value for since: expected a time like 2026-01-02T03:04:05Z"},
        {"until=", "Invalid value for until: expected a time like 2026-01-02T03:04:05Z"},
        {"order=down", "Invalid value for order: expected asc or desc"},
        {"kinds=all",
         "Invalid value for kinds: expected changes, exceptions or changes,exceptions"},
        {"kinds=changes,", "Invalid value for kinds: expected changes, exceptions or "
                           "changes,exceptions"},
        {"state=yes", "Invalid value for state: expected 0 or 1"},
        {"after=0", "Invalid value for after: expected the number of an event"},
        {"page=2", "Unknown parameter: page"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *target = test_printf(HISTORY "?%s", rows[i].query);
        char *body = test_printf("{\"status\":400,\"title\":\"%s\"}", rows[i].title);
        get(VIEWER, target);
        expect_answer(400, body);
        free(body);
        free(target);
    }
    get(VIEWER, "/api/v1/tables/NO-1/history");
    expect_answer(404, "{\"status\":404,\"title\":\"Unknown table: NO-1\"}");
    get("NO-1:" TOKEN_DEVICE, HISTORY);
    expect_answer(403, "{\"status\":403,\"title\":\"Not permitted\"}");
    get(DEVICE, HISTORY);
    look_up();
    expect_answer(200, NULL);
}

static void who_has_gone_is_forgotten(void **state)
{
    static struct wire wires[4];

    (void)state;
    core_f.lookup.held = true;
    for (size_t i = 0; i < 4; i++) /* two of them have a job out */
        send_request(&wires[i], &(struct request){.target = HISTORY, .user = VIEWER});
    assert_int_equal(core_f.lookup.count, 2);
    for (size_t i = 0; i < 3; i++)
        exchange_destroy(wires[i].exchange);
    core_f.lookup.held = false;
    look_up();
    take_answer(&wires[3], 200, NULL);
    exchange_destroy(wires[3].exchange);
    assert_int_equal(wire_env.count, 0);
    /* At the end of the agent nothing comes back any more. */
    core_f.lookup.held = true;
    get(VIEWER, HISTORY);
    exchange_destroy(wire.exchange);
    assert_int_equal(api.history_count, 1);
    history_finish(&api);
    assert_int_equal(api.history_count, 0);
}

static void too_many_are_told_so(void **state)
{
    static struct wire wires[64];

    (void)state;
    core_f.lookup.held = true;
    for (size_t i = 0; i < 64; i++)
        send_request(&wires[i], &(struct request){.target = HISTORY, .user = VIEWER});
    get(VIEWER, HISTORY);
    take_answer(&wire, 503, "{\"status\":503,\"title\":\"Try again later\"}");
    expect_header(&wire, "retry-after", "1");
    exchange_destroy(wire.exchange);
    core_f.lookup.held = false;
    for (int i = 0; i < 1000 && api.history_count > 0; i++)
        (void)core_settle(core_f.core);
    for (size_t i = 0; i < 64; i++) {
        take_answer(&wires[i], 200, NULL);
        exchange_destroy(wires[i].exchange);
    }
    core_f.lookup.max = 1; /* and when the lookups are full */
    core_f.lookup.held = true;
    get(VIEWER, HISTORY);
    send_request(&wires[0], &(struct request){.target = HISTORY, .user = VIEWER});
    take_answer(&wires[0], 503, NULL);
    exchange_destroy(wires[0].exchange);
    core_f.lookup.held = false;
    look_up();
    expect_answer(200, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_table, api_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_in_order),
        TEST(pages_lead_to_each_other),
        TEST(the_state_before),
        TEST(the_state_over_a_removal),
        TEST(what_is_gone),
        TEST(who_may_and_what),
        TEST(who_has_gone_is_forgotten),
        TEST(too_many_are_told_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
