/* test_subscribe.c - watching tables: subscriptions, pushes, roles (protocol sections 3.2, 3.3, 6).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

static struct agent_proc *agent;
static uint16_t port;

static int start_agent(void **state)
{
    (void)state;
    static const char config[] = "[limits]\nupdates_per_second = 0\n";
    agent = agent_proc_start(&(struct agent_options){.config = config});
    port = agent_proc_port(agent);
    return 0;
}

static int stop_agent(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return 0;
}

static struct wsclient *device(const char *id)
{
    return wsclient_login(port, id, TOKEN_DEVICE);
}

static void update(struct wsclient *c, const char *message)
{
    wsclient_send(c, message);
    expect_json(wsclient_text(c), "status", "updated");
}

/* The next message is a push of this table with this UPTIME. */
static void expect_push(struct wsclient *c, const char *table, const char *uptime)
{
    const char *text = wsclient_text(c);
    expect_json(text, "event", "status");
    expect_json(text, "data.TABLE_ID", table);
    expect_json(text, "data.UPTIME", uptime);
}

static void subscribed_to_the_own_table(void **state)
{
    (void)state;
    struct wsclient *c = device("SUB-001_a"), *other = device("SUB-001_b");
    update(c, "{\"sdp\":\"up\"}");
    wsclient_ask(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"SUB-001\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"SUB-001\"]}");
    expect_push(c, "SUB-001", "1");
    update(other, "{\"sdp\":\"down\"}");
    expect_push(c, "SUB-001", "2");
    /* Its own change too, and the answer before the push it causes. */
    wsclient_ask(c, "{\"idp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"SUB-001\"}");
    expect_push(c, "SUB-001", "3");
    /* What sets nothing pushes nothing; what sets what was set is an update. */
    update(c, "{}");
    wsclient_expect_nothing(c);
    update(c, "{\"idp\":\"up\"}");
    expect_push(c, "SUB-001", "4");
    /* Again: no change, no push for what is not new. */
    wsclient_ask(c,
                 "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"SUB-001\"]},\"request_id\":5}",
                 "{\"status\":\"subscribed\",\"tables\":[\"SUB-001\"],\"request_id\":5}");
    wsclient_expect_nothing(c);
    wsclient_ask(c, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"SUB-001\"]}}",
                 "{\"status\":\"unsubscribed\",\"tables\":[]}");
    update(other, "{\"sdp\":\"up\"}");
    wsclient_expect_nothing(c);
    /* Who never subscribed got answers and nothing else. */
    wsclient_expect_nothing(other);
    wsclient_close(other);
    wsclient_close(c);
}

/* That the last device of a table has gone is seen by those who asked for it, and by nobody else. */
static void presence_with_the_status(void **state)
{
    (void)state;
    struct wsclient *c = device("PRE-001_a");
    struct wsclient *wall = wsclient_login(port, "WALL", TOKEN_VIEWER);
    struct wsclient *plain = wsclient_login(port, "WALL", TOKEN_VIEWER);
    wsclient_ask(wall,
                 "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"PRE-001\"],\"presence\":true}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"PRE-001\"]}");
    const char *text = wsclient_text(wall);
    expect_json(text, "data.TABLE_ID", "PRE-001");
    expect_json(text, "online", "true");
    wsclient_ask(plain, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"PRE-001\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"PRE-001\"]}");
    assert_null(json_at(wsclient_text(plain), "online"));
    struct wsclient *second = device("PRE-001_b");
    wsclient_close(c);
    wsclient_expect_nothing(wall);
    update(second, "{\"sdp\":\"up\"}");
    text = wsclient_text(wall);
    expect_json(text, "data.UPTIME", "1");
    expect_json(text, "online", "true");
    wsclient_close(second);
    text = wsclient_text(wall);
    expect_json(text, "event", "status");
    expect_json(text, "data.UPTIME", "1");
    expect_json(text, "online", "false");
    expect_push(plain, "PRE-001", "1");
    wsclient_expect_nothing(plain);
    second = device("PRE-001_b");
    expect_json(wsclient_text(wall), "online", "true");
    wsclient_close(second);
    wsclient_close(wall);
    wsclient_close(plain);
}

