/* test_stream.c - the live stream over the real agent: what comes, where it goes on, how it ends (protocol
 * section 5). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "integration/http_rig.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/proc.h"
#include "support/sseclient.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define STREAM    "/api/v1/stream"
#define VIEWER    "wall:" TOKEN_VIEWER
#define NO_LIMITS "[limits]\nupdates_per_second = 0\n"

static struct agent_proc *configured(const char *config)
{
    return agent_proc_start(&(struct agent_options){.config = config});
}

/* `count` updates in flight at once, all answered; each sets another `n`. */
static void updates(struct wsclient *c, int count)
{
    static int n;
    for (int i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "{\"n\":%d}", n++);
        wsclient_queue(c, text);
    }
    wsclient_flush(c);
    for (int i = 0; i < count; i++)
        expect_json(wsclient_text(c), "status", "updated");
}

/* Up to event `to`, one after the other behind `from`. */
static void expect_events(struct sseclient *c, uint64_t from, uint64_t to)
{
    while (from < to) {
        struct sse_block b = sseclient_event(c);
        if (json_number(b.data, "seq") != ++from)
            test_fail("event %llu was to come, not %s", (unsigned long long)from, b.data);
    }
}

static void expect_ended(struct sseclient *c, const char *farewell)
{
    struct sse_block b = sseclient_next(c, WAIT_MS);
    while (b.kind == SSE_EVENT || (b.kind == SSE_NOTE && strcmp(b.comment, farewell) != 0))
        b = sseclient_next(c, WAIT_MS);
    assert_int_equal(b.kind, SSE_NOTE);
    assert_int_equal(sseclient_next(c, WAIT_MS).kind, SSE_END);
    sseclient_close(c);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void documents_then_events(void **state)
{
    (void)state;
    struct wsclient *pc = wsclient_login(port, "DOC-001_pc", TOKEN_DEVICE);
    struct sseclient *c = sseclient_connect(port, STREAM "?tables=DOC-001,DOC-002", VIEWER, NULL);
    const char *headers = sseclient_headers(c);
    assert_non_null(strcasestr(headers, "content-type: text/event-stream; charset=utf-8\r\n"));
    assert_non_null(strcasestr(headers, "cache-control: no-store"));
    assert_non_null(strcasestr(headers, "x-accel-buffering: no"));
    expect_json(sseclient_expect(c, "status"), "TABLE_ID", "DOC-001");

    wsclient_ask(pc, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"DOC-001\"}");
    const char *data = sseclient_expect(c, "change");
    expect_json(data, "changes", "{\"SDP\":[\"standby\",\"up\"]}");
    expect_json(data, "by", "DOC-001_pc");
    expect_json(data, "via", "websocket");
    expect_json(data, "rev", "1");
    char *epoch = json_at(data, "epoch");
    char *id = test_printf("%s:%llu", epoch, (unsigned long long)json_number(data, "seq"));
    assert_string_equal(sseclient_id(c), id);
    free(epoch);
    free(id);
    wsclient_ask(pc, "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}",
                 "{\"status\":\"received\",\"table_id\":\"DOC-001\"}");
    expect_json(sseclient_expect(c, "exception"), "data", "NO BALL DETECT");

    struct wsclient *other = wsclient_login(port, "DOC-002_pc", TOKEN_DEVICE);
    expect_json(sseclient_expect(c, "change"), "rev", "0"); /* a table that was not there yet */
    wsclient_close(other);
    wsclient_close(pc);
    struct wsclient *op = wsclient_login(port, "desk", TOKEN_OPERATOR);
    do /* its device leaves in its own time */
        wsclient_send(op, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"DOC-002\"}}");
    while (json_is(wsclient_text(op), "error", "Devices of this table are connected"));
    expect_json(sseclient_expect(c, "removed"), "table_id", "DOC-002");
    wsclient_close(op);
    sseclient_close(c);
}

static void it_goes_on_where_it_broke_off(void **state)
{
    (void)state;
    struct agent_proc *a = configured(NO_LIMITS);
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    updates(pc, 99); /* 100 events */
    struct sseclient *c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL);
    expect_events(c, 0, 60);
    char *id = test_printf("%s", sseclient_id(c));
    sseclient_close(c);
    updates(pc, 900);
    /* The address is that of the first time, as a browser's. */
    c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, id);
    expect_events(c, 60, 1000);
    updates(pc, 100);
    expect_events(c, 1000, 1100);
    free(id);
    id = test_printf("%s", sseclient_id(c));
    sseclient_close(c);
    wsclient_close(pc);
    agent_proc_stop(a);
    agent_proc_restart(a);
    at = agent_proc_port(a);
    pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    c = sseclient_connect(at, STREAM, VIEWER, id);
    updates(pc, 10);
    expect_events(c, 1100, 1110);
    free(id);
    sseclient_close(c);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

