/* test_limits.c - who is told to come again later, and who is cut: limits, revocation, silence (protocol
 * sections 3.1, 6 and 7); and the same over TLS. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "integration/over_tls.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* An agent of the test's own with a configuration. */
static struct agent_proc *configured(const char *config)
{
    return agent_proc_start(&(struct agent_options){.config = config, .tls = tls});
}

/* --- limits ---------------------------------------------------------------------------------- */

static void expect_try_later(uint16_t at, const char *path)
{
    struct wsclient *c = wsclient_connect(at, path);
    wsclient_expect_close(c, 1013, "Try again later");
    wsclient_close(c);
}

static void too_many_connections(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[limits]\nconnections = 2\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *one = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    struct wsclient *two = wsclient_login(at, "ARO-002_x", TOKEN_DEVICE);
    expect_try_later(at, "/?id=ARO-003_x&token=MY_TOKEN");
    wsclient_ask(one, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_ask(two, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-002\"}");
    wsclient_close(one);
    wsclient_close(two);
    agent_proc_destroy(a);
}

static void too_many_connections_of_one_id(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[limits]\nconnections_per_id = 2\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *one = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    struct wsclient *two = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    expect_try_later(at, "/?id=ARO-001_x&token=MY_TOKEN");
    struct wsclient *other = wsclient_login(at, "ARO-001_y", TOKEN_DEVICE);
    wsclient_ask(one, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_ask(two, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(one);
    wsclient_close(two);
    wsclient_close(other);
    agent_proc_destroy(a);
}

/* One line of the tokens file, many tables: so many and no more; who is in stays. */
static void too_many_tables_of_one_line(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *line = tokens_line("ARO-*", "device", TOKEN_DEVICE, NULL);
    char *text = test_printf("%.*s tables=2\n", (int)strcspn(line, "\n"), line);
    struct agent_proc *a = agent_proc_start(
        &(struct agent_options){.tokens = tmpdir_write(dir, "tokens", 0600, text)});
    uint16_t at = agent_proc_port(a);
    struct wsclient *one = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    wsclient_close(wsclient_login(at, "ARO-002_x", TOKEN_DEVICE));
    expect_try_later(at, "/?id=ARO-003_x&token=MY_TOKEN");
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, "is for 2 tables", WAIT_MS));
    wsclient_close(wsclient_login(at, "ARO-002_y", TOKEN_DEVICE));
    wsclient_ask(one, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(one);
    agent_proc_destroy(a);
    free(text);
    free(line);
}

static void too_many_tables(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[limits]\ntables = 1\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *one = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    expect_try_later(at, "/?id=ARO-002_x&token=MY_TOKEN");
    struct wsclient *same = wsclient_login(at, "ARO-001_y", TOKEN_DEVICE);
    wsclient_close(same);
    wsclient_close(one);
    agent_proc_destroy(a);
}

static void wrong_tokens_lock_nobody_out(void **state)
{
    enum { WAITING = 20 };
    (void)state;
    struct agent_proc *a = configured("[limits]\nauth_failures_per_minute = 3\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *guess[WAITING];
    char path[64];
    for (int i = 0; i < WAITING; i++) { /* another device each time */
        snprintf(path, sizeof path, "/?id=ARO-001_%d&token=wrong", i);
        guess[i] = wsclient_connect(at, path);
    }
    /* Those with the right token come in at once, also under an id that was guessed. */
    wsclient_close(wsclient_login(at, "ARO-001_3", TOKEN_DEVICE));
    int64_t before_ms = now_ms();
    for (int i = 0; i < WAITING; i++) {
        wsclient_expect_close(guess[i], 1008, "Invalid credentials");
        wsclient_close(guess[i]);
    }
    struct wsclient *next = wsclient_connect(at, "/?id=ARO-001_x&token=wrong");
    wsclient_expect_close(next, 1008, "Invalid credentials");
    assert_true(now_ms() - before_ms >= 5000);
    wsclient_close(next);
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *log = proc_output(agent_proc_proc(a), PROC_STDERR);
    assert_non_null(strstr(log, "20 wrong logins from 127.0.0.1"));
    assert_null(strstr(log, "21 wrong logins"));
    assert_null(strstr(log, "wrong&"));
    free(log);
    agent_proc_destroy(a);
}

/* "Why can't PC 7 connect?" */
static void the_log_tells_who_came_and_who_did_not(void **state)
{
    static const char *const lines[] = {
        "info login: ARO-001_PC7 from 127.0.0.1 is refused: Invalid credentials",
        "info login: ARO-001_PC7 is here from 127.0.0.1 as device",
        "info login: ARO-001_PC7 from 127.0.0.1 has left: its connection ended",
        "info login: ARO 1 from 127.0.0.1 is refused: Invalid table id",
        "info login: no user id from 127.0.0.1 is refused: Missing authentication parameters",
        "info login: ARO-001_web from 127.0.0.1 is refused: Invalid credentials",
        "debug core: ARO-001_PC7 is refused: Invalid value for sdp",
        "warn auth: ARO-001_PC7 has a token of fewer than 16 characters",
    };
    (void)state;
    const char *listen =
        tls ? "ws://[::]:0,wss://[::]:0" : "ws://[::]:0"; /* for IPv4 as well, told as such */
    const char *args[] = {"--log-level", "debug", "--listen", listen, NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.args = args, .tls = tls});
    uint16_t at = agent_proc_port(a);
    struct wsclient *c = wsclient_connect(at, "/?id=ARO-001_PC7&token=wrong_guess");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
    c = wsclient_connect(at, "/?id=ARO+1&token=MY_TOKEN");
    wsclient_expect_close(c, 1008, "Invalid table id");
    wsclient_close(c);
    c = wsclient_connect(at, "/");
    wsclient_text(c);
    wsclient_send(c, "{}");
    wsclient_expect_close(c, 1008, "Missing authentication parameters");
    wsclient_close(c);
    struct http_answer answer = http_request(
        at, "GET", "/api/v1/agent", "Authorization: Bearer ARO-001_web:wrong_guess\r\n", NULL);
    assert_int_equal(answer.status, 401);
    http_answer_finish(&answer);
    c = wsclient_login(at, "ARO-001_PC7", TOKEN_DEVICE);
    wsclient_send(c, "{\"sdp\":\"sideways\"}");
    wsclient_text(c);
    wsclient_close(c);
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, "has left", WAIT_MS));
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *log = proc_output(agent_proc_proc(a), PROC_STDERR);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(log, lines[i]))
            test_fail("no line '%s' in: %s", lines[i], log);
    assert_null(strstr(log, TOKEN_DEVICE));
    assert_null(strstr(log, "wrong_guess"));
    free(log);
    agent_proc_destroy(a);
}

