/* test_auth.c - who is let in and how, and every row of the close table (protocol section 3.1). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fields.h"
#include "support/json.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define WELCOME "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}"

static struct agent_proc *agent;
static uint16_t port;

static int start_agent(void **state)
{
    (void)state;
    agent = agent_proc_start(NULL);
    port = agent_proc_port(agent);
    return 0;
}

static int stop_agent(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return 0;
}

/* An agent of the test's own with a configuration. */
static struct agent_proc *configured(const char *config)
{
    return agent_proc_start(&(struct agent_options){.config = config});
}

/* The next message is the document of a table that is new. */
static void expect_new_document(struct wsclient *c, const char *table)
{
    const char *text = wsclient_text(c);
    char *stamp = json_at(text, "TIMESTAMP");
    assert_non_null(stamp);
    assert_int_equal(strspn(stamp, "0123456789-T:"), 19);
    assert_int_equal(strlen(stamp), 19);
    char *expected = test_printf("{\"TABLE_ID\":\"%s\",\"UPTIME\":0,\"TIMESTAMP\":\"%s\",%s}",
                                 table, stamp, fields(FIELDS_JSON, ""));
    assert_string_equal(text, expected);
    free(expected);
    free(stamp);
}

static void expect_refused(const char *path, const char *reason)
{
    struct wsclient *c = wsclient_connect(port, path);
    wsclient_expect_close(c, 1008, reason);
    wsclient_close(c);
}

/* --- ways in --------------------------------------------------------------------------------- */

struct way {
    const char *path, *table;
};

static void by_address_in_all_forms(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"/?id=ADR-001_dealerPC&token=MY_TOKEN", "ADR-001"},
        {"/?token=MY_TOKEN&id=ADR-002_dealerPC", "ADR-002"},
        {"/v1/ws?id=ADR-003_dealerPC&token=MY_TOKEN", "ADR-003"},
        {"/?id=ADR-004&token=MY_TOKEN", "ADR-004"},
        {"/?id=ADR-005&device=dealerPC&token=MY_TOKEN", "ADR-005"},
        {"/?id=ADR-006_a&device=b&token=MY_TOKEN", "ADR-006"},
        {"/?id=ADR-007-1-SDP&gameCode=ADR-007-1&token=MY_TOKEN", "ADR-007-1"},
        {"/?id=ADR-008-1&gameCode=ADR-008-1&token=MY_TOKEN", "ADR-008-1"},
        {"/?id=%41DR%2d009%5FdealerPC&token=MY%5FTOKEN", "ADR-009"},
        {"/?id=ADR-010_dealer+PC+2&token=MY_TOKEN", "ADR-010"},
        {"/?id=ADR-011_dealer%20PC&token=MY_TOKEN", "ADR-011"},
        {"/?id=ADR-012_K%C3%A4se_2&token=MY_TOKEN", "ADR-012"},
        {"/?other=1&id=adr.013_x&token=MY_TOKEN&more", "adr.013"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct wsclient *c = wsclient_connect(port, ways[i].path);
        expect_new_document(c, ways[i].table);
        char *answer = test_printf("{\"status\":\"updated\",\"table_id\":\"%s\"}", ways[i].table);
        wsclient_ask(c, "{}", answer);
        wsclient_expect_nothing(c);
        free(answer);
        wsclient_close(c);
    }
}

static void by_bearer_header(void **state)
{
    (void)state;
    struct wsclient *c;
    assert_int_equal(
        wsclient_upgrade(port, "/", "Authorization: Bearer BEA-001_dealerPC:MY_TOKEN\r\n", &c),
        101);
    expect_new_document(c, "BEA-001");
    wsclient_close(c);
    assert_int_equal(
        wsclient_upgrade(port, "/v1/ws", "Authorization: Bearer BEA-001_dealerPC:wrong\r\n", &c),
        101);
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
}

