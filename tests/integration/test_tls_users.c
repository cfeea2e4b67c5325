/* test_tls_users.c - certificates that stand for a user id (auth.certificate_user): who comes in by one, as whom,
 * and until when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"
#include "support/wsclient.h"

#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"

static const char *dir, *cert, *authority, *dealer, *stranger;

static int make_certificates(void **state)
{
    (void)state;
    dir = tmpdir_create();
    cert = cert_create(dir, "agent.pem", "DNS:localhost");
    authority = cert_create(dir, "authority.pem", "DNS:authority");
    dealer = cert_signed(dir, "dealer.pem", "ARO-001_dealerPC", authority, 2);
    stranger = cert_signed(dir, "stranger.pem", "BAC-001_dealerPC", authority, 2);
    return 0;
}

struct stage {
    struct agent_proc *agent;
    const char *data, *tokens;
    uint16_t plain, tls;
};

static const char *write_tokens(const char *where, const char *lines)
{
    char *token = tokens_line("*", "device", TOKEN_DEVICE, NULL);
    char *text = test_printf("%s%s", lines, token);
    const char *file = tmpdir_write(where, "tokens", 0600, text);

    free(text);
    free(token);
    return file;
}

static void open_stage(struct stage *s, const char *user, const char *lines)
{
    char *key = test_printf("%s.key", cert), *line;
    char *config = test_printf("[auth]\ncertificate_user = %s\n", user);
    const char *args[] = {"--listen",
                          "ws://localhost:0,wss://localhost:0",
                          "--tls-cert",
                          cert,
                          "--tls-key",
                          key,
                          "--tls-client-ca",
                          authority,
                          NULL};

    s->data = tmpdir_create();
    s->tokens = write_tokens(s->data, lines);
    s->agent = agent_proc_start(&(struct agent_options){
        .args = args, .config = config, .data = s->data, .tokens = s->tokens});
    s->plain = agent_proc_port(s->agent);
    line = proc_wait_line(agent_proc_proc(s->agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    s->tls = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    free(line);
    free(config);
    free(key);
}

static struct tunnel *tunnel_as(const struct stage *s, const char *its_cert)
{
    return tunnel_create(s->tls, &(struct tunnel_options){.ca = cert, .cert = its_cert});
}

static void expect_table(uint16_t port, const char *path, const char *table)
{
    struct wsclient *c = wsclient_connect(port, path);
    char *is = json_at(wsclient_text(c), "TABLE_ID");

    assert_string_equal(is, table);
    free(is);
    wsclient_close(c);
}

static void expect_refused(uint16_t port, const char *path)
{
    struct wsclient *c = wsclient_connect(port, path);

    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
}

static int ask(uint16_t port, const char *method, const char *path, const char *headers,
               const char *body)
{
    struct http_answer answer = http_request(port, method, path, headers, body);
    int status = answer.status;

    http_answer_finish(&answer);
    return status;
}

/* It is the id, whatever else is said; a line of the tokens file says what it may. */
static void a_common_name_is_the_id(void **state)
{
    struct stage s;
    struct tunnel *tunnel, *other;
    struct wsclient *c;
    uint16_t port;

    (void)state;
    open_stage(&s, "cn", "ARO-001_* device certificate\n");
    tunnel = tunnel_as(&s, dealer);
    port = tunnel_port(tunnel);
    c = wsclient_connect(port, "/");
    (void)wsclient_until(c, "TABLE_ID", "ARO-001");
    free(proc_wait_line(agent_proc_proc(s.agent), PROC_STDERR,
                        "ARO-001_dealerPC is here from 127.0.0.1 as device", WAIT_MS));
    wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
    wsclient_ask(c, "{\"id\":\"ARO-001_dealerPC\",\"token\":\"MY_TOKEN\"}",
                 "{\"error\":\"Already authenticated\"}");
    wsclient_close(c);
    expect_table(port, "/?id=ARO-001_dealerPC", "ARO-001");
    expect_table(port, "/?id=ARO-001&device=dealerPC&token=whatever", "ARO-001");
    expect_refused(port, "/?id=ARO-001_other");
    expect_refused(port, "/?id=BAC-001_dealerPC&token=" TOKEN_DEVICE);

    /* The same over HTTP. */
    assert_int_equal(ask(port, "GET", "/api/v1/tables/ARO-001", NULL, NULL), 200);
    assert_int_equal(ask(port, "POST", "/api/v1/tables/ARO-001/status", NULL, "{\"idp\":\"up\"}"),
                     200);
    assert_int_equal(ask(port, "GET", "/api/v1/tables/ARO-001",
                         "Authorization: Bearer ARO-001_other:" TOKEN_DEVICE "\r\n", NULL),
                     401);

    /* Whom no line names needs a token for his id, and nobody else's. */
    other = tunnel_as(&s, stranger);
    expect_refused(tunnel_port(other), "/");
    expect_refused(tunnel_port(other), "/?id=BAC-001_dealerPC&token=wrong");
    expect_refused(tunnel_port(other), "/?id=ARO-001_dealerPC&token=" TOKEN_DEVICE);
    expect_table(tunnel_port(other), "/?id=BAC-001_dealerPC&token=" TOKEN_DEVICE, "BAC-001");
    assert_int_equal(ask(tunnel_port(other), "GET", "/api/v1/tables/BAC-001", NULL, NULL), 401);

    /* Without TLS it is as ever; nobody is told by a header. */
    c = wsclient_connect(s.plain, "/");
    wsclient_expect(c,
                    "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}");
    wsclient_close(c);
    assert_int_equal(ask(s.plain, "GET", "/api/v1/tables/ARO-001",
                         "X-SSL-Client-CN: ARO-001_dealerPC\r\n"
                         "X-Client-Cert: ARO-001_dealerPC\r\n",
                         NULL),
                     401);
    tunnel_destroy(other);
    tunnel_destroy(tunnel);
    agent_proc_destroy(s.agent);
}