static void pushes_some_time_apart(void **state)
{
    (void)state;
    struct wsclient *c = device("PACE-001_a");
    struct wsclient *wall = wsclient_login(port, "WALL", TOKEN_VIEWER);
    wsclient_ask(
        wall,
        "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"PACE-001\"],\"interval_ms\":10000}}",
        "{\"status\":\"subscribed\",\"tables\":[\"PACE-001\"]}");
    expect_push(wall, "PACE-001", "0"); /* at once; now it rests */
    for (int i = 0; i < 3; i++)
        update(c, "{\"sdp\":\"up\"}");
    wsclient_expect_nothing(wall);
    wsclient_ask(
        wall, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"PACE-001\"],\"interval_ms\":200}}",
        "{\"status\":\"subscribed\",\"tables\":[\"PACE-001\"]}");
    wsclient_ask(wall, "{\"event\":\"subscribe\",\"data\":{\"tables\":[],\"interval_ms\":0}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"PACE-001\"]}");
    expect_push(wall, "PACE-001", "3");
    wsclient_expect_nothing(wall);
    wsclient_close(wall);
    wsclient_close(c);
}

static void exceptions_are_pushed(void **state)
{
    (void)state;
    struct wsclient *c = device("EXC-001_a"), *other = device("EXC-001_b");
    wsclient_ask(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"EXC-001\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"EXC-001\"]}");
    expect_push(c, "EXC-001", "0");
    wsclient_ask(other, "{\"event\":\"exception\",\"data\":{\"code\":\"ARE.3\"}}",
                 "{\"status\":\"received\",\"table_id\":\"EXC-001\"}");
    const char *text = wsclient_text(c);
    expect_json(text, "event", "exception");
    expect_json(text, "table_id", "EXC-001");
    expect_json(text, "data", "{\"code\":\"ARE.3\"}");
    uint64_t first = json_number(text, "seq");
    char *ts = json_at(text, "ts");
    assert_non_null(ts);
    assert_int_equal(strlen(ts), 24);
    assert_int_equal(ts[23], 'Z');
    free(ts);
    wsclient_ask(c, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}",
                 "{\"status\":\"received\",\"table_id\":\"EXC-001\"}");
    text = wsclient_text(c);
    expect_json(text, "data", "NO BALL DETECT");
    assert_int_equal(json_number(text, "seq"), first + 1);
    wsclient_expect_nothing(other);
    wsclient_close(other);
    wsclient_close(c);
}

static void subscribed_in_the_address(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_connect(port, "/?id=ADR-001_a&token=MY_TOKEN&subscribe=ADR-001");
    expect_json(wsclient_text(c), "TABLE_ID", "ADR-001"); /* the first document is no push */
    wsclient_send(c, "{\"sdp\":\"up\"}");
    wsclient_until(c, "status", "updated");
    const char *text = wsclient_until(c, "data.UPTIME", "1");
    expect_json(text, "event", "status");
    wsclient_close(c);

    struct wsclient *all =
        wsclient_connect(port, "/?id=WATCH-1_screen&token=VIEW_TOKEN&subscribe=*");
    text = wsclient_text(all);
    expect_json(text, "TABLE_ID", "WATCH-1");
    expect_json(text, "UPTIME", "0");
    struct wsclient *late = device("ADR-002_a"); /* a table that comes later */
    wsclient_until(all, "data.TABLE_ID", "ADR-002");
    update(late, "{\"sdp\":\"up\"}");
    text = wsclient_until(all, "data.UPTIME", "1");
    wsclient_close(late);
    wsclient_close(all);

    struct wsclient *two =
        wsclient_connect(port, "/?id=WATCH-1_screen&token=VIEW_TOKEN&subscribe=ADR-001,ADR-002");
    expect_json(wsclient_text(two), "TABLE_ID", "WATCH-1");
    expect_json(wsclient_text(two), "event", "status");
    expect_json(wsclient_text(two), "event", "status");
    wsclient_expect_nothing(two);
    wsclient_close(two);
}

static void what_a_device_may_watch(void **state)
{
    (void)state;
    struct wsclient *other = device("ROL-002_a");
    struct wsclient *c = device("ROL-001_a");
    wsclient_ask(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ROL-002\"]}}",
                 "{\"error\":\"Not permitted\"}");
    wsclient_ask(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ROL-001\",\"ROL-002\"]}}",
                 "{\"error\":\"Not permitted\"}");
    update(c, "{\"sdp\":\"up\"}");
    wsclient_expect_nothing(c); /* nothing of the refused message was applied */
    wsclient_close(other);
    wsclient_close(c);
}