static void by_message_in_all_forms(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"{\"id\":\"MSG-001_dealerPC\",\"token\":\"MY_TOKEN\"}", "MSG-001"},
        {" { \"token\" : \"MY_TOKEN\" , \"id\" : \"MSG-002\" } ", "MSG-002"},
        {"{\"id\":\"MSG-003\",\"device\":\"x y\",\"token\":\"MY_TOKEN\"}", "MSG-003"},
        {"{\"id\":\"MSG-004-1-SDP\",\"gameCode\":\"MSG-004-1\",\"token\":\"MY_TOKEN\"}",
         "MSG-004-1"},
        {"{\"id\":\"MSG-005_K\\u00e4se\",\"token\":\"MY_TOKEN\",\"more\":[1]}", "MSG-005"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct wsclient *c = wsclient_connect(port, "/");
        wsclient_expect(c, WELCOME);
        wsclient_send(c, ways[i].path);
        expect_new_document(c, ways[i].table);
        wsclient_close(c);
    }
}

static void a_second_login_is_answered(void **state)
{
    (void)state;
    static const char again[] = "{\"id\":\"TWO-001_dealerPC\",\"token\":\"MY_TOKEN\"}";
    struct wsclient *c = wsclient_connect(port, "/");
    wsclient_expect(c, WELCOME);
    wsclient_send(c, again);
    expect_new_document(c, "TWO-001");
    wsclient_ask(c, again, "{\"error\":\"Already authenticated\"}");
    wsclient_ask(c, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"TWO-001\"}");
    wsclient_close(c);
    c = wsclient_login(port, "TWO-001_other", TOKEN_DEVICE);
    wsclient_ask(c, again, "{\"error\":\"Already authenticated\"}");
    wsclient_close(c);
}

static void what_comes_with_the_login_is_not_lost(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_connect(port, "/");
    wsclient_queue(c, "{\"id\":\"PIP-001_dealerPC\",\"token\":\"MY_TOKEN\"}");
    wsclient_queue(c, "{\"sdp\":\"up\",\"request_id\":1}");
    wsclient_queue(c, "{\"event\":\"get\",\"request_id\":2}");
    wsclient_flush(c);
    wsclient_expect(c, WELCOME);
    expect_new_document(c, "PIP-001");
    wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"PIP-001\",\"request_id\":1}");
    expect_json(wsclient_text(c), "data.SDP", "up");
    wsclient_close(c);
}

/* --- refused --------------------------------------------------------------------------------- */

static void missing_parameters(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/?id=ARO-001_dealerPC",        "/?token=MY_TOKEN", "/?id=&token=MY_TOKEN",
        "/?id=ARO-001_dealerPC&token=", "/?id=&token=",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_refused(paths[i], "Missing authentication parameters");
    static const char *const messages[] = {
        "{\"id\":\"ARO-001_dealerPC\"}",
        "{\"token\":\"MY_TOKEN\"}",
        "{}",
        "{\"id\":\"\",\"token\":\"MY_TOKEN\"}",
        "{\"id\":1,\"token\":\"MY_TOKEN\"}",
        "{\"sdp\":\"up\"}",
        "[]",
        "hello",
        "",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct wsclient *c = wsclient_connect(port, "/");
        wsclient_expect(c, WELCOME);
        wsclient_send(c, messages[i]);
        wsclient_expect_close(c, 1008, "Missing authentication parameters");
        wsclient_close(c);
    }
}

static void invalid_credentials(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/?id=ARO-001_dealerPC&token=wrong",     "/?id=ARO-001_dealerPC&token=MY_TOKEN2",
        "/?id=ARO-001_dealerPC&token=my_token",  "/?id=ARO-001_dealerPC&token=x",
        "/?id=ARO-001_dealerPC&token=a%20blank",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_refused(paths[i], "Invalid credentials");
    struct wsclient *c = wsclient_connect(port, "/");
    wsclient_expect(c, WELCOME);
    wsclient_send(c, "{\"id\":\"ARO-001_dealerPC\",\"token\":\"wrong\"}");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
}

static void invalid_tables(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/?id=_dealerPC&token=MY_TOKEN",
        "/?id=-ARO_dealerPC&token=MY_TOKEN",
        "/?id=AR%2FO_dealerPC&token=MY_TOKEN",
        "/?id=K%C3%A4se_dealerPC&token=MY_TOKEN",
        "/?id=ARO-001-1-SDP&gameCode=ARO-002&token=MY_TOKEN",
        "/?id=ARO-001-1-SDP&gameCode=ARO-00&token=MY_TOKEN",
        "/?id=ARO-001_a%07b&token=MY_TOKEN",
        "/?id=A123456789012345678901234567890123456789012345678901234567890123456_x"
        "&token=MY_TOKEN",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_refused(paths[i], "Invalid table id");
    /* 64 bytes are as long as it may be. */
    expect_refused("/?id=A12345678901234567890123456789012345678901234567890123456789012345_x"
                   "&token=MY_TOKEN",
                   "Invalid table id");
    struct wsclient *c = wsclient_connect(
        port, "/?id=A123456789012345678901234567890123456789012345678901234567890123_x"
              "&token=MY_TOKEN");
    expect_new_document(c, "A123456789012345678901234567890123456789012345678901234567890123");
    wsclient_close(c);
}

