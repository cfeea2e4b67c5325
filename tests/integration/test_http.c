/* test_http.c - the HTTP that answers on the same port (protocol section 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/http_rig.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/port.h"
#include "support/proc.h"
#include "support/tokens.h"
#include "support/wsclient.h"

static void alive_and_ready(void **state)
{
    (void)state;
    expect_status("GET", "/healthz", NULL, 200);
    expect_status("GET", "/readyz", NULL, 200);
    expect_status("GET", "/healthz?x=1", NULL, 200);
}

static void the_broker_is_in_the_body(void **state)
{
    (void)state;
    struct broker *broker = broker_create(&(struct broker_options){.not_started = true});
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.broker = broker_uri(broker)});
    struct http_answer answer = http_get(agent_proc_port(a), "/readyz");
    assert_int_equal(answer.status, 200); /* it serves without one */
    assert_non_null(strstr(answer.body, "broker"));
    char *away = test_printf("%s", answer.body);
    http_answer_finish(&answer);
    broker_start(broker);
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, " connected", WAIT_MS));
    /* The line is written a moment before the body changes. */
    int64_t deadline = now_ms() + WAIT_MS;
    bool changed = false;
    while (!changed && deadline_left(deadline) > 0) {
        answer = http_get(agent_proc_port(a), "/readyz");
        assert_int_equal(answer.status, 200);
        changed = strcmp(answer.body, away) != 0;
        assert_null(strstr(answer.body, "127.0.0.1")); /* which one is not for strangers */
        http_answer_finish(&answer);
    }
    assert_true(changed);
    free(away);
    agent_proc_destroy(a);
    broker_destroy(broker);
}

static void others_are_not_there(void **state)
{
    (void)state;
    expect_status("GET", "/nope", NULL, 404);
    expect_status("GET", "/healthz/x", NULL, 404);
    expect_status("GET", "/../etc/passwd", NULL, 404);
}

static void the_dashboard_is_at_the_root(void **state)
{
    (void)state;
    struct http_answer answer = http_get(port, "/");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.headers, "content-type: text/html; charset=utf-8"));
    assert_non_null(strstr(answer.headers, "content-encoding: gzip"));
    assert_non_null(strstr(answer.headers, "content-security-policy: default-src 'none'; "));
    http_answer_finish(&answer);
    expect_status("GET", "/dashboard/main.js", NULL, 200);
    expect_status("GET", "/dashboard/nope.js", NULL, 404);
    answer = http_request(port, "GET", "/", "Accept-Encoding: br\r\n", NULL);
    assert_int_equal(answer.status, 406);
    http_answer_finish(&answer);
}

static void upgrades_only_where_they_belong(void **state)
{
    (void)state;
    struct wsclient *c;
    assert_int_equal(wsclient_upgrade(port, "/other?id=A_x&token=MY_TOKEN", NULL, &c), 404);
    assert_int_equal(wsclient_upgrade(port, "/healthz", NULL, &c), 404);
    assert_int_equal(wsclient_upgrade(port, "/v1/ws", NULL, &c), 101);
    wsclient_close(c);
}

static void odd_requests_do_no_harm(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n",
        "NONSENSE\r\n\r\n",
        "\r\n\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nUpgrade: foo\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        int fd = port_connect(port);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, odd[i], strlen(odd[i])), strlen(odd[i]));
        close(fd);
        expect_status("GET", "/healthz", NULL, 200);
    }
    struct wsclient *c = wsclient_login(port, "ODD-001_x", TOKEN_DEVICE);
    wsclient_ask(c, "{}", "{\"status\":\"updated\",\"table_id\":\"ODD-001\"}");
    wsclient_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_and_ready),
        cmocka_unit_test(the_broker_is_in_the_body),
        cmocka_unit_test(others_are_not_there),
        cmocka_unit_test(the_dashboard_is_at_the_root),
        cmocka_unit_test(upgrades_only_where_they_belong),
        cmocka_unit_test(odd_requests_do_no_harm),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