static void what_a_viewer_may_do(void **state)
{
    (void)state;
    struct wsclient *pc = device("VIE-001_a");
    struct wsclient *c = wsclient_connect(port, "/?id=VIE-NEW_screen&token=VIEW_TOKEN");
    const char *text = wsclient_text(c);
    expect_json(text, "TABLE_ID", "VIE-NEW"); /* the default document; no table is made */
    expect_json(text, "SDP", "standby");
    wsclient_ask(c, "{\"event\":\"get\",\"data\":{\"table_id\":\"NOT-THERE\"}}",
                 "{\"error\":\"Unknown table: NOT-THERE\"}");
    wsclient_ask(c, "{\"table_id\":\"VIE-001\",\"sdp\":\"up\"}", "{\"error\":\"Not permitted\"}");
    wsclient_ask(c, "{\"sdp\":\"up\"}", "{\"error\":\"Not permitted\"}");
    wsclient_ask(c, "{\"event\":\"exception\",\"data\":\"X\"}", "{\"error\":\"Not permitted\"}");
    wsclient_ask(c, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"VIE-001\"}}",
                 "{\"error\":\"Not permitted\"}");
    wsclient_send(c, "{\"event\":\"get\",\"data\":{\"table_id\":\"VIE-001\"}}");
    expect_push(c, "VIE-001", "0");
    wsclient_ask(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"VIE-001\",\"VIE-LATE\"]}}",
                 "{\"status\":\"subscribed\",\"tables\":[\"VIE-001\",\"VIE-LATE\"]}");
    expect_push(c, "VIE-001", "0");
    update(pc, "{\"sdp\":\"up\"}");
    expect_push(c, "VIE-001", "1");
    struct wsclient *late = device("VIE-LATE_a");
    expect_push(c, "VIE-LATE", "0"); /* subscribed before it existed */
    wsclient_close(late);
    wsclient_close(c);
    wsclient_close(pc);
}

static void what_an_operator_may_do(void **state)
{
    (void)state;
    struct wsclient *pc = device("OPE-001_a");
    struct wsclient *c = wsclient_connect(port, "/?id=office&token=OPERATOR_TOKEN");
    expect_json(wsclient_text(c), "TABLE_ID", "office");
    wsclient_ask(c, "{\"table_id\":\"OPE-001\",\"sdp\":\"up\"}",
                 "{\"status\":\"updated\",\"table_id\":\"OPE-001\"}");
    wsclient_ask(c,
                 "{\"event\":\"service_status\",\"data\":{\"table_id\":\"OPE-001\","
                 "\"idp\":\"up\"}}",
                 "{\"status\":\"updated\",\"table_id\":\"OPE-001\"}");
    wsclient_ask(c, "{\"table_id\":\"NOT-THERE\",\"sdp\":\"up\"}",
                 "{\"error\":\"Unknown table: NOT-THERE\"}");
    wsclient_send(pc, "{\"event\":\"get\"}");
    expect_push(pc, "OPE-001", "2");
    wsclient_close(c);
    wsclient_close(pc);
}

static void an_unsubscribed_star(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_connect(port, "/?id=STAR&token=VIEW_TOKEN");
    wsclient_text(c);
    wsclient_send(c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}");
    expect_json(wsclient_text(c), "tables", "[\"*\"]");
    wsclient_send(c, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"*\"]}}");
    wsclient_until(c, "status", "unsubscribed");
    struct wsclient *pc = device("STA-001_a");
    update(pc, "{\"sdp\":\"up\"}");
    wsclient_expect_nothing(c);
    wsclient_close(pc);
    wsclient_close(c);
}

static void wrong_data(void **state)
{
    (void)state;
    struct wsclient *c = device("WRO-001_a");
    static const char *const bad[] = {"{}", "{\"tables\":\"*\"}",    "{\"tables\":[1]}", "[]",
                                      "1",  "{\"tables\":[\"a b\"]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wsclient_sendf(c, "{\"event\":\"subscribe\",\"data\":%s}", bad[i]);
        const char *text = wsclient_text(c);
        assert_non_null(strstr(text, "\"error\":\"Invalid data for subscribe"));
    }
    wsclient_close(c);
}

/* A reader that does not read gets the newest document afterwards, and is told of lost exceptions.
 */