/* The UTC day that is `days` from today, as YYYY-MM-DD. */
static void utc_day(int days, char out[11])
{
    time_t t = time(NULL) + days * 86400;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 11, "%Y-%m-%d", &tm);
}

static void patterns_expiry_and_two_lines(void **state)
{
    (void)state;
    char yesterday[11], tomorrow[11];
    utc_day(-1, yesterday);
    utc_day(1, tomorrow);
    const char *dir = tmpdir_create();
    char *lines[] = {tokens_line("ARO-001_*", "device", "FIRST_TOKEN", NULL),
                     tokens_line("ARO-001_*", "device", "SECOND_TOKEN", tomorrow),
                     tokens_line("ARO-001_*", "device", "OLD_TOKEN", yesterday),
                     tokens_line("ARO-002_deal%20er", "device", "BLANK_TOKEN", NULL)};
    char *text = test_printf("%s%s\n# a comment\n%s%s", lines[0], lines[1], lines[2], lines[3]);
    struct agent_proc *a = agent_proc_start(
        &(struct agent_options){.data = dir, .tokens = tmpdir_write(dir, "mine", 0600, text)});
    free(text);
    for (size_t i = 0; i < 4; i++)
        free(lines[i]);
    static const struct {
        const char *path;
        bool in;
    } cases[] = {
        {"/?id=ARO-001_a&token=FIRST_TOKEN", true},
        {"/?id=ARO-001_b&token=SECOND_TOKEN", true},
        {"/?id=ARO-001_a&token=OLD_TOKEN", false},
        {"/?id=ARO-001&token=FIRST_TOKEN", false},
        {"/?id=ARO-002_a&token=FIRST_TOKEN", false},
        {"/?id=ARO-002_deal+er&token=BLANK_TOKEN", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wsclient *c = wsclient_connect(agent_proc_port(a), cases[i].path);
        if (cases[i].in)
            assert_non_null(strstr(wsclient_text(c), "\"UPTIME\":0"));
        else
            wsclient_expect_close(c, 1008, "Invalid credentials");
        wsclient_close(c);
    }
    agent_proc_destroy(a);
}

static void too_late(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[websocket]\nauth_timeout = 1\n");
    int64_t start = now_ms();
    struct wsclient *late = wsclient_connect(agent_proc_port(a), "/");
    struct wsclient *in_time = wsclient_login(agent_proc_port(a), "ARO-001_x", TOKEN_DEVICE);
    wsclient_expect(late, WELCOME);
    wsclient_expect_close(late, 1008, "Missing authentication parameters");
    assert_true(now_ms() - start >= 900);
    wsclient_close(late);
    wsclient_ask(in_time, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(in_time);
    agent_proc_destroy(a);
}

/* --- frames ---------------------------------------------------------------------------------- */

static void binary_frames(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_login(port, "BIN-001_x", TOKEN_DEVICE);
    wsclient_send_frame(c, WS_BINARY, true, "{}", 2);
    wsclient_expect_close(c, 1003, "Text frames only");
    wsclient_close(c);
    c = wsclient_connect(port, "/");
    wsclient_expect(c, WELCOME);
    wsclient_send_frame(c, WS_BINARY, true, "{}", 2);
    wsclient_expect_close(c, 1003, "Text frames only");
    wsclient_close(c);
}

static void invalid_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"sdp\":\"\xff\"}", "\xc3\x28", "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",   "\xc0\xaf", "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wsclient *c = wsclient_login(port, "UTF-001_x", TOKEN_DEVICE);
        wsclient_send(c, bad[i]);
        wsclient_expect_close(c, 1007, NULL);
        wsclient_close(c);
    }
    /* A sequence that is cut by a frame boundary is whole again with the next frame. */
    struct wsclient *c = wsclient_login(port, "UTF-001_x", TOKEN_DEVICE);
    wsclient_send_frame(c, WS_TEXT, false, "{\"a\":\"\xe2", 7);
    wsclient_send_frame(c, WS_CONT, true, "\x82\xac\"}", 4);
    wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"UTF-001\"}");
    wsclient_close(c);
}