/* Behind a proxy each client is itself; who is no proxy is believed nothing. */
static void proxies_say_whom_they_speak_for(void **state)
{
    char *long_list =
        test_printf("X-Forwarded-For: %0*d, 203.0.113.9\r\nForwarded: for=8.8.8.8\r\n", 2000, 0);
    const struct {
        const char *headers, *address;
    } cases[] = {
        {"X-Forwarded-For: 9.9.9.9, 203.0.113.7\r\n", "203.0.113.7"},
        {"Forwarded: for=\"[2001:db8::7]:80\";proto=https\r\n", "2001:db8::7"},
        {"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 203.0.113.8\r\n", "203.0.113.8"},
        {long_list, "203.0.113.9"},
        {"X-Forwarded-For: unknown\r\nForwarded: for=8.8.8.8\r\n", "127.0.0.1"},
        {NULL, "127.0.0.1"},
    };
    (void)state;
    for (int trusted = 0; trusted < 2; trusted++) {
        struct agent_proc *a =
            configured(trusted ? "[websocket]\ntrusted_proxies = 10.0.0.0/8,127.0.0.1\n" : "");
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct wsclient *c;
            char *line = test_printf("ARO-001_%zu from %s is refused", i,
                                     trusted ? cases[i].address : "127.0.0.1");
            char *path = test_printf("/?id=ARO-001_%zu&token=wrong", i);
            assert_int_equal(wsclient_upgrade(agent_proc_port(a), path, cases[i].headers, &c), 101);
            wsclient_expect_close(c, 1008, "Invalid credentials");
            wsclient_close(c);
            free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, line, WAIT_MS));
            free(path);
            free(line);
        }
        agent_proc_destroy(a);
    }
    free(long_list);
}

/* --- the PROXY protocol ---------------------------------------------------------------------- */

static int knock(uint16_t port, const void *bytes, size_t len)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        test_fail("cannot connect");
    return fd;
}