static void a_slow_reader_is_conflated(void **state)
{
    (void)state;
    enum { EXCEPTIONS = 3000 };
    struct wsclient *slow =
        wsclient_connect(port, "/?id=SLO-001_slow&token=MY_TOKEN&subscribe=SLO-001");
    struct wsclient *pc = device("SLO-001_pc");
    char padding[1000];
    memset(padding, 'x', sizeof padding - 1);
    padding[sizeof padding - 1] = '\0';
    /* Exceptions as large as they may be, more than all socket buffers hold. */
    char *data = test_printf("{\"event\":\"exception\",\"data\":\"%s%s%s%s%s\"}", padding, padding,
                             padding, padding, padding);
    for (int i = 0; i < EXCEPTIONS; i++) {
        wsclient_queue(pc, data);
        wsclient_queue(pc, "{\"sdp\":\"up\"}");
        if (i % 10 == 9) {
            wsclient_flush(pc);
            for (int k = 0; k < 20; k++)
                expect_json(wsclient_text(pc), "table_id", "SLO-001");
        }
    }
    free(data);
    update(pc, "{\"sdp\":\"down\"}");
    uint64_t uptime = 0, seq = 0, seen = 0, missed = 0, pushes = 0;
    bool done = false;
    while (!done || seen + missed < EXCEPTIONS) {
        const char *text = wsclient_text(slow);
        if (json_is(text, "event", "status")) {
            uint64_t now = json_number(text, "data.UPTIME");
            assert_true(now >= uptime); /* never an older one after a newer one */
            uptime = now;
            pushes++;
            done = json_is(text, "data.SDP", "down");
        } else if (json_is(text, "event", "exception")) {
            uint64_t now = json_number(text, "seq");
            assert_true(now > seq);
            seq = now;
            seen++;
        } else if (json_is(text, "event", "lagged")) {
            missed += json_number(text, "data.missed");
        }
    }
    assert_int_equal(uptime, EXCEPTIONS + 1);
    assert_int_equal(seen + missed, EXCEPTIONS);
    assert_true(missed > 0);
    assert_true(pushes < EXCEPTIONS);
    wsclient_close(pc);
    wsclient_close(slow);
}

/* A reader that never reads is cut after write_timeout; nobody else notices. */
static void a_stuck_reader_is_cut(void **state)
{
    (void)state;
    static const char config[] = "[websocket]\nwrite_timeout = 1\nping_after = 1\nping_grace = 1\n"
                                 "[limits]\nupdates_per_second = 0\nconnections_per_id = 1\n";
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = config});
    uint16_t at = agent_proc_port(a);
    struct wsclient *stuck =
        wsclient_connect(at, "/?id=STU-001_s&token=MY_TOKEN&subscribe=STU-001");
    struct wsclient *pc = wsclient_login(at, "STU-001_pc", TOKEN_DEVICE);
    struct wsclient *second;
    int64_t deadline = now_ms() + WAIT_MS;
    char *data = test_printf("{\"event\":\"exception\",\"data\":\"%15000d\"}", 0);
    /* Its place is free again once it was cut: until then its id is refused. */
    for (;;) {
        for (int i = 0; i < 200; i++)
            wsclient_queue(pc, data);
        wsclient_flush(pc);
        for (int i = 0; i < 200; i++)
            expect_json(wsclient_text(pc), "status", "received");
        second = wsclient_connect(at, "/?id=STU-001_s&token=MY_TOKEN");
        struct ws_message m = wsclient_next(second, WAIT_MS);
        if (m.kind == WS_GOT_TEXT)
            break;
        assert_int_equal(m.kind, WS_GOT_CLOSE);
        assert_int_equal(m.code, 1013);
        wsclient_close(second);
        assert_true(deadline_left(deadline) > 0);
    }
    free(data);
    wsclient_close(second);
    wsclient_drop(stuck);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

/* However long the list in the address is, as long as the request may be. */
static void a_long_list_in_the_address(void **state)
{
    (void)state;
    struct wsclient *c = device("LNG-LAST_x");
    char *path = test_printf("/?id=boss&token=" TOKEN_VIEWER "&subscribe=");
    for (int i = 0; i < 60; i++) {
        char *more = test_printf("%sLNG-%060d,", path, i);
        free(path);
        path = more;
    }
    char *whole = test_printf("%sLNG-LAST", path);
    struct wsclient *viewer = wsclient_connect(port, whole);
    expect_json(wsclient_text(viewer), "TABLE_ID", "boss");
    expect_push(viewer, "LNG-LAST", "0");
    update(c, "{\"sdp\":\"up\"}");
    expect_push(viewer, "LNG-LAST", "1");
    wsclient_close(viewer);
    wsclient_close(c);
    free(whole);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_with_the_status),    cmocka_unit_test(pushes_some_time_apart),
        cmocka_unit_test(subscribed_to_the_own_table), cmocka_unit_test(exceptions_are_pushed),
        cmocka_unit_test(subscribed_in_the_address),   cmocka_unit_test(what_a_device_may_watch),
        cmocka_unit_test(what_a_viewer_may_do),        cmocka_unit_test(what_an_operator_may_do),
        cmocka_unit_test(an_unsubscribed_star),        cmocka_unit_test(wrong_data),
        cmocka_unit_test(a_slow_reader_is_conflated),  cmocka_unit_test(a_stuck_reader_is_cut),
        cmocka_unit_test(a_long_list_in_the_address),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