/* A flat update of exactly `len` bytes: {} with blanks. */
static char *padded(size_t len)
{
    char *text = test_alloc(len + 1);
    memset(text, ' ', len);
    text[0] = '{';
    text[len - 1] = '}';
    return text;
}

static void sizes_of_messages(void **state)
{
    (void)state;
    char *fits = padded(16384), *over = padded(16385);
    struct wsclient *c = wsclient_login(port, "BIG-001_x", TOKEN_DEVICE);
    wsclient_ask(c, fits, "{\"status\":\"updated\",\"table_id\":\"BIG-001\"}");
    wsclient_send_frame(c, WS_TEXT, false, fits, 10000);
    wsclient_send_frame(c, WS_CONT, false, fits + 10000, 6000);
    wsclient_send_frame(c, WS_CONT, true, fits + 16000, 384);
    wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"BIG-001\"}");
    wsclient_send(c, over);
    wsclient_expect_close(c, 1009, "Message too large");
    wsclient_close(c);
    c = wsclient_login(port, "BIG-001_x", TOKEN_DEVICE);
    for (int i = 0; i < 3; i++) /* never ending; the agent must not wait for the end */
        wsclient_send_frame(c, i == 0 ? WS_TEXT : WS_CONT, false, fits, 8192);
    wsclient_expect_close(c, 1009, "Message too large");
    wsclient_close(c);
    free(fits);
    free(over);
}

static void answers_owed_come_before_the_close(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_login(port, "OWE-001_x", TOKEN_DEVICE);
    for (int i = 0; i < 20; i++)
        wsclient_queue(c, "{\"sdp\":\"up\"}");
    wsclient_flush(c);
    wsclient_send_frame(c, WS_BINARY, true, "x", 1);
    for (int i = 0; i < 20; i++)
        wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"OWE-001\"}");
    wsclient_expect_close(c, 1003, "Text frames only");
    wsclient_close(c);
}

/* --- secrets --------------------------------------------------------------------------------- */

static void queries_are_not_logged(void **state)
{
    (void)state;
    const char *args[] = {"--log-level", "debug", NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.args = args});
    struct wsclient *c = wsclient_login(agent_proc_port(a), "ARO-001_x", TOKEN_DEVICE);
    wsclient_close(c);
    c = wsclient_connect(agent_proc_port(a), "/?id=ARO-001_x&token=SECRET_GUESS");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *log = proc_output(agent_proc_proc(a), PROC_STDERR);
    assert_null(strstr(log, TOKEN_DEVICE));
    assert_null(strstr(log, "SECRET_GUESS"));
    free(log);
    agent_proc_destroy(a);
}

static void a_stop_closes_with_1001(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    struct wsclient *c = wsclient_login(agent_proc_port(a), "ARO-001_x", TOKEN_DEVICE);
    struct wsclient *waiting = wsclient_connect(agent_proc_port(a), "/");
    wsclient_expect(waiting, WELCOME);
    proc_signal(agent_proc_proc(a), SIGTERM);
    wsclient_expect_close(c, 1001, "Server shutting down");
    wsclient_expect_close(waiting, 1001, "Server shutting down");
    wsclient_close(c);
    wsclient_close(waiting);
    assert_int_equal(proc_wait(agent_proc_proc(a), WAIT_MS), 0);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_address_in_all_forms),
        cmocka_unit_test(by_bearer_header),
        cmocka_unit_test(by_message_in_all_forms),
        cmocka_unit_test(a_second_login_is_answered),
        cmocka_unit_test(what_comes_with_the_login_is_not_lost),
        cmocka_unit_test(missing_parameters),
        cmocka_unit_test(invalid_credentials),
        cmocka_unit_test(invalid_tables),
        cmocka_unit_test(patterns_expiry_and_two_lines),
        cmocka_unit_test(too_late),
        cmocka_unit_test(binary_frames),
        cmocka_unit_test(invalid_utf8),
        cmocka_unit_test(sizes_of_messages),
        cmocka_unit_test(answers_owed_come_before_the_close),
        cmocka_unit_test(queries_are_not_logged),
        cmocka_unit_test(a_stop_closes_with_1001),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