static void only_what_was_asked_for(void **state)
{
    (void)state;
    struct wsclient *one = wsclient_login(port, "ONE-001_pc", TOKEN_DEVICE);
    struct wsclient *two = wsclient_login(port, "TWO-001_pc", TOKEN_DEVICE);
    struct sseclient *c =
        sseclient_connect(port, STREAM "?tables=TWO-001&kinds=exceptions", VIEWER, NULL);
    sseclient_expect(c, "status");
    wsclient_ask(one, "{\"event\":\"exception\",\"data\":\"A\"}",
                 "{\"status\":\"received\",\"table_id\":\"ONE-001\"}");
    wsclient_ask(two, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"TWO-001\"}");
    wsclient_ask(two, "{\"event\":\"exception\",\"data\":\"B\"}",
                 "{\"status\":\"received\",\"table_id\":\"TWO-001\"}");
    expect_json(sseclient_expect(c, "exception"), "data", "B");
    sseclient_close(c);
    /* The same out of the store. */
    c = sseclient_connect(port, STREAM "?tables=TWO-001&kinds=changes&from_seq=1", VIEWER, NULL);
    expect_json(sseclient_expect(c, "change"), "rev", "0");
    expect_json(sseclient_expect(c, "change"), "rev", "1");
    sseclient_close(c);
    wsclient_close(one);
    wsclient_close(two);
}

/* Longer than any of the library's own times. */
static void a_quiet_stream_says_that_it_lives(void **state)
{
    (void)state;
    struct sseclient *c = sseclient_connect(port, STREAM "?tables=QUI-001", VIEWER, NULL);
    struct sse_block b;
    do
        b = sseclient_next(c, WAIT_MS);
    while (b.kind == SSE_NOTE && !strstr(b.comment, "events behind"));
    assert_int_equal(b.kind, SSE_NOTE);
    assert_string_equal(b.comment, "0 events behind");
    struct wsclient *pc = wsclient_login(port, "QUI-001_pc", TOKEN_DEVICE);
    sseclient_expect(c, "change");
    wsclient_close(pc);
    sseclient_close(c);
}

/* --- starting over ---------------------------------------------------------------------------- */

static void expect_reset(struct sseclient *c, const char *why)
{
    const char *data = sseclient_expect(c, "reset");
    expect_json(data, "error", why);
    assert_true(json_number(data, "oldest_seq") >= 1);
    sseclient_expect(c, "status");
    sseclient_close(c);
}

static void a_place_that_is_not_ours(void **state)
{
    (void)state;
    struct wsclient *pc = wsclient_login(port, "RES-001_pc", TOKEN_DEVICE);
    expect_reset(sseclient_connect(port, STREAM, VIEWER, "0123456789abcdef0123456789abcdef:1"),
                 "other epoch");
    struct sseclient *c = sseclient_connect(port, STREAM "?from_seq=1", VIEWER, NULL);
    sseclient_expect(c, "change");
    char *far = test_printf("%.32s:%d", sseclient_id(c), 1000000);
    sseclient_close(c);
    expect_reset(sseclient_connect(port, STREAM, VIEWER, far), "not yet there");
    free(far);
    wsclient_close(pc);
}

