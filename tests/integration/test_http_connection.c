/* test_http_connection.c - requests seen from close by: what a connection takes, how it ends (protocol section 5). */
#include <errno.h>
#include <fcntl.h>
#include <lws_config.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/http_rig.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/port.h"
#include "support/proc.h"
#include "support/procfs.h"
#include "support/tokens.h"
#include "support/wsclient.h"

struct raw {
    int fd;
    char text[65536]; /* read, not yet taken */
    size_t len;
};

static struct raw *raw_open(void)
{
    struct raw *raw = test_alloc(sizeof *raw);
    raw->fd = port_connect(port);
    if (raw->fd < 0)
        test_fail("nothing accepts on port %u", port);
    return raw;
}

static void raw_close(struct raw *raw)
{
    close(raw->fd);
    free(raw);
}

static void raw_send(struct raw *raw, const char *text)
{
    size_t len = strlen(text);
    if (send(raw->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        test_fail("cannot send: %s", strerror(errno));
}

/* False: the other side has ended. */
static bool raw_more(struct raw *raw)
{
    struct pollfd pfd = {.fd = raw->fd, .events = POLLIN};
    if (poll(&pfd, 1, WAIT_MS) != 1)
        test_fail("nothing comes; so far: %s", raw->text);
    ssize_t n = recv(raw->fd, raw->text + raw->len, sizeof raw->text - raw->len - 1, 0);
    if (n < 0)
        test_fail("the connection was reset; so far: %s", raw->text);
    raw->len += (size_t)n;
    raw->text[raw->len] = '\0';
    return n > 0;
}

/* The next answer: its status, with exactly this body (of Content-Length, none for HEAD). */
static void raw_expect(struct raw *raw, int status, const char *body, bool head)
{
    char *end, *length;
    while (!(end = strstr(raw->text, "\r\n\r\n")))
        if (!raw_more(raw))
            test_fail("the connection ended without an answer %d: %s", status, raw->text);
    size_t len = 0, skip = (size_t)(end + 4 - raw->text);
    *end = '\0';
    if ((length = strcasestr(raw->text, "\r\ncontent-length:")) != NULL)
        len = strtoul(length + 17, NULL, 10);
    if (head)
        len = 0;
    int got = 0;
    if (sscanf(raw->text, "HTTP/1.1 %3d", &got) != 1 || got != status)
        test_fail("answered %s, not %d", raw->text, status);
    while (raw->len < skip + len)
        if (!raw_more(raw))
            test_fail("the connection ended inside a body");
    if (body && (strlen(body) != len || memcmp(raw->text + skip, body, len) != 0))
        test_fail("a body %.*s, not %s", (int)len, raw->text + skip, body);
    raw->len -= skip + len;
    memmove(raw->text, raw->text + skip + len, raw->len + 1);
}

static void raw_expect_end(struct raw *raw)
{
    while (raw_more(raw))
        ;
    assert_string_equal(raw->text, "");
}

static const char ok_body[] = "{\"status\":\"ok\"}";

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    struct raw *raw = raw_open();
    for (int i = 0; i < 3; i++) {
        raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_expect(raw, 200, ok_body, false);
        raw_send(raw, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_expect(raw, 200, NULL, true);
        raw_send(raw, "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_expect(raw, 404, NULL, false);
        raw_send(raw, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
        raw_send(raw, "llo");
        raw_expect(raw, 405, NULL, false);
        raw_send(raw, "PUT /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        raw_expect(raw, 405, NULL, false);
        raw_send(raw, "DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_expect(raw, 405, NULL, false);
    }
    raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_expect(raw, 200, ok_body, false);
    raw_expect_end(raw);
    raw_close(raw);
}

static void the_largest_body_is_taken(void **state)
{
    (void)state;
    struct raw *raw = raw_open();
    char body[16384 + 1];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        raw_send(raw, "POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 16384\r\n\r\n");
        raw_send(raw, body);
        raw_expect(raw, 405, NULL, false);
    }
    raw_close(raw);
}

/* Newer libraries read while an answer is written, and drop the connection for it. */
static void only_where_what_comes_early_waits(void)
{
#if LWS_LIBRARY_VERSION_NUMBER >= 4002000
    skip();
#endif
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    only_where_what_comes_early_waits();
    struct raw *raw = raw_open();
    char *all = test_printf("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        char *more = test_printf("%sGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                                 "HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
                                 all);
        free(all);
        all = more;
    }
    raw_send(raw, all);
    free(all);
    raw_expect(raw, 404, NULL, false);
    for (int i = 0; i < 20; i++) {
        raw_expect(raw, 200, ok_body, false);
        raw_expect(raw, 404, NULL, false);
        raw_expect(raw, 200, NULL, true);
    }
    raw_close(raw);
}

/* Who has not said who he is is read in turns: whoever asks for more before he is answered has his turn all the same. */
static void strangers_at_once_are_all_answered(void **state)
{
    enum { STRANGERS = 50, ROUNDS = 5 };
    struct raw *raws[STRANGERS];

    (void)state;
    only_where_what_comes_early_waits();
    for (int i = 0; i < STRANGERS; i++)
        raws[i] = raw_open();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STRANGERS; i++)
            raw_send(raws[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        for (int i = 0; i < STRANGERS; i++) {
            raw_expect(raws[i], 200, ok_body, false);
            raw_expect(raws[i], 404, NULL, false);
            raw_expect(raws[i], 200, ok_body, false);
        }
    }
    for (int i = 0; i < STRANGERS; i++)
        raw_close(raws[i]);
}

/* What is behind a body newer libraries take for a part of it: the connection ends, rather than that they hang. */
static void expect_behind_a_body(struct raw *raw, int status, const char *body)
{
#if LWS_LIBRARY_VERSION_NUMBER < 4002000
    raw_expect(raw, status, body, false);
#else
    (void)status;
    (void)body;
    raw_expect_end(raw);
#endif
}

static void a_request_behind_a_body_is_answered_or_the_connection_ends(void **state)
{
    (void)state;
    struct raw *raw = raw_open();
    raw_send(raw, "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                  "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_expect(raw, 404, NULL, false);
    expect_behind_a_body(raw, 200, ok_body);
    raw_close(raw);
}

/* The library would loop for ever over a body that came together with the request before it. */
static void a_body_is_not_pipelined(void **state)
{
    static const char waits[] =
        "{\"status\":400,\"title\":\"Wait for an answer before a request with a body\"}";
    static const char *const before[] = {
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
    };
    static const char *const behind[] = {
        "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n",
        "POST /nope HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n",
        "PUT /nope HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT /nope HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        for (size_t k = 0; k < sizeof behind / sizeof *behind; k++) {
            struct raw *raw = raw_open();
            char *both = test_printf("%s%s", before[i], behind[k]);
            raw_send(raw, both);
            free(both);
            raw_expect(raw, i == 0 ? 200 : 405, NULL, false);
            if (i == 0)
                raw_expect(raw, 400, waits, false);
            else
                expect_behind_a_body(raw, 400, waits);
            raw_close(raw);
            expect_status("GET", "/healthz", NULL, 200);
        }
    }
    /* Its head may begin in the read before, the rest comes in one of its own. */
    struct raw *raw = raw_open();
    raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST /no");
    raw_expect(raw, 200, ok_body, false);
    raw_send(raw, "pe HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    raw_expect(raw, 404, NULL, false);
    raw_close(raw);
}

/* A client that says no more than one request is still answered. */
static void half_closed_and_answered(void **state)
{
    (void)state;
    only_where_what_comes_early_waits();
    struct raw *raw = raw_open();
    raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(shutdown(raw->fd, SHUT_WR), 0);
    raw_expect(raw, 200, ok_body, false);
    raw_expect_end(raw);
    raw_close(raw);
}

static void leave_to_send_a_body(void **state)
{
    (void)state;
    struct raw *raw = raw_open();
    raw_send(raw, "POST /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n");
    raw_expect(raw, 100, "", false);
    raw_send(raw, "body");
    raw_expect(raw, 405, NULL, false);
    raw_close(raw);
}

static void bodies_that_are_not_taken(void **state)
{
    static const struct {
        const char *head;
        int status;
    } wrong[] = {
        {"Content-Length: 16385", 413},
        {"Content-Length: 1000000", 413},
        {"Content-Length: 99999999999999999999", 413},
        {"Content-Length: -1", 400},
        {"Content-Length: x", 400},
        {"X-None: 1", 411},
        {"Transfer-Encoding: chunked", 501},
    };
    (void)state;
    char *body = test_alloc(1000001);
    memset(body, 'x', 1000000);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct raw *raw = raw_open();
        char *head = test_printf("POST /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", wrong[i].head);
        raw_send(raw, head);
        free(head);
        if (wrong[i].status == 413) /* the answer arrives though much is still being sent */
            (void)!send(raw->fd, body, 1000000, MSG_NOSIGNAL);
        raw_expect(raw, wrong[i].status, NULL, false);
        raw_expect_end(raw);
        raw_close(raw);
        expect_status("GET", "/healthz", NULL, 200);
    }
    free(body);
}

/* A body whose end nobody knows, all there at once: its connection ends, and is not looked at for ever. */
static void bodies_without_an_end_leave_nothing_behind(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE"};
    static const struct {
        const char *head;
        int post; /* the status; 400 where no body belongs to the method */
    } endless[] = {
        {"Transfer-Encoding: chunked", 501},
        {"Transfer-Encoding: chunked\r\nContent-Length: 4", 501},
        {"Content-Length: x", 400},
        {"Content-Length: -1", 400},
        {"Content-Length: 4\r\nContent-Length: 9", 400},
    };
    (void)state;
    pid_t pid = proc_pid(agent_proc_proc(agent));
    size_t before = procfs_count(pid, "fd"); /* those of earlier tests may still be among them */
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        for (size_t j = 0; j < sizeof endless / sizeof *endless; j++) {
            struct raw *raw = raw_open();
            char *request = test_printf("%s /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"
                                        "5\r\nhello\r\n0\r\n\r\n",
                                        methods[i], endless[j].head);
            raw_send(raw, request);
            free(request);
            raw_expect(raw, strcmp(methods[i], "POST") == 0 ? endless[j].post : 400, NULL,
                       strcmp(methods[i], "HEAD") == 0);
            raw_close(raw);
        }
    int64_t deadline = now_ms() + WAIT_MS;
    while (procfs_count(pid, "fd") > before)
        if (deadline_left(deadline) <= 0)
            test_fail("connections are left behind");
}

/* curl --http2 asks for HTTP/2 in the first request and takes what it gets. */
static void a_wish_for_http2_is_passed_over(void **state)
{
    (void)state;
    struct raw *raw = raw_open();
    for (int i = 0; i < 2; i++) {
        raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n");
        raw_expect(raw, 200, ok_body, false);
        raw_send(raw, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_expect(raw, 200, ok_body, false);
    }
    raw_close(raw);
}

/* Where one end of a request is told in two ways, others read another request behind it. */
static void a_request_has_one_end(void **state)
{
    static const char *const wrong[] = {
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nbody",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        "HEAD /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        "DELETE /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct raw *raw = raw_open();
        raw_send(raw, wrong[i]);
        raw_expect(raw, 400, NULL, wrong[i][0] == 'H');
        raw_expect_end(raw);
        raw_close(raw);
        expect_status("GET", "/healthz", NULL, 200);
    }
}

/* No subprotocol is spoken; a browser that offers one comes in and is named none. */
static void a_subprotocol_is_answered_without_one(void **state)
{
    static const char *const offers[] = {"studio", "mqtt, studio.v1", "a,b", "graphql-ws"};
    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        struct raw *raw = raw_open();
        char *request =
            test_printf("GET /?id=SUB-001_x&token=" TOKEN_DEVICE " HTTP/1.1\r\nHost: x\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n"
                        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                        offers[i]);
        raw_send(raw, request);
        while (!memmem(raw->text, raw->len, "TABLE_ID", 8))
            if (!raw_more(raw))
                test_fail("'%s' was answered: %s", offers[i], raw->text);
        assert_non_null(strstr(raw->text, " 101 "));
        assert_null(strcasestr(raw->text, "Sec-WebSocket-Protocol"));
        raw_close(raw);
        free(request);
    }
}

static void a_close_with_one_byte(void **state)
{
    (void)state;
    struct wsclient *c = wsclient_login(port, "CLO-001_x", TOKEN_DEVICE);
    wsclient_send_frame(c, WS_CLOSE, true, "x", 1);
    wsclient_expect_close(c, 1002, NULL);
    wsclient_close(c);
}

static void leaving_early_does_no_harm(void **state)
{
    static const char *const begun[] = {
        "GET /heal",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 9\r\n\r\nhalf",
    };
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct raw *raw = raw_open();
        raw_send(raw, begun[round % 4]);
        if (round % 8 >= 4) { /* a reset instead of an end */
            struct linger now = {1, 0};
            assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
        }
        raw_close(raw);
    }
    expect_status("GET", "/healthz", NULL, 200);
}

/* One who asks and asks and never reads is no longer read, or cut: nothing piles up for him. */
static void asking_without_reading(void **state)
{
    enum { STALLED_MS = 1500, RSS_MAX_KIB = 16384 };
    static const char ask[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* its own memory is not the agent's */
#endif
    struct raw *raw = raw_open();
    long before = procfs_kib(proc_pid(agent_proc_proc(agent)), "VmRSS");
    int64_t deadline = now_ms() + WAIT_MS;
    int buffer = 65536;
    size_t at = 0;
    assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer), 0);
    assert_int_equal(fcntl(raw->fd, F_SETFL, O_NONBLOCK), 0);
    while (deadline_left(deadline) > 0) {
        ssize_t n = send(raw->fd, ask + at, sizeof ask - 1 - at, MSG_NOSIGNAL);
        struct pollfd pfd = {.fd = raw->fd, .events = POLLOUT};
        if (n > 0)
            at = (at + (size_t)n) % (sizeof ask - 1);
        else if (errno != EAGAIN || poll(&pfd, 1, STALLED_MS) == 0)
            break;
    }
    expect_status("GET", "/healthz", NULL, 200);
    assert_in_range(procfs_kib(proc_pid(agent_proc_proc(agent)), "VmRSS"), 0, before + RSS_MAX_KIB);
    raw_close(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(the_largest_body_is_taken),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(strangers_at_once_are_all_answered),
        cmocka_unit_test(a_request_behind_a_body_is_answered_or_the_connection_ends),
        cmocka_unit_test(a_body_is_not_pipelined),
        cmocka_unit_test(half_closed_and_answered),
        cmocka_unit_test(leave_to_send_a_body),
        cmocka_unit_test(bodies_without_an_end_leave_nothing_behind),
        cmocka_unit_test(bodies_that_are_not_taken),
        cmocka_unit_test(a_wish_for_http2_is_passed_over),
        cmocka_unit_test(a_request_has_one_end),
        cmocka_unit_test(a_subprotocol_is_answered_without_one),
        cmocka_unit_test(a_close_with_one_byte),
        cmocka_unit_test(leaving_early_does_no_harm),
        cmocka_unit_test(asking_without_reading),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