/* What the agent says begins with this; it may be nothing but the end. */
static void expect_answer(int fd, const char *start)
{
    char got[256] = "";
    size_t len = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    while (len < strlen(start) || *start == '\0') {
        if (poll(&readable, 1, WAIT_MS) != 1)
            test_fail("no answer");
        ssize_t n = recv(fd, got + len, sizeof got - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    got[strlen(start) ? strlen(start) : len] = '\0';
    assert_string_equal(got, start);
    close(fd);
}

#define REQUEST(id)                                                                                \
    "GET /?id=" id "&token=wrong HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"                    \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                                         \
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

/* With either loop: the library's own waits in another way. */
static void proxies_say_it_before_the_first_byte(void **state)
{
    static const char v1[] = "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n" REQUEST("A_1") "\r\n";
    static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
                             "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                             "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\2" REQUEST("A_2") "\r\n";
    static const char chain[] = "PROXY TCP4 127.0.0.1 10.0.0.1 1 2\r\n" REQUEST(
        "A_3") "X-Forwarded-For: 203.0.113.9\r\n\r\n";
    static const char itself[] = "PROXY UNKNOWN\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char metrics[] = "PROXY TCP4 127.0.0.1 10.0.0.1 1 2\r\n"
                                  "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char nothing[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char *const lines[] = {
        "A_1 from 203.0.113.7 is refused", "A_2 from 2001:db8::7 is refused",
        "A_3 from 203.0.113.9 is refused", "does not begin with a PROXY header"};
    static const char *const loops[] = {"auto", "poll"};
    (void)state;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        char *config = test_printf("[websocket]\nevent_loop = %s\ntrusted_proxies = 127.0.0.1\n"
                                   "proxy_protocol = yes\n",
                                   loops[i]);
        struct agent_proc *a = configured(config);
        uint16_t at = agent_proc_port(a);
        expect_answer(knock(at, v1, sizeof v1 - 1), "HTTP/1.1 101");
        expect_answer(knock(at, v2, sizeof v2 - 1), "HTTP/1.1 101");
        expect_answer(knock(at, chain, sizeof chain - 1), "HTTP/1.1 101");
        expect_answer(knock(at, itself, sizeof itself - 1), "HTTP/1.1 200");
        expect_answer(knock(at, metrics, sizeof metrics - 1), "HTTP/1.1 403");
        close(knock(at, "", 0)); /* to look whether anybody is there */
        expect_answer(knock(at, nothing, sizeof nothing - 1), "");
        for (size_t n = 0; n < sizeof lines / sizeof *lines; n++)
            free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, lines[n], WAIT_MS));
        agent_proc_destroy(a);
        free(config);
    }
}

/* Who is no trusted proxy speaks HTTP as ever; whatever the library makes of a header of his, he is
 * who he is. */
static void others_are_believed_no_header(void **state)
{
    static const char header[] = "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n" REQUEST("A_1") "\r\n";
    (void)state;
    struct agent_proc *a =
        configured("[websocket]\ntrusted_proxies = 10.0.0.0/8\nproxy_protocol = yes\n");
    close(knock(agent_proc_port(a), header, sizeof header - 1));
    wsclient_close(wsclient_login(agent_proc_port(a), "ARO-001_x", TOKEN_DEVICE));
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, "ARO-001_x from 127.0.0.1", WAIT_MS));
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *log = proc_output(agent_proc_proc(a), PROC_STDERR);
    assert_null(strstr(log, "203.0.113.7"));
    free(log);
    agent_proc_destroy(a);
}

/* Who does not take the close stays for a while, and makes room for who comes then. */
static void far_over_the_limit(void **state)
{
    enum { LIMIT = 4, TOLD = 256, MORE = 20 };
    (void)state;
    struct agent_proc *a =
        configured("[limits]\nconnections = 4\nunauthenticated_per_address = 1000\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *in[LIMIT], *told[TOLD];
    for (int i = 0; i < LIMIT; i++)
        in[i] = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    for (int i = 0; i < TOLD; i++)
        told[i] = wsclient_connect(at, "/?id=ARO-001_y&token=MY_TOKEN");
    for (int i = 0; i < MORE; i++)
        expect_try_later(at, "/?id=ARO-001_z&token=MY_TOKEN");
    for (int i = 0; i < TOLD; i++) {
        wsclient_expect_close(told[i], 1013, "Try again later");
        wsclient_close(told[i]);
    }
    for (int i = 0; i < LIMIT; i++) {
        wsclient_ask(in[i], "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
        wsclient_close(in[i]);
    }
    agent_proc_destroy(a);
}

/* --- revoked -------------------------------------------------------------------------------- */

static void revoked_while_connected(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *mine = tokens_line("ARO-001_*", "device", "FIRST_TOKEN", NULL);
    char *yours = tokens_line("ARO-002_*", "device", "SECOND_TOKEN", NULL);
    char *both = test_printf("%s%s", mine, yours);
    const char *file = tmpdir_write(dir, "tokens", 0600, both);
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.data = dir, .tokens = file, .tls = tls});
    uint16_t at = agent_proc_port(a);
    struct wsclient *me = wsclient_login(at, "ARO-001_x", "FIRST_TOKEN");
    struct wsclient *you = wsclient_login(at, "ARO-002_x", "SECOND_TOKEN");

    /* A file with a mistake changes nothing. */
    tmpdir_write(dir, "tokens", 0600, "ARO-002_* devise sha256:00\n");
    proc_signal(agent_proc_proc(a), SIGHUP);
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, "tokens are as before", WAIT_MS));
    wsclient_ask(me, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(wsclient_login(at, "ARO-001_y", "FIRST_TOKEN"));

    tmpdir_write(dir, "tokens", 0600, yours);
    proc_signal(agent_proc_proc(a), SIGHUP);
    wsclient_expect_close(me, 1008, "Credentials revoked");
    wsclient_ask(you, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-002\"}");
    struct wsclient *again = wsclient_connect(at, "/?id=ARO-001_x&token=FIRST_TOKEN");
    wsclient_expect_close(again, 1008, "Invalid credentials");
    wsclient_close(again);
    wsclient_close(me);
    wsclient_close(you);
    free(both);
    free(yours);
    free(mine);
    agent_proc_destroy(a);
}