static void a_place_that_is_gone(void **state)
{
    (void)state;
    struct agent_proc *a = configured(NO_LIMITS "[store]\nretention_events = 200\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    int64_t deadline = now_ms() + WAIT_MS;
    bool gone = false;
    /* Old events go in small steps when nothing else is to be done; new ones keep it going. */
    while (!gone) {
        assert_true(deadline_left(deadline) > 0);
        updates(pc, 200);
        struct sseclient *c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL);
        struct sse_block b = sseclient_event(c);
        gone = strcmp(b.event, "reset") == 0;
        if (gone) {
            expect_json(b.data, "error", "too old");
            assert_true(json_number(b.data, "oldest_seq") > 1);
            sseclient_expect(c, "status");
            updates(pc, 1);
            uint64_t newest = json_number(sseclient_expect(c, "change"), "seq");
            sseclient_close(c);
            char *target = test_printf(STREAM "?from_seq=%llu", (unsigned long long)newest - 100);
            c = sseclient_connect(at, target, VIEWER, NULL); /* 200 are kept */
            free(target);
            expect_events(c, newest - 101, newest);
        }
        sseclient_close(c);
    }
    wsclient_close(pc);
    agent_proc_destroy(a);
}

/* --- who may ---------------------------------------------------------------------------------- */

static void expect_answer(const char *target, const char *user, const char *last, int status)
{
    struct sseclient *c;
    int got = sseclient_open(port, target, user, last, &c);
    if (got != status)
        test_fail("%s of %s was answered %d, not %d", target, user ? user : "nobody", got, status);
    sseclient_close(c);
}

static void who_may_follow_what(void **state)
{
    static const char device[] = "ROL-001_pc:" TOKEN_DEVICE;
    (void)state;
    expect_answer(STREAM, NULL, NULL, 401);
    expect_answer(STREAM, "wall:WRONG_TOKEN", NULL, 401);
    expect_answer(STREAM "?tables=*", device, NULL, 403);
    expect_answer(STREAM "?tables=ROL-002", device, NULL, 403);
    expect_answer(STREAM "?tables=ROL-001", device, NULL, 200);
    expect_answer(STREAM "?tables=*", VIEWER, NULL, 200);
    expect_answer(STREAM "?tables=ROL-001,ROL-002", "desk:" TOKEN_OPERATOR, NULL, 200);
    expect_answer(STREAM "?tabels=*", VIEWER, NULL, 400);
    expect_answer(STREAM "?from_seq=x", VIEWER, NULL, 400);
    expect_answer(STREAM, VIEWER, "17", 400);
    expect_status("POST", STREAM, "{}", 405);
    /* Without a word of tables a device follows its own. */
    struct wsclient *other = wsclient_login(port, "ROL-002_pc", TOKEN_DEVICE);
    struct wsclient *own = wsclient_login(port, "ROL-001_pc", TOKEN_DEVICE);
    struct sseclient *c = sseclient_connect(port, STREAM, device, NULL);
    expect_json(sseclient_expect(c, "status"), "TABLE_ID", "ROL-001");
    wsclient_ask(other, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ROL-002\"}");
    wsclient_ask(own, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ROL-001\"}");
    expect_json(sseclient_expect(c, "change"), "table_id", "ROL-001");
    sseclient_close(c);
    wsclient_close(other);
    wsclient_close(own);
}

static void a_stream_is_a_connection(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[limits]\nconnections_per_id = 2\n");
    uint16_t at = agent_proc_port(a);
    struct sseclient *one = sseclient_connect(at, STREAM, VIEWER, NULL), *third;
    struct wsclient *two = wsclient_login(at, "wall", TOKEN_VIEWER);
    assert_int_equal(sseclient_open(at, STREAM, VIEWER, NULL, &third), 503);
    struct wsclient *fourth = wsclient_connect(at, "/?id=wall&token=" TOKEN_VIEWER);
    wsclient_expect_close(fourth, 1013, "Try again later");
    wsclient_close(fourth);
    char *mine = test_printf("Authorization: Bearer %s\r\n", VIEWER);
    struct http_answer plain = http_request(at, "GET", "/api/v1/agent", mine, NULL);
    assert_int_equal(plain.status, 200); /* it opens none */
    http_answer_finish(&plain);
    free(mine);
    /* Again and again: who has gone is noticed, though nothing is said to it. */
    for (int i = 0; i < 3; i++) {
        int64_t deadline = now_ms() + WAIT_MS;
        sseclient_close(one);
        while (sseclient_open(at, STREAM, VIEWER, NULL, &one) != 200)
            assert_true(deadline_left(deadline) > 0);
    }
    sseclient_close(one);
    wsclient_close(two);
    agent_proc_destroy(a);
}

