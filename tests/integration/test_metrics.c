/* test_metrics.c - the figures of a running agent, as Prometheus would fetch them (protocol section 5). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/over_tls.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/exposition.h"
#include "support/http.h"
#include "support/proc.h"
#include "support/scene.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define OPEN_METRICS "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n"
/* From a proxy on this machine, for somebody who is not. */
#define ELSEWHERE    "X-Forwarded-For: 192.0.2.7\r\n"
#define TOKEN        "a-token-of-monitoring"

/* The page, free(). */
static char *fetch(uint16_t port, const char *headers)
{
    struct http_answer answer = http_request(port, "GET", "/metrics", headers, NULL);
    const char *type =
        strstr(answer.headers, headers ? "application/openmetrics-text; version=1.0.0"
                                       : "text/plain; version=0.0.4");

    if (answer.status != 200 || !type)
        test_fail("/metrics is answered %s", answer.headers);
    exposition_check(answer.body);
    char *page = test_printf("%s", answer.body);
    http_answer_finish(&answer);
    return page;
}

static double value(uint16_t port, const char *sample)
{
    char *page = fetch(port, NULL);
    double found = exposition_value(page, sample);

    free(page);
    return found;
}

static void wait_for(uint16_t port, const char *sample, double least, double most)
{
    int64_t deadline = now_ms() + WAIT_MS;
    double found = value(port, sample);

    while (!(found >= least && found <= most)) {
        if (deadline_left(deadline) <= 0)
            test_fail("%s is %f, not between %f and %f", sample, found, least, most);
        found = value(port, sample);
    }
}

/* All of section 5 but what tells of TLS, which is not there. */
static void every_figure_of_the_protocol_is_there(void **state)
{
    static const char *const samples[] = {
        "studio_updates_total{via=\"websocket\"}",
        "studio_updates_total{via=\"mqtt\"}",
        "studio_updates_total{via=\"http\"}",
        "studio_refused_total{reason=\"invalid_value\"}",
        "studio_connections{role=\"device\"}",
        "studio_connections{role=\"viewer\"}",
        "studio_connections{role=\"operator\"}",
        "studio_logins_total{result=\"accepted\"}",
        "studio_closed_total{reason=\"silent\"}",
        "studio_tables",
        "studio_seq",
        "studio_acked_seq",
        "studio_backlog_events",
        "studio_backlog_age_seconds",
        "studio_parked_total{kind=\"events\"}",
        "studio_broker_connections_total",
        "studio_store_bytes",
        "studio_store_writable",
        "studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"up\"}",
        "studio_tables_left_out",
        "studio_commit_seconds_count",
        "studio_answer_seconds_sum",
        "studio_publish_seconds_bucket{le=\"+Inf\"}",
    };
    struct scene s;
    struct wsclient *device;

    (void)state;
    scene_open(&s, NULL, 5);
    device = scene_device(&s, "ARO-001_pc");
    uint16_t port = agent_proc_port(s.agent);
    for (int open = 0; open < 2; open++) {
        char *page = fetch(port, open ? OPEN_METRICS : NULL);
        char *broker = test_printf("studio_broker_connected{broker=\"%s\"}", broker_uri(s.broker));

        for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
            (void)exposition_value(page, samples[i]);
        assert_true(exposition_value(page, broker) == 1);
        assert_non_null(strstr(page, "\nstudio_build_info{version="));
        assert_null(strstr(page, "studio_tls_days_left"));
        free(broker);
        free(page);
    }
    wsclient_close(device);
    scene_close(&s);
}

/* Runs a program on the page; fails the test unless it has nothing to complain of. */
static void expect_clean(const char *const argv[], const char *page)
{
    char *out, *err;
    int code = proc_run_on(argv, NULL, page, &out, &err);

    if (code != 0 || *out || *err)
        test_fail("%s ends with %d: %s%s\nof\n%s", argv[0], code, out, err, page);
    free(out);
    free(err);
}

static void others_read_it_without_complaint(void **state)
{
    static const char *const promtool[] = {"/usr/bin/promtool", "check", "metrics", NULL};
    static const char *const python[] = {
        "/usr/bin/python3", "-Bc",
        "import sys\n"
        "from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n"
        "assert len(list(read(sys.stdin.read()))) > 20",
        NULL};
    struct scene s;
    struct wsclient *device;
    char *page;

    (void)state;
    if (access(promtool[0], X_OK) != 0)
        skip();
    scene_open(&s, NULL, 5);
    device = scene_device(&s, "ARO-001_pc");
    scene_updates(device, 20);
    page = fetch(agent_proc_port(s.agent), NULL);
    expect_clean(promtool, page);
    free(page);
    page = fetch(agent_proc_port(s.agent), OPEN_METRICS);
    expect_clean(python, page);
    free(page);
    wsclient_close(device);
    scene_close(&s);
}