static void expect_reload(const char *data, int code, const char *word)
{
    char *out, *err;
    int got =
        proc_run((const char *[]){studio_program("studio-agent"), "reload", "--data", data, NULL},
                 NULL, &out, &err);
    if (got != code || !strstr(code == 0 ? out : err, word))
        test_fail("reload: exit %d, not %d with '%s': %s%s", got, code, word, out, err);
    free(out);
    free(err);
}

static void reload_says_what_came_of_it(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *file = tokens_write_default(dir);
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = dir, .tokens = file});
    uint16_t at = agent_proc_port(a);
    struct wsclient *me = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    char *other = tokens_line("ARO-002_*", "device", "OTHER", NULL);
    expect_reload(dir, 0, "3 users read from ");
    tmpdir_write(dir, "tokens", 0600, "ARO-002_* devise sha256:00\n");
    expect_reload(dir, 1, "tokens:1: ");
    wsclient_ask(me, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(wsclient_login(at, "ARO-001_y", TOKEN_DEVICE));
    tmpdir_write(dir, "tokens", 0600, other);
    expect_reload(dir, 0, "1 users read from ");
    /* When it has said so it counts. */
    struct wsclient *again = wsclient_connect(at, "/?id=ARO-001_x&token=MY_TOKEN");
    wsclient_expect_close(again, 1008, "Invalid credentials");
    wsclient_expect_close(me, 1008, "Credentials revoked");
    wsclient_close(again);
    wsclient_close(me);
    free(other);
    agent_proc_destroy(a);
    expect_reload(dir, 1, "no agent runs on ");
}

/* --- silence --------------------------------------------------------------------------------- */

static void the_silent_are_pinged_and_cut(void **state)
{
    (void)state;
    struct agent_proc *a = configured("[websocket]\nping_after = 1\nping_grace = 5\n");
    uint16_t at = agent_proc_port(a);
    struct wsclient *answers = wsclient_login(at, "ARO-001_x", TOKEN_DEVICE);
    struct wsclient *silent = wsclient_login(at, "ARO-001_y", TOKEN_DEVICE);
    wsclient_ignore_pings(silent);
    /* The one that answers is pinged again and again and is still there; the other one is cut meanwhile. A
     * second or two of a busy machine do not count as silence. */
    for (int i = 0; i < 7; i++)
        assert_int_equal(wsclient_next(answers, WAIT_MS).kind, WS_GOT_PING);
    assert_int_equal(wsclient_next(silent, WAIT_MS).kind, WS_GOT_PING);
    struct ws_message end = wsclient_next(silent, WAIT_MS);
    assert_true(end.kind == WS_GOT_END || end.kind == WS_GOT_CLOSE);
    wsclient_drop(silent);
    wsclient_ask(answers, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(answers);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(too_many_connections_of_one_id),
        cmocka_unit_test(too_many_tables),
        cmocka_unit_test(too_many_tables_of_one_line),
        cmocka_unit_test(wrong_tokens_lock_nobody_out),
        cmocka_unit_test(proxies_say_whom_they_speak_for),
        cmocka_unit_test(proxies_say_it_before_the_first_byte),
        cmocka_unit_test(others_are_believed_no_header),
        cmocka_unit_test(the_log_tells_who_came_and_who_did_not),
        cmocka_unit_test(far_over_the_limit),
        cmocka_unit_test(revoked_while_connected),
        cmocka_unit_test(reload_says_what_came_of_it),
        cmocka_unit_test(the_silent_are_pinged_and_cut),
        OVER_TLS(too_many_connections),
        OVER_TLS(too_many_connections_of_one_id),
        OVER_TLS(too_many_tables),
        OVER_TLS(proxies_say_whom_they_speak_for),
        OVER_TLS(the_log_tells_who_came_and_who_did_not),
        OVER_TLS(far_over_the_limit),
        OVER_TLS(revoked_while_connected),
        OVER_TLS(the_silent_are_pinged_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
