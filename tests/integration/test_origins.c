/* test_origins.c - which pages of browsers may connect and change something: those of the agent's own address and
 * those of websocket.origins (agent/README.md, "Browsers"). Programs that are no browsers are asked nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/exposition.h"
#include "support/http.h"
#include "support/port.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"
#include "support/wsclient.h"

#define DEVICE "Authorization: Bearer ARO-001_dealerPC:" TOKEN_DEVICE "\r\n"

/* Asks for an upgrade as `host`, with more headers; what is answered stands in `answer` (NULL: not wanted). */
static int upgrade(uint16_t port, const char *host, const char *more, char answer[1024])
{
    char text[1024], *request;
    size_t len = 0;
    ssize_t n = 1;
    int status = 0, fd = port_connect(port);

    request = test_printf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n",
                          host, more);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    do { /* a refusal ends the connection, who is let in is greeted */
        n = recv(fd, text + len, sizeof text - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
    } while (n > 0 && !strstr(text, "\r\n\r\n"));
    while (n > 0 && !strstr(text, " 101 ") && len < sizeof text - 1) {
        n = recv(fd, text + len, sizeof text - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = '\0';
    if (sscanf(text, "HTTP/1.%*1d %3d", &status) != 1)
        test_fail("no answer to the upgrade: %s", text);
    if (answer)
        memcpy(answer, text, sizeof text);
    close(fd);
    free(request);
    return status;
}

static void expect(uint16_t port, const char *host, const char *more, int status)
{
    int got = upgrade(port, host, more, NULL);

    if (got != status)
        test_fail("%s%s is answered %d, not %d", host, more, got, status);
}

static double refused(uint16_t port)
{
    struct http_answer answer = http_get(port, "/metrics");
    double value = exposition_value(answer.body, "studio_logins_total{result=\"origin\"}");

    http_answer_finish(&answer);
    return value;
}

static void pages_of_other_origins_do_not_connect(void **state)
{
    static const char *const others[] = {
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost\r\n",
        "Origin: http://127.0.0.1:8080\r\n",
        "Origin: http://localhost:8080\r\nOrigin: http://evil.example\r\n",
        "Origin: http://localhost:8080 http://evil.example\r\n",
        /* Nobody's but a trusted proxy's word. */
        "Origin: http://evil.example\r\nX-Forwarded-Host: evil.example\r\n",
    };
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    char answer[1024], *log, *line;
    const size_t count = sizeof others / sizeof *others;

    (void)state;
    for (size_t i = 0; i < count; i++)
        expect(port, "localhost:8080", others[i], 403);
    assert_int_equal(upgrade(port, "localhost:8080", others[0], answer), 403);
    assert_non_null(
        strstr(answer, "{\"error\":\"Origin not allowed: websocket.origins does not name it\"}"));
    assert_true(refused(port) == count + 1);

    expect(port, "localhost:8080", "", 101);
    expect(port, "localhost:8080", "Origin: http://localhost:8080\r\n", 101);
    expect(port, "LOCALHOST:8080", "Origin: http://localhost:8080\r\n", 101);
    expect(port, "[::1]:8080", "Origin: http://[::1]:8080\r\n", 101);
    expect(port, "studio.example", "Origin: https://studio.example\r\n", 101); /* behind a proxy */
    assert_true(refused(port) == count + 1);

    /* One line for all of them. */
    proc_stop(agent_proc_proc(agent), WAIT_MS);
    log = proc_output(agent_proc_proc(agent), PROC_STDERR);
    line = strstr(log, "a page or program of http://evil.example asks for host localhost:8080, "
                       "from 127.0.0.1: it is refused");
    assert_non_null(line);
    assert_non_null(strstr(line, "proxy_set_header Host $http_host"));
    assert_null(strstr(line + 1, "a page or program of"));
    free(log);
    agent_proc_destroy(agent);
}

static int ask(uint16_t port, const char *method, const char *origin, const char *body)
{
    char *headers = test_printf(DEVICE "Origin: %s\r\n", origin);
    struct http_answer answer = http_request(
        port, method, body ? "/api/v1/tables/ARO-001/status" : "/api/v1/tables/ARO-001", headers,
        body);
    int status = answer.status;

    assert_null(strcasestr(answer.headers, "access-control"));
    if (status == 403 && body)
        assert_non_null(strstr(answer.body, "websocket.origins does not name it"));
    http_answer_finish(&answer);
    free(headers);
    return status;
}

static void they_change_nothing_over_http(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    struct wsclient *dealer = wsclient_login(port, "ARO-001_dealerPC", TOKEN_DEVICE);

    (void)state;
    assert_int_equal(ask(port, "POST", "http://evil.example", "{\"sdp\":\"up\"}"), 403);
    assert_int_equal(ask(port, "POST", "null", "{\"sdp\":\"up\"}"), 403);
    assert_int_equal(ask(port, "DELETE", "http://evil.example", NULL), 403);
    wsclient_send(dealer, "{\"event\":\"get\"}");
    assert_non_null(strstr(wsclient_text(dealer), "\"SDP\":\"standby\""));
    /* To read does no harm: the browser shows the page nothing of it. */
    assert_int_equal(ask(port, "GET", "http://evil.example", NULL), 200);
    assert_int_equal(ask(port, "POST", "http://localhost", "{\"sdp\":\"up\"}"), 200);
    assert_true(refused(port) == 3);
    wsclient_close(dealer);
    agent_proc_destroy(agent);
}

static void those_of_the_list_do(void **state)
{
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){
        .config = "[websocket]\norigins = https://ops.example,http://10.0.0.7:3000\n"});
    uint16_t port = agent_proc_port(agent);
    struct wsclient *dealer = wsclient_login(port, "ARO-001_dealerPC", TOKEN_DEVICE);

    (void)state;
    expect(port, "localhost:8080", "Origin: https://ops.example\r\n", 101);
    expect(port, "localhost:8080", "Origin: http://10.0.0.7:3000\r\n", 101);
    expect(port, "localhost:8080", "Origin: http://ops.example\r\n", 403);
    expect(port, "localhost:8080", "Origin: http://localhost:8080\r\n", 101);
    assert_int_equal(ask(port, "POST", "https://ops.example", "{\"sdp\":\"up\"}"), 200);
    wsclient_close(dealer);
    agent_proc_destroy(agent);

    agent = agent_proc_start(&(struct agent_options){.config = "[websocket]\norigins = *\n"});
    expect(agent_proc_port(agent), "localhost:8080", "Origin: http://evil.example\r\n", 101);
    expect(agent_proc_port(agent), "localhost:8080", "Origin: null\r\n", 101);
    agent_proc_destroy(agent);
}