static void counters_move(void **state)
{
    struct scene s;
    struct wsclient *device, *refused;

    (void)state;
    scene_open(&s, NULL, 5);
    uint16_t port = agent_proc_port(s.agent);
    char *before = fetch(port, NULL), *after;

    device = scene_device(&s, "ARO-001_pc");
    scene_updates(device, 30);
    wsclient_ask(device, "[]", "{\"error\":\"Update must be a JSON object\"}");
    wsclient_ask(device, "{\"sdp\":\"wrong\"}",
                 "{\"error\":\"Invalid value for sdp: expected one of up, down, standby, "
                 "calibration, exception\"}");
    refused = wsclient_connect(port, "/?id=ARO-001_x&token=no-such-token");
    wsclient_expect_close(refused, 1008, NULL);
    wsclient_close(refused);
    wait_for(port, "studio_acked_seq", 31, 31);
    wait_for(port, "studio_closed_total{reason=\"refused\"}", 1, 1);
    after = fetch(port, NULL);
#define MOVED(sample) (exposition_value(after, sample) - exposition_value(before, sample))
    assert_true(MOVED("studio_updates_total{via=\"websocket\"}") == 30);
    assert_true(MOVED("studio_updates_total{via=\"mqtt\"}") == 0);
    assert_true(MOVED("studio_refused_total{reason=\"not_object\"}") == 1);
    assert_true(MOVED("studio_refused_total{reason=\"invalid_value\"}") == 1);
    assert_true(exposition_sum(after, "studio_refused_total") == 2);
    assert_true(MOVED("studio_connections{role=\"device\"}") == 1);
    assert_true(MOVED("studio_logins_total{result=\"accepted\"}") == 1);
    assert_true(MOVED("studio_logins_total{result=\"credentials\"}") == 1);
    assert_true(MOVED("studio_tables") == 1);
    assert_true(MOVED("studio_seq") == 31);
    assert_true(MOVED("studio_publish_seconds_count") == 31);
    assert_true(MOVED("studio_answer_seconds_count") == 32);
    assert_true(MOVED("studio_commit_seconds_count") >= 1);
    assert_true(MOVED("studio_commit_seconds_count") <= 31);
    assert_true(MOVED("studio_commit_seconds_sum") > 0);
    assert_true(exposition_value(after, "studio_backlog_events") == 0);
    assert_true(exposition_value(after, "studio_backlog_age_seconds") == 0);
    free(before);
    free(after);
    wsclient_close(device);
    wait_for(port, "studio_connections{role=\"device\"}", 0, 0);
    wait_for(port, "studio_closed_total{reason=\"client\"}", 1, 1);
    scene_close(&s);
}

static void ask(uint16_t port, const char *user, const char *method, const char *path,
                const char *body, int status)
{
    char *headers = user ? test_printf("Authorization: Bearer %s\r\n", user) : NULL;
    struct http_answer answer = http_request(port, method, path, headers, body);

    if (answer.status != status)
        test_fail("%s is answered %d %s, not %d", path, answer.status, answer.body, status);
    http_answer_finish(&answer);
    free(headers);
}

static void refusals_over_http_count(void **state)
{
    static const char viewer[] = "wall:" TOKEN_VIEWER, device[] = "ARO-001_pc:" TOKEN_DEVICE;
    static const struct {
        const char *sample;
        double count;
    } expected[] = {
        {"studio_refused_total{reason=\"invalid_value\"}", 2},
        {"studio_refused_total{reason=\"unknown_table\"}", 1},
        {"studio_refused_total{reason=\"not_permitted\"}", 2},
        {"studio_refused_total{reason=\"auth_missing\"}", 1},
        {"studio_refused_total{reason=\"too_large\"}", 1},
    };
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    char *large = test_printf("%0*d", 20000, 0);

    (void)state;
    wsclient_close(wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE));
    ask(port, viewer, "GET", "/api/v1/tables?limit=0", NULL, 400);
    ask(port, viewer, "GET", "/api/v1/tables?bogus=0", NULL, 400);
    ask(port, viewer, "GET", "/api/v1/tables/ARO-009", NULL, 404);
    ask(port, device, "GET", "/api/v1/tables/ARO-009/history", NULL, 403);
    ask(port, viewer, "POST", "/api/v1/tables/ARO-001/status", "{\"sdp\":\"up\"}", 403);
    ask(port, NULL, "GET", "/api/v1/agent", NULL, 401);
    ask(port, device, "POST", "/api/v1/tables/ARO-001/status", large, 413);
    char *page = fetch(port, NULL);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (exposition_value(page, expected[i].sample) != expected[i].count)
            test_fail("%s is %f", expected[i].sample, exposition_value(page, expected[i].sample));
    assert_true(exposition_sum(page, "studio_refused_total") == 7);
    free(large);
    free(page);
    agent_proc_destroy(agent);
}