static void a_revoked_token_ends_it(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *mine = tokens_line("wall", "viewer", "FIRST_TOKEN", NULL);
    char *yours = tokens_line("desk", "viewer", "SECOND_TOKEN", NULL);
    char *both = test_printf("%s%s", mine, yours);
    const char *file = tmpdir_write(dir, "tokens", 0600, both);
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = dir, .tokens = file});
    uint16_t at = agent_proc_port(a);
    struct sseclient *me = sseclient_connect(at, STREAM, "wall:FIRST_TOKEN", NULL);
    struct sseclient *you = sseclient_connect(at, STREAM, "desk:SECOND_TOKEN", NULL), *again;
    tmpdir_write(dir, "tokens", 0600, yours);
    proc_signal(agent_proc_proc(a), SIGHUP);
    expect_ended(me, "Credentials revoked");
    assert_int_equal(sseclient_open(at, STREAM, "wall:FIRST_TOKEN", NULL, &again), 401);
    proc_signal(agent_proc_proc(a), SIGTERM);
    expect_ended(you, "Server shutting down");
    assert_int_equal(proc_wait(agent_proc_proc(a), WAIT_MS), 0);
    free(both);
    free(yours);
    free(mine);
    agent_proc_destroy(a);
}

/* --- readers ---------------------------------------------------------------------------------- */

/* It reads nothing while 20,000 events pass by, then all of them. */
static void a_slow_reader_gets_it_all(void **state)
{
    enum { ROUNDS = 100, EACH = 200 };
    (void)state;
    struct agent_proc *a = configured(NO_LIMITS "[websocket]\nwrite_timeout = 3600\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    struct sseclient *c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL);
    int small = 65536;
    assert_int_equal(setsockopt(sseclient_fd(c), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    expect_events(c, 0, 1);
    for (int i = 0; i < ROUNDS; i++)
        updates(pc, EACH);
    expect_events(c, 1, 1 + ROUNDS * EACH);
    updates(pc, 10);
    expect_events(c, 1 + ROUNDS * EACH, 11 + ROUNDS * EACH);
    sseclient_close(c);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

static void who_reads_nothing_is_cut(void **state)
{
    (void)state;
    struct agent_proc *a = configured(NO_LIMITS "connections_per_id = 1\n"
                                                "[websocket]\nwrite_timeout = 1\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    struct sseclient *c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL), *again;
    int64_t deadline = now_ms() + WAIT_MS;
    int status;
    /* Until what the kernel holds for it is full. */
    while ((status = sseclient_open(at, STREAM, VIEWER, NULL, &again)) == 503) {
        assert_true(deadline_left(deadline) > 0);
        updates(pc, 1000);
    }
    assert_int_equal(status, 200);
    sseclient_close(again);
    sseclient_close(c);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

static void nothing_may_come_behind_it(void **state)
{
    static const char more[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    (void)state;
    struct sseclient *c = sseclient_connect(port, STREAM "?tables=PIP-001", VIEWER, NULL);
    assert_int_equal(send(sseclient_fd(c), more, sizeof more - 1, MSG_NOSIGNAL), sizeof more - 1);
    while (sseclient_next(c, WAIT_MS).kind == SSE_NOTE)
        ;
    assert_int_equal(sseclient_next(c, WAIT_MS).kind, SSE_END);
    sseclient_close(c);
    expect_status("GET", "/healthz", NULL, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_then_events),
        cmocka_unit_test(it_goes_on_where_it_broke_off),
        cmocka_unit_test(only_what_was_asked_for),
        cmocka_unit_test(a_quiet_stream_says_that_it_lives),
        cmocka_unit_test(a_place_that_is_not_ours),
        cmocka_unit_test(a_place_that_is_gone),
        cmocka_unit_test(who_may_follow_what),
        cmocka_unit_test(a_stream_is_a_connection),
        cmocka_unit_test(a_revoked_token_ends_it),
        cmocka_unit_test(a_slow_reader_gets_it_all),
        cmocka_unit_test(who_reads_nothing_is_cut),
        cmocka_unit_test(nothing_may_come_behind_it),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