/* It tells what the browser has asked for; a page cannot make one say something else. */
static void a_trusted_proxy_tells_the_address(void **state)
{
    struct agent_proc *agent = agent_proc_start(
        &(struct agent_options){.config = "[websocket]\ntrusted_proxies = 127.0.0.1\n"});
    uint16_t port = agent_proc_port(agent);

    (void)state;
    expect(port, "127.0.0.1:8080",
           "Origin: https://studio.example\r\nX-Forwarded-Host: studio.example\r\n"
           "X-Forwarded-Proto: https\r\n",
           101);
    expect(port, "127.0.0.1:8080",
           "Origin: https://studio.example\r\nX-Forwarded-Host: studio.example:443\r\n", 101);
    expect(port, "127.0.0.1:8080",
           "Origin: https://studio.example:8443\r\n"
           "X-Forwarded-Host: studio.example:8443, inner.example\r\nX-Forwarded-Proto: https\r\n",
           101);
    expect(port, "studio.example", "Origin: https://studio.example\r\n", 101);
    expect(port, "127.0.0.1:8080", "Origin: https://studio.example\r\n", 403);
    expect(port, "127.0.0.1:8080",
           "Origin: http://127.0.0.1:8080\r\nX-Forwarded-Host: studio.example\r\n", 403);
    agent_proc_destroy(agent);
}

/* What programs say of themselves that do not know whether they are browsers: websocket-client makes it of the
 * address, before its version 1.0 with http:// over TLS, too. */
static void programs_that_send_their_own(void **state)
{
    const char *cert = cert_create(tmpdir_create(), "cert.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert), *line;
    const char *args[] = {
        "--listen", "ws://localhost:0,wss://localhost:0", "--tls-cert", cert, "--tls-key", key,
        NULL};
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.args = args});
    struct tunnel *tunnel;
    uint16_t plain = agent_proc_port(agent), tls;

    (void)state;
    line = proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    tunnel = tunnel_create((uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10), NULL);
    tls = tunnel_port(tunnel);
    expect(plain, "studio:8080", "Origin: http://studio:8080\r\n", 101);
    expect(plain, "studio", "Origin: http://studio\r\n", 101);
    expect(tls, "studio:8443", "Origin: https://studio:8443\r\n", 101);
    expect(tls, "studio:8443", "Origin: http://studio:8443\r\n", 101);
    expect(tls, "studio", "Origin: http://studio\r\n", 101);
    expect(tls, "studio:443", "Origin: https://studio\r\n", 101);
    expect(tls, "studio:443", "Origin: http://studio\r\n", 403);
    expect(tls, "studio", "Origin: https://evil.example\r\n", 403);
    tunnel_destroy(tunnel);
    agent_proc_destroy(agent);
    free(line);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_other_origins_do_not_connect),
        cmocka_unit_test(they_change_nothing_over_http),
        cmocka_unit_test(those_of_the_list_do),
        cmocka_unit_test(a_trusted_proxy_tells_the_address),
        cmocka_unit_test(programs_that_send_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
