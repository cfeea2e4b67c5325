/* test_api_tables.c - tables read and changed over HTTP (protocol section 5). */
#include "integration/api_rig.h"

#define TABLE "/api/v1/tables/ARO-001"

static void a_table_and_its_tag(void **state)
{
    (void)state;
    api_make_table("ARO-001");
    struct http_answer answer = api_ask(VIEWER, "GET", TABLE, NULL, NULL);
    api_check(&answer, TABLE, 200, NULL);
    expect_json(answer.body, "TABLE_ID", "ARO-001");
    expect_json(answer.body, "SDP", "standby");
    api_expect_header(&answer, "etag", "\"0\"");
    http_answer_finish(&answer);
    answer = api_ask(VIEWER, "GET", TABLE, "If-None-Match: \"5\", W/\"0\"\r\n", NULL);
    api_check(&answer, TABLE, 304, "");
    api_expect_header(&answer, "etag", "\"0\"");
    http_answer_finish(&answer);
    api_expect(DEVICE, "POST", TABLE "/status", "{\"sdp\":\"up\"}", 200,
               "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    answer = api_ask(VIEWER, "GET", TABLE, "If-None-Match: \"0\"\r\n", NULL);
    api_check(&answer, TABLE, 200, NULL); /* it is durable, so it is seen */
    expect_json(answer.body, "SDP", "up");
    http_answer_finish(&answer);
    answer = api_ask(VIEWER, "HEAD", TABLE, NULL, NULL);
    api_check(&answer, TABLE, 200, "");
    api_expect_header(&answer, "etag", "\"1\"");
    http_answer_finish(&answer);
}

static void they_are_listed_page_by_page(void **state)
{
    enum { COUNT = 120 };
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        char id[32];
        snprintf(id, sizeof id, "PAGE-%03d", (i * 7) % COUNT);
        api_make_table(id);
    }
    char *target = test_printf("/api/v1/tables?prefix=PAGE-&limit=50");
    int seen = 0, pages = 0;
    while (target) {
        struct http_answer answer = api_ask(VIEWER, "GET", target, NULL, NULL);
        api_check(&answer, target, 200, NULL);
        for (int i = 0;; i++) {
            char path[48], id[32];
            snprintf(path, sizeof path, "tables.%d.TABLE_ID", i);
            char *found = json_at(answer.body, path);
            if (!found)
                break;
            snprintf(id, sizeof id, "PAGE-%03d", seen++);
            assert_string_equal(found, id);
            free(found);
        }
        free(target);
        char *link = api_header(&answer, "link");
        target = NULL;
        if (link) {
            assert_non_null(strstr(link, ">; rel=\"next\""));
            target = test_printf("%.*s", (int)strcspn(link + 1, ">"), link + 1);
        }
        free(link);
        http_answer_finish(&answer);
        pages++;
    }
    assert_int_equal(seen, COUNT);
    assert_int_equal(pages, 3);
}

static void roles_are_those_of_websocket(void **state)
{
    (void)state;
    api_make_table("ARO-001");
    api_make_table("BAC-002");
    api_expect(NULL, "GET", TABLE, NULL, 401,
               "{\"status\":401,\"title\":\"Missing authentication parameters\"}");
    api_expect("ARO-001:nonsense", "GET", TABLE, NULL, 401,
               "{\"status\":401,\"title\":\"Invalid credentials\"}");
    api_expect(DEVICE, "GET", "/api/v1/tables/BAC-002", NULL, 403,
               "{\"status\":403,\"title\":\"Not permitted\"}");
    api_expect(VIEWER, "POST", TABLE "/status", "{\"sdp\":\"up\"}", 403,
               "{\"status\":403,\"title\":\"Not permitted\"}");
    api_expect(VIEWER, "GET", "/api/v1/tables/NO-1", NULL, 404,
               "{\"status\":404,\"title\":\"Unknown table: NO-1\"}");
    api_expect("NO-1_x:" TOKEN_DEVICE, "POST", "/api/v1/tables/NO-1/status", "{\"sdp\":\"up\"}",
               404, "{\"status\":404,\"title\":\"Unknown table: NO-1\"}");
    api_expect(OPERATOR, "POST", "/api/v1/tables/BAC-002/status", "{\"sdp\":\"calibration\"}", 200,
               NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables?limit=0", NULL, 400,
               "{\"status\":400,\"title\":\"Invalid value for limit: expected 1 to 1000\"}");
    api_expect(OPERATOR, "PATCH", TABLE, "{}", 405, NULL);
    char *large = test_printf("{\"x\":\"%017000d\"}", 0);
    api_expect(OPERATOR, "POST", TABLE "/status", large, 413,
               "{\"status\":413,\"title\":\"Message too large\"}");
    free(large);
}