static void a_uri_is_the_id(void **state)
{
    const char *named = cert_signed_also(dir, "named.pem", "somebody",
                                         "DNS:pc,URI:studio:ARO-001_pit%20boss", authority);
    struct stage s;
    struct tunnel *tunnel, *other;
    struct wsclient *c;

    (void)state;
    open_stage(&s, "uri", "ARO-001_pit%20boss device certificate\n");
    tunnel = tunnel_as(&s, named);
    expect_table(tunnel_port(tunnel), "/", "ARO-001");
    expect_table(tunnel_port(tunnel), "/?id=ARO-001_pit+boss", "ARO-001");
    expect_refused(tunnel_port(tunnel), "/?id=somebody&token=" TOKEN_DEVICE);
    /* One that names nobody is good for TLS, and no more. */
    other = tunnel_as(&s, dealer);
    c = wsclient_connect(tunnel_port(other), "/");
    wsclient_expect(c,
                    "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}");
    wsclient_close(c);
    expect_table(tunnel_port(other), "/?id=ARO-002&token=" TOKEN_DEVICE, "ARO-002");
    tunnel_destroy(other);
    tunnel_destroy(tunnel);
    agent_proc_destroy(s.agent);
}

static void reload(const struct stage *s)
{
    const char *const argv[] = {studio_program("studio-agent"), "reload", "--data", s->data, NULL};

    assert_int_equal(proc_run(argv, NULL, NULL, NULL), 0);
}

static void who_has_no_line_any_more_is_closed(void **state)
{
    struct stage s;
    struct tunnel *tunnel;
    struct wsclient *c;

    (void)state;
    open_stage(&s, "cn", "ARO-001_dealerPC device certificate\n");
    tunnel = tunnel_as(&s, dealer);
    c = wsclient_connect(tunnel_port(tunnel), "/");
    (void)wsclient_until(c, "TABLE_ID", "ARO-001");
    (void)write_tokens(s.data, "ARO-* device certificate\nARO-001_dealerPC device certificate\n");
    reload(&s);
    wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
    (void)write_tokens(s.data, "ARO-002 device certificate\n");
    reload(&s);
    wsclient_expect_close(c, 1008, "Credentials revoked");
    wsclient_close(c);
    expect_refused(tunnel_port(tunnel), "/");
    tunnel_destroy(tunnel);
    agent_proc_destroy(s.agent);
}

/* A browser shows it to whoever's page asks for it. */
static void expect_no_other_page(const char *settings)
{
    struct stage s;
    struct tunnel *tunnel;
    struct wsclient *c;
    char *own, *plain;

    open_stage(&s, settings, "* device certificate\n");
    tunnel = tunnel_as(&s, dealer);
    own = test_printf("Origin: https://localhost:%u\r\n", tunnel_port(tunnel));
    plain = test_printf("Origin: http://localhost:%u\r\n", tunnel_port(tunnel));
    assert_int_equal(wsclient_upgrade(tunnel_port(tunnel), "/", own, &c), 101);
    (void)wsclient_until(c, "TABLE_ID", "ARO-001");
    wsclient_close(c);
    assert_int_equal(wsclient_upgrade(tunnel_port(tunnel), "/", plain, &c), 403);
    assert_int_equal(
        wsclient_upgrade(tunnel_port(tunnel), "/", "Origin: https://evil.example\r\n", &c), 403);
    assert_int_equal(ask(tunnel_port(tunnel), "POST", "/api/v1/tables/ARO-001/status",
                         "Origin: https://evil.example\r\n", "{\"sdp\":\"up\"}"),
                     403);
    tunnel_destroy(tunnel);
    agent_proc_destroy(s.agent);
    free(own);
    free(plain);
}

static void no_page_but_our_own_makes_use_of_it(void **state)
{
    (void)state;
    expect_no_other_page("cn");
    /* Nor where a proxy that is believed says nothing of how it was asked. */
    expect_no_other_page("cn\n[websocket]\ntrusted_proxies = 127.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_common_name_is_the_id),
        cmocka_unit_test(a_uri_is_the_id),
        cmocka_unit_test(who_has_no_line_any_more_is_closed),
        cmocka_unit_test(no_page_but_our_own_makes_use_of_it),
    };

    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