/* What waits for a broker is counted, and grows older while none is there. */
static void a_backlog_is_seen(void **state)
{
    struct scene s;
    struct wsclient *device;

    (void)state;
    scene_open(&s, NULL, 5);
    device = scene_device(&s, "ARO-001_pc");
    uint16_t port = agent_proc_port(s.agent);
    char *broker = test_printf("studio_broker_connected{broker=\"%s\"}", broker_uri(s.broker));

    wait_for(port, "studio_acked_seq", 1, 1);
    broker_stop(s.broker);
    wait_for(port, broker, 0, 0);
    scene_updates(device, 5);
    wait_for(port, "studio_backlog_events", 5, 5);
    wait_for(port, "studio_backlog_age_seconds", 0.5, 1e6);
    broker_start(s.broker);
    wait_for(port, "studio_backlog_events", 0, 0);
    assert_true(value(port, "studio_backlog_age_seconds") == 0);
    wait_for(port, broker, 1, 1);
    assert_true(value(port, "studio_broker_connections_total") >= 2);
    free(broker);
    wsclient_close(device);
    scene_close(&s);
}

static void tables_beyond_the_bound_are_counted(void **state)
{
    struct agent_proc *agent =
        agent_proc_start(&(struct agent_options){.config = "[metrics]\ntables = 1\n"});
    uint16_t port = agent_proc_port(agent);
    struct wsclient *first = wsclient_login(port, "ARO-002_pc", TOKEN_DEVICE);
    struct wsclient *second = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);

    (void)state;
    wsclient_ask(second, "{\"sdp\":\"calibration\"}",
                 "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    char *page = fetch(port, NULL);
    assert_true(exposition_has(
        page, "studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"calibration\"} 1"));
    assert_true(exposition_has(
        page, "studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"standby\"} 0"));
    assert_null(strstr(page, "table=\"ARO-002\""));
    assert_true(exposition_value(page, "studio_tables") == 2);
    assert_true(exposition_value(page, "studio_tables_left_out") == 1);
    free(page);
    wsclient_close(first);
    wsclient_close(second);
    agent_proc_destroy(agent);
}

static void expect_status(uint16_t port, const char *headers, int status, const char *title)
{
    struct http_answer answer = http_request(port, "GET", "/metrics", headers, NULL);

    if (answer.status != status || (title && !strstr(answer.body, title)))
        test_fail("with %s: %d %s, not %d", headers ? headers : "nothing", answer.status,
                  answer.body, status);
    http_answer_finish(&answer);
}

static void this_machine_alone_or_who_has_the_token(void **state)
{
    /* A proxy of this machine that does not say for whom, or says what its client told it to. */
    static const char *const forwarded[] = {
        "X-Forwarded-For: unix:\r\n",
        "X-Forwarded-For:\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Forwarded-For: unknown\r\nForwarded: for=127.0.0.1\r\n",
        "Forwarded: for=unknown\r\n",
        "Forwarded: for=\"[::1]\"\r\n",
        "Forwarded:\r\n",
    };
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){
        .tls = tls, .config = "[websocket]\ntrusted_proxies = 127.0.0.1\n"});
    uint16_t port = agent_proc_port(agent);

    (void)state;
    expect_status(port, NULL, 200, NULL);
    expect_status(port, ELSEWHERE, 403, "Not permitted");
    expect_status(port, ELSEWHERE "Authorization: Bearer " TOKEN "\r\n", 403, "Not permitted");
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        expect_status(port, forwarded[i], 403, "Not permitted");
    char *long_one = test_printf("X-Forwarded-For: %0*d, 192.0.2.7\r\n", 2000, 0);
    expect_status(port, long_one, 403, "Not permitted");
    free(long_one);
    agent_proc_destroy(agent);
    agent = agent_proc_start(&(struct agent_options){
        .tls = tls}); /* whoever speaks for others is not believed, but heard */
    expect_status(agent_proc_port(agent), NULL, 200, NULL);
    expect_status(agent_proc_port(agent), ELSEWHERE, 403, "Not permitted");
    agent_proc_destroy(agent);
    agent = agent_proc_start(
        &(struct agent_options){.tls = tls,
                                .config = "[websocket]\ntrusted_proxies = 127.0.0.1\n"
                                          "[metrics]\ntoken = " TOKEN "\n"});
    port = agent_proc_port(agent);
    expect_status(port, NULL, 200, NULL);
    expect_status(port, ELSEWHERE, 401, "Missing authentication parameters");
    expect_status(port, ELSEWHERE "Authorization: Bearer another\r\n", 401, "Invalid credentials");
    expect_status(port, ELSEWHERE "Authorization: Bearer " TOKEN "\r\n", 200, NULL);
    struct http_answer answer = http_request(port, "DELETE", "/metrics", NULL, NULL);
    assert_int_equal(answer.status, 405);
    http_answer_finish(&answer);
    agent_proc_destroy(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_of_the_protocol_is_there),
        cmocka_unit_test(others_read_it_without_complaint),
        cmocka_unit_test(counters_move),
        cmocka_unit_test(refusals_over_http_count),
        cmocka_unit_test(a_backlog_is_seen),
        cmocka_unit_test(tables_beyond_the_bound_are_counted),
        cmocka_unit_test(this_machine_alone_or_who_has_the_token),
        OVER_TLS(this_machine_alone_or_who_has_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