/* Those who watch hear of it, and who did it. */
static void watchers_hear_of_it(void **state)
{
    (void)state;
    api_make_table("ARO-001");
    struct wsclient *board =
        wsclient_connect(port, "/?id=board&token=" TOKEN_VIEWER "&subscribe=ARO-001");
    (void)wsclient_text(board); /* its own */
    (void)wsclient_until(board, "data.TABLE_ID", "ARO-001");
    api_expect(DEVICE, "POST", TABLE "/status", "{\"note\":\"over http\"}", 200, NULL);
    expect_json(wsclient_until(board, "event", "status"), "data.note", "over http");
    api_expect(DEVICE, "POST", TABLE "/exceptions", "\"NO BALL DETECT\"", 200,
               "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    expect_json(wsclient_until(board, "event", "exception"), "data", "NO BALL DETECT");
    api_expect(OPERATOR, "DELETE", TABLE, NULL, 200,
               "{\"status\":\"removed\",\"table_id\":\"ARO-001\"}");
    (void)wsclient_until(board, "event", "removed");
    api_expect(VIEWER, "GET", TABLE, NULL, 404, NULL);
    wsclient_close(board);
}

static struct http_answer with_key(const char *key, const char *body)
{
    char *header = test_printf("Idempotency-Key: %s\r\n", key);
    struct http_answer answer = api_ask(DEVICE, "POST", TABLE "/status", header, body);

    free(header);
    return answer;
}

static void expect_keyed(const char *key, const char *body, int status, const char *expected)
{
    struct http_answer answer = with_key(key, body);

    api_check(&answer, body, status, expected);
    http_answer_finish(&answer);
}

static void a_request_is_applied_once_over_a_kill(void **state)
{
    static const char done[] =
        "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"k-1\"}";
    (void)state;
    api_make_table("ARO-001");
    expect_keyed("k-1", "{\"n\":1}", 200, done);
    struct http_answer before = api_ask(VIEWER, "GET", TABLE, NULL, NULL);
    expect_keyed("", "{\"n\":1}", 400, NULL); /* a key that was meant, and is none */
    for (int i = 0; i < 2; i++) {
        expect_keyed("k-1", "{\"n\":1}", 200, done);
        expect_keyed("\"k-1\"", "{\"n\":1}", 200, done);
        expect_keyed("k-1", "{\"n\":2}", 409,
                     "{\"status\":409,\"title\":\"request_id already used\",\"request_id\":"
                     "\"k-1\"}");
        agent_proc_kill(agent);
        agent_proc_restart(agent);
        port = agent_proc_port(agent);
    }
    struct http_answer after = api_ask(VIEWER, "GET", TABLE, NULL, NULL);
    assert_string_equal(after.body, before.body);
    http_answer_finish(&before);
    http_answer_finish(&after);
}

/* Whatever stands between them, and however many there are. */
static void no_parameter_is_passed_over(void **state)
{
    (void)state;
    api_make_table("ARO-001");
    api_expect(VIEWER, "GET", "/api/v1/tables?", NULL, 200, NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables?&&limit=1&", NULL, 200, NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables?&limit=0", NULL, 400, NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables?limit=1&&bogus=1", NULL, 400, NULL);
    api_expect(VIEWER, "GET", "/api/v1/stream?&tables=%2F", NULL, 400, NULL);
    api_expect(VIEWER, "GET", "/api/v1/tables?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", NULL, 400,
               "{\"status\":400,\"title\":\"Too many parameters\"}");
    wsclient_close(wsclient_login(port, "ARO-001_pc&&device=x", TOKEN_DEVICE));
}

static void the_rate_is_one_with_websocket(void **state)
{
    static const char config[] = "[limits]\nupdates_per_second = 1\nupdates_burst = 3\n";
    struct agent_proc *outer = agent;
    uint16_t outer_port = port;
    (void)state;
    agent = agent_proc_start(&(struct agent_options){.config = config});
    port = agent_proc_port(agent);
    struct wsclient *pc = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);
    /* However slow this machine is, the bucket gives back one a second only. */
    int refused = 0;
    for (int i = 0; i < 40 && refused == 0; i++) {
        wsclient_send(pc, "{\"sdp\":\"up\"}");
        (void)wsclient_text(pc);
        struct http_answer answer = api_ask(DEVICE, "GET", TABLE, NULL, NULL);
        if (answer.status == 429) {
            api_check(&answer, TABLE, 429, "{\"status\":429,\"title\":\"Rate limit exceeded\"}");
            api_expect_header(&answer, "retry-after", "1");
            refused++;
        }
        http_answer_finish(&answer);
    }
    assert_int_equal(refused, 1);
    wsclient_close(pc);
    agent_proc_destroy(agent);
    agent = outer;
    port = outer_port;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_and_its_tag),
        cmocka_unit_test(they_are_listed_page_by_page),
        cmocka_unit_test(roles_are_those_of_websocket),
        cmocka_unit_test(watchers_hear_of_it),
        cmocka_unit_test(a_request_is_applied_once_over_a_kill),
        cmocka_unit_test(no_parameter_is_passed_over),
        cmocka_unit_test(the_rate_is_one_with_websocket),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
