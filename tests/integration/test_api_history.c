/* test_api_history.c - what has become of a table, asked over HTTP (protocol section 5). */
#include <sys/socket.h>
#include <unistd.h>

#include "integration/api_rig.h"
#include "support/port.h"

#define TABLE   "/api/v1/tables/HIS-001"
#define PC      "HIS-001_pc:" TOKEN_DEVICE
#define HISTORY TABLE "/history"

enum { UPDATES = 250 };

static int fill(void **state)
{
    (void)start_agent(state);
    struct wsclient *pc = wsclient_login(port, "HIS-001_pc", TOKEN_DEVICE);
    for (int i = 1; i <= UPDATES; i++) {
        char *text = test_printf("{\"n\":%d,\"sdp\":\"%s\"}", i, i % 2 ? "up" : "down");
        wsclient_ask(pc, text, "{\"status\":\"updated\",\"table_id\":\"HIS-001\"}");
        free(text);
        if (i % 50 == 0)
            wsclient_ask(pc, "{\"event\":\"exception\",\"data\":\"E\"}",
                         "{\"status\":\"received\",\"table_id\":\"HIS-001\"}");
    }
    wsclient_close(pc);
    return 0;
}

/* Goes from page to page; each event's seq follows the one before, changes have all revs. */
static void all_pages(const char *order, const char *limit, int events, int pages)
{
    char *target = test_printf(HISTORY "?order=%s&limit=%s&kinds=changes,exceptions", order, limit);
    bool down = strcmp(order, "desc") == 0;
    uint64_t last = 0;
    int seen = 0, turned = 0;

    while (target) {
        struct http_answer answer = api_ask(VIEWER, "GET", target, NULL, NULL);
        api_check(&answer, target, 200, NULL);
        char path[40], *found;
        for (int i = 0;; i++, seen++) {
            snprintf(path, sizeof path, "events.%d.seq", i);
            if (!(found = json_at(answer.body, path)))
                break;
            uint64_t seq = strtoull(found, NULL, 10);
            free(found);
            if (seen > 0)
                assert_int_equal(seq, down ? last - 1 : last + 1);
            last = seq;
        }
        free(target);
        char *link = api_header(&answer, "link");
        target = link ? test_printf("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
        free(link);
        http_answer_finish(&answer);
        turned++;
    }
    assert_int_equal(seen, events);
    assert_int_equal(turned, pages);
}

static void page_by_page_in_either_order(void **state)
{
    const int events = 1 + UPDATES + UPDATES / 50;

    (void)state;
    all_pages("asc", "100", events, 3);
    all_pages("desc", "100", events, 3);
    all_pages("asc", "64", events, 4);
    all_pages("desc", "1000", events, 1);
}

static struct http_answer history(const char *query)
{
    char *target = test_printf(HISTORY "?%s", query);
    struct http_answer answer = api_ask(VIEWER, "GET", target, NULL, NULL);

    api_check(&answer, target, 200, NULL);
    free(target);
    return answer;
}

static void an_event_is_that_of_mqtt_and_the_stream(void **state)
{
    (void)state;
    struct http_answer answer = history("from_rev=7&limit=1&state=1");
    expect_json(answer.body, "events.0.rev", "7");
    expect_json(answer.body, "events.0.by", "HIS-001_pc");
    expect_json(answer.body, "events.0.via", "websocket");
    expect_json(answer.body, "events.0.changes.n", "[6,7]");
    expect_json(answer.body, "events.0.changes.SDP", "[\"down\",\"up\"]");
    expect_json(answer.body, "state.n", "6");
    expect_json(answer.body, "state.SDP", "down");
    expect_json(answer.body, "state.UPTIME", "6");
    char *link = api_header(&answer, "link");
    assert_non_null(link);
    assert_null(strstr(link, "state="));
    free(link);
    http_answer_finish(&answer);
    answer = history("order=desc&limit=1&kinds=exceptions");
    expect_json(answer.body, "events.0.data", "E");
    http_answer_finish(&answer);
}

/* By time: what a device's clock calls it, in any zone. */
static void by_time(void **state)
{
    (void)state;
    struct http_answer answer = history("from_rev=100&limit=1");
    char *ts = json_at(answer.body, "events.0.ts");
    http_answer_finish(&answer);
    char *query = test_printf("since=%s&kinds=changes&limit=1000", ts);
    answer = history(query);
    free(query);
    char *rev = json_at(answer.body, "events.0.rev");
    assert_true(strtoul(rev, NULL, 10) <= 100); /* others may have the same millisecond */
    free(rev);
    http_answer_finish(&answer);
    query = test_printf("until=%s&kinds=changes&limit=1000&order=desc", ts);
    answer = history(query);
    free(query);
    rev = json_at(answer.body, "events.0.rev");
    assert_true(strtoul(rev, NULL, 10) >= 100);
    free(rev);
    http_answer_finish(&answer);
    free(ts);
    answer = history("since=2100-01-01T00:00:00%2B14:00&state=1");
    expect_json(answer.body, "events", "[]");
    expect_json(answer.body, "state.UPTIME", "250");
    http_answer_finish(&answer);
    answer = history("until=2000-01-01T00:00:00-12:00&state=1");
    expect_json(answer.body, "events", "[]");
    expect_json(answer.body, "state", "null");
    http_answer_finish(&answer);
    api_expect(VIEWER, "GET", HISTORY "?since=today", NULL, 400, NULL);
}

/* While updates are answered, pages are read: all of them are right, and none waits for the others. */
static void beside_updates(void **state)
{
    (void)state;
    struct wsclient *pc = wsclient_login(port, "BUSY-1_pc", TOKEN_DEVICE);
    for (int i = 0; i < 40; i++) {
        wsclient_sendf(pc, "{\"n\":%d}", i);
        struct http_answer answer = history("order=desc&limit=5&state=1");
        expect_json(answer.body, "events.0.rev", "250");
        expect_json(answer.body, "state.UPTIME", "245");
        expect_json(answer.body, "state.n", "245");
        http_answer_finish(&answer);
        wsclient_expect(pc, "{\"status\":\"updated\",\"table_id\":\"BUSY-1\"}");
    }
    wsclient_close(pc);
    api_expect(PC, "GET", HISTORY "?limit=1", NULL, 200, NULL);
    api_expect(PC, "GET", "/api/v1/tables/BUSY-1/history", NULL, 403, NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables/NO-1/history", NULL, 404, NULL);
}

/* An agent that stops with pages on their way does so in order, with nothing left behind. */
static void stopped_while_pages_are_read(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        int fds[16];
        static const char request[] = "GET " HISTORY "?limit=1000&state=1 HTTP/1.1\r\nHost: x\r\n"
                                      "Authorization: Bearer " VIEWER "\r\n\r\n";
        for (int i = 0; i < 16; i++) {
            fds[i] = port_connect(port);
            assert_true(fds[i] >= 0);
            assert_int_equal(send(fds[i], request, sizeof request - 1, MSG_NOSIGNAL),
                             sizeof request - 1);
        }
        for (int i = 0; i < 8; i++)
            close(fds[i]);
        agent_proc_stop(agent);
        for (int i = 8; i < 16; i++)
            close(fds[i]);
        agent_proc_restart(agent);
        port = agent_proc_port(agent);
    }
    struct http_answer answer = history("order=desc&limit=1");
    expect_json(answer.body, "events.0.rev", "250");
    http_answer_finish(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_by_page_in_either_order),
        cmocka_unit_test(an_event_is_that_of_mqtt_and_the_stream),
        cmocka_unit_test(by_time),
        cmocka_unit_test(beside_updates),
        cmocka_unit_test(stopped_while_pages_are_read),
    };
    return cmocka_run_group_tests(tests, fill, stop_agent);
}
