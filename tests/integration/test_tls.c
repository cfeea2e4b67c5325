/* test_tls.c - wss:// and https://, certificates that change while the agent runs (protocol section 7). */
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/port.h"
#include "support/storedir.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"
#include "support/wsclient.h"

static const char *dir, *cert, *second;
static char *key;

static int make_certificates(void **state)
{
    (void)state;
    dir = tmpdir_create();
    cert = cert_create(dir, "first.pem", "DNS:localhost");
    second = cert_create(dir, "second.pem", "DNS:localhost");
    key = test_printf("%s.key", cert);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    free(key);
    return 0;
}

/* Plain and TLS side by side; `more` arguments end with NULL. */
static struct agent_proc *start(const char *its_cert, const char *its_key, const char *const *more)
{
    const char *args[16] = {"--listen",   "ws://localhost:0,wss://localhost:0",
                            "--tls-cert", its_cert,
                            "--tls-key",  its_key,
                            "--set",      "limits.updates_per_second=0"};
    size_t n = 8;

    while (more && *more)
        args[n++] = *more++;
    return agent_proc_start(&(struct agent_options){.args = args});
}

static uint16_t tls_port(struct agent_proc *agent)
{
    char *line =
        proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    uint16_t port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);

    free(line);
    return port;
}

static void all_that_is_spoken_plain_is_spoken_over_tls(void **state)
{
    struct agent_proc *agent = start(cert, key, NULL);
    struct tunnel *tunnel = tunnel_create(tls_port(agent), &(struct tunnel_options){.ca = cert});
    uint16_t port = tunnel_port(tunnel);
    struct wsclient *dealer = wsclient_login(port, "ARO-001_dealerPC", TOKEN_DEVICE);
    struct wsclient *viewer =
        wsclient_connect(port, "/?id=office&token=" TOKEN_VIEWER "&subscribe=*");
    static const char update[] = "{\"sdp\":\"idle\"}";
    char body[16385];
    struct http_answer answer, plain;

    (void)state;
    (void)wsclient_until(viewer, "TABLE_ID", "office");
    wsclient_ask(dealer, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    (void)wsclient_until(viewer, "data.SDP", "up");
    wsclient_send_frame(dealer, WS_PING, true, "x", 1);
    assert_int_equal(wsclient_next(dealer, WAIT_MS).kind, WS_GOT_PONG);
    /* Read in many pieces, out of one record. */
    memset(body, ' ', sizeof(body) - 1);
    strcpy(body + sizeof(body) - sizeof(update), update);
    answer = http_request(port, "POST", "/api/v1/tables/ARO-001/status",
                          "Authorization: Bearer ARO-001_dealerPC:" TOKEN_DEVICE "\r\n", body);
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "Invalid value for sdp"));
    http_answer_finish(&answer);
    /* Of a stranger, in one record. */
    answer = http_request(port, "POST", "/api/v1/tables/ARO-001/status",
                          "Authorization: Bearer ARO-001_dealerPC:wrong\r\n", update);
    assert_int_equal(answer.status, 401);
    http_answer_finish(&answer);
    answer = http_get(port, "/");
    assert_int_equal(answer.status, 200);
    plain = http_get(agent_proc_port(agent), "/");
    assert_string_equal(answer.body, plain.body);
    http_answer_finish(&plain);
    http_answer_finish(&answer);
    wsclient_close(viewer);
    wsclient_close(dealer);
    tunnel_destroy(tunnel);
    agent_proc_destroy(agent);
}

/* More than is read at once, and more than is answered before reading goes on. */
static void many_messages_in_one_record_are_answered_in_order(void **state)
{
    enum { MESSAGES = 500 };
    struct agent_proc *agent = start(cert, key, NULL);
    struct tunnel *tunnel = tunnel_create(tls_port(agent), &(struct tunnel_options){.ca = cert});
    struct wsclient *c = wsclient_login(tunnel_port(tunnel), "ARO-001_dealerPC", TOKEN_DEVICE);

    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        char *text = test_printf("{\"sdp\":\"%s\",\"request_id\":%d}", i % 2 ? "up" : "down", i);

        wsclient_queue(c, text);
        free(text);
    }
    wsclient_flush(c);
    for (int i = 0; i < MESSAGES; i++) {
        char *text =
            test_printf("{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":%d}", i);

        wsclient_expect(c, text);
        free(text);
    }
    wsclient_close(c);
    tunnel_destroy(tunnel);
    agent_proc_destroy(agent);
}

static void tls_1_2_and_up_and_http_1_1(void **state)
{
    struct agent_proc *agent = start(cert, key, NULL);
    uint16_t port = tls_port(agent);
    char *at = test_printf("localhost:%u", port), *out;
    const char *const ask[] = {"openssl", "s_client", "-connect", at, "-alpn", "h2,http/1.1", NULL};

    (void)state;
    assert_string_equal(tunnel_try(port, &(struct tunnel_options){.version = TLS1_2_VERSION}), "");
    assert_string_equal(tunnel_try(port, &(struct tunnel_options){.version = TLS1_3_VERSION}), "");
    assert_non_null(strstr(tunnel_try(port, &(struct tunnel_options){.version = TLS1_1_VERSION}),
                           "protocol version"));
    assert_int_equal(proc_run(ask, NULL, &out, NULL), 0);
    assert_non_null(strstr(out, "ALPN protocol: http/1.1"));
    free(out);
    free(at);
    agent_proc_destroy(agent);
}

/* Exits with 2 and says each of `words`. */
static void no_start(const char *const *args, const char *words)
{
    const char *argv[24] = {studio_program("studio-agent"), "--data", tmpdir_create()};
    size_t n = 3;
    char *err;

    for (; *args; args++)
        argv[n++] = *args;
    argv[n] = NULL;
    (void)tokens_write_default(argv[2]);
    assert_int_equal(proc_run(argv, NULL, NULL, &err), 2);
    if (!strstr(err, words))
        fail_msg("'%s' does not say '%s'", err, words);
    free(err);
}

static void a_wrong_pair_ends_the_start_and_says_what_is_right(void **state)
{
    char *other = test_printf("%s.key", second);

    (void)state;
    no_start((const char *const[]){"--tls-cert", cert, "--tls-key", other, NULL},
             "is not that of the first certificate in");
    no_start((const char *const[]){"--tls-cert", "/nowhere/c.pem", "--tls-key", key, NULL},
             "websocket.tls_cert: cannot read /nowhere/c.pem: No such file");
    no_start((const char *const[]){"--tls-cert", cert, NULL}, "there is no private key in PEM in");
    no_start((const char *const[]){"--tls-key", key, NULL}, "websocket.tls_key needs");
    no_start((const char *const[]){"--listen", "wss://localhost:0", NULL},
             "wss:// address, which needs websocket.tls_cert");
    free(other);
}

static char *ask_agent(uint16_t port, const char *path)
{
    struct http_answer answer =
        http_request(port, "GET", path, "Authorization: Bearer office:" TOKEN_VIEWER "\r\n", NULL);
    char *body = strdup(answer.body);

    assert_int_equal(answer.status, 200);
    http_answer_finish(&answer);
    return body;
}

static void expect_health(uint16_t port, const char *files)
{
    char *about = ask_agent(port, "/api/v1/agent"), *is = json_at(about, "health.tls.files");
    char *days = json_at(about, "health.tls.days_left");

    assert_string_equal(is, files);
    assert_string_equal(days, "1"); /* of two, less what has passed */
    free(about);
    free(is);
    free(days);
}

static void reload(struct agent_proc *agent, int code, const char *words)
{
    const char *const argv[] = {studio_program("studio-agent"), "reload", "--data",
                                agent_proc_data(agent), NULL};
    char *out, *err;

    assert_int_equal(proc_run(argv, NULL, &out, &err), code);
    if (!strstr(out, words) && !strstr(err, words))
        fail_msg("'%s%s' does not say '%s'", out, err, words);
    free(out);
    free(err);
}

static void replace(const char *file, const char *by)
{
    char *fresh = test_printf("%s.fresh", file), *copy = test_printf("cp %s %s", by, fresh);

    assert_int_equal(proc_run((const char *const[]){"sh", "-c", copy, NULL}, NULL, NULL, NULL), 0);
    assert_int_equal(rename(fresh, file), 0);
    free(copy);
    free(fresh);
}

/* The agent's own files: copies that change. */
static void a_certificate_is_renewed_without_dropping_anyone(void **state)
{
    const char *its = tmpdir_path(tmpdir_create(), "agent.pem");
    char *its_key = test_printf("%s.key", its), *second_key = test_printf("%s.key", second);
    struct agent_proc *agent;
    struct tunnel *tunnel;
    struct wsclient *dealer;
    uint16_t port, plain;
    char *page;

    (void)state;
    replace(its, cert);
    replace(its_key, key);
    agent = start(its, its_key, NULL);
    port = tls_port(agent);
    plain = agent_proc_port(agent);
    tunnel = tunnel_create(port, NULL);
    dealer = wsclient_login(tunnel_port(tunnel), "ARO-001_dealerPC", TOKEN_DEVICE);
    assert_string_equal(tunnel_name(port), "first.pem of a test");
    expect_health(plain, "served");
    page = ask_agent(plain, "/metrics");
    assert_non_null(strstr(page, "\nstudio_tls_days_left 1\n"));
    free(page);

    /* By itself, when its files have changed; half of a pair does no harm. */
    replace(its, second);
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR, "its files were not taken", WAIT_MS));
    assert_string_equal(tunnel_name(port), "first.pem of a test");
    expect_health(plain, "refused");
    replace(its_key, second_key);
    while (strcmp(tunnel_name(port), "second.pem of a test") != 0)
        usleep(20000);
    expect_health(plain, "served");

    /* At once, when it is asked to. */
    replace(its, cert);
    reload(agent, 1, "is not that of the first certificate in");
    reload(agent, 1, "; the tokens are taken, ");
    assert_string_equal(tunnel_name(port), "second.pem of a test");
    tmpdir_write(agent_proc_data(agent), "tokens", 0600, "nonsense\n");
    reload(agent, 1, "tokens:1:"); /* of two mistakes both are told */
    reload(agent, 1, "; and the certificate: the key in ");
    tokens_write_default(agent_proc_data(agent));
    replace(its_key, key);
    reload(agent, 0, "users read from");
    assert_string_equal(tunnel_name(port), "first.pem of a test");

    wsclient_ask(dealer, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(dealer);
    tunnel_destroy(tunnel);
    agent_proc_destroy(agent);
    free(its_key);
    free(second_key);
}

/* A place for each kind of key: what lay in another must not be shown any more. */
static void a_renewal_may_have_another_kind_of_key(void **state)
{
    static const char *const kinds[] = {"rsa", "ed25519", "rsa"};
    const char *its = tmpdir_path(tmpdir_create(), "agent.pem");
    char *its_key = test_printf("%s.key", its);
    struct agent_proc *agent;

    (void)state;
    replace(its, cert);
    replace(its_key, key);
    agent = start(its, its_key, NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *file = test_printf("%s%zu.pem", kinds[i], i),
             *name = test_printf("%s of a test", file);
        const char *made = cert_create_of(kinds[i], dir, file, "DNS:localhost");
        char *made_key = test_printf("%s.key", made);

        replace(its, made);
        replace(its_key, made_key);
        reload(agent, 0, "users read from");
        assert_string_equal(tunnel_name(tls_port(agent)), name);
        free(made_key);
        free(name);
        free(file);
    }
    replace(its, cert);
    replace(its_key, key);
    reload(agent, 0, "users read from");
    assert_string_equal(tunnel_name(tls_port(agent)), "first.pem of a test");
    agent_proc_destroy(agent);
    free(its_key);
}

/* TLS 1.2 says so within the handshake, 1.3 behind it, where it may be lost. */
static void expect_refused(uint16_t port, const char *its_cert, const char *words)
{
    struct tunnel_options options = {.cert = its_cert, .version = TLS1_2_VERSION};
    const char *said = tunnel_try(port, &options);

    if (!strstr(said, words))
        fail_msg("'%s' does not say '%s'", said, words);
    options.version = TLS1_3_VERSION;
    assert_string_not_equal(tunnel_try(port, &options), "");
}

static void clients_may_need_a_certificate_of_an_authority(void **state)
{
    const char *authority = cert_create(dir, "authority.pem", "DNS:authority");
    const char *theirs = cert_signed(dir, "theirs.pem", "ARO-001_dealerPC", authority, 2);
    const char *old = cert_signed(dir, "old.pem", "ARO-001_dealerPC", authority, -1);
    const char *foreign = cert_signed(dir, "foreign.pem", "ARO-001_dealerPC", second, 2);
    struct agent_proc *agent =
        start(cert, key, (const char *const[]){"--tls-client-ca", authority, NULL});
    uint16_t port = tls_port(agent);

    (void)state;
    assert_string_equal(tunnel_try(port, &(struct tunnel_options){.cert = theirs}), "");
    expect_refused(port, NULL, "handshake failure");
    expect_refused(port, old, "certificate expired");
    expect_refused(port, foreign, "unknown ca");
    agent_proc_destroy(agent);
}

/* A connection on which a request has been answered. */
static int stay(uint16_t port)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char answer[4096];
    size_t len = 0;
    int fd = port_connect(port);

    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    do {
        ssize_t n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);

        assert_true(n > 0);
        len += (size_t)n;
    } while (answer[len - 1] != '}');
    return fd;
}

/* Who came by it goes with it, whatever let him in besides; the others stay. */
static void an_authority_may_be_taken_away(void **state)
{
    const char *one = cert_create(dir, "one.pem", "DNS:one"), *both = tmpdir_path(dir, "both.pem");
    const char *two = cert_create(dir, "two.pem", "DNS:two");
    const char *mine = cert_signed(dir, "mine.pem", "ARO-001_a", one, 2);
    const char *yours = cert_signed(dir, "yours.pem", "ARO-001_b", two, 2);
    char *join = test_printf("cat %s %s >%s", one, two, both), byte;
    struct agent_proc *agent;
    struct tunnel *first, *other;
    struct wsclient *goes, *stays;
    int idle = proc_run((const char *const[]){"sh", "-c", join, NULL}, NULL, NULL, NULL);

    (void)state;
    assert_int_equal(idle, 0);
    agent = start(cert, key, (const char *const[]){"--tls-client-ca", both, NULL});
    first = tunnel_create(tls_port(agent), &(struct tunnel_options){.cert = mine});
    other = tunnel_create(tls_port(agent), &(struct tunnel_options){.cert = yours});
    goes = wsclient_login(tunnel_port(first), "ARO-001_a", TOKEN_DEVICE);
    stays = wsclient_login(tunnel_port(other), "ARO-001_b", TOKEN_DEVICE);
    idle = stay(tunnel_port(first));
    replace(both, two);
    reload(agent, 0, "users read from");
    wsclient_expect_close(goes, 1008, "Credentials revoked");
    assert_true(recv(idle, &byte, 1, 0) <= 0);
    expect_refused(tls_port(agent), mine, "unknown ca");
    wsclient_ask(stays, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    close(idle);
    wsclient_close(goes);
    wsclient_close(stays);
    tunnel_destroy(first);
    tunnel_destroy(other);
    agent_proc_destroy(agent);
    free(join);
}

/* Told of, and not counted: clients may know another way to their authority. */
static void one_that_has_expired_behind_ours_is_told(void **state)
{
    const char *old = cert_signed(tmpdir_create(), "old.pem", "an authority", second, -1);
    const char *chain = tmpdir_path(tmpdir_create(), "chain.pem");
    char *join = test_printf("cat %s %s >%s", cert, old, chain);
    struct agent_proc *agent;

    (void)state;
    assert_int_equal(proc_run((const char *const[]){"sh", "-c", join, NULL}, NULL, NULL, NULL), 0);
    agent = start(chain, key, NULL);
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR,
                        "chain.pem has expired: clients that need it", WAIT_MS));
    expect_health(agent_proc_port(agent), "served");
    agent_proc_destroy(agent);
    free(join);
}

static void check_tells_the_days_left(void **state)
{
    char *config = test_printf("[websocket]\ntls_cert = %s\ntls_key = %s\n", cert, key);
    char *wrong = test_printf("[websocket]\ntls_cert = %s\ntls_key = %s.key\n", cert, second);
    const char *file = tmpdir_write(tmpdir_create(), "agent.ini", 0600, config);
    const char *bad = tmpdir_write(tmpdir_create(), "agent.ini", 0600, wrong);
    const char *argv[] = {studio_program("studio-agent"), "check", "-c", file, NULL};
    char *out;

    (void)state;
    assert_int_equal(proc_run(argv, NULL, &out, NULL), 0);
    assert_non_null(strstr(out, "the certificate ends in 1 day"));
    free(out);
    argv[3] = bad;
    assert_int_equal(proc_run(argv, NULL, &out, NULL), 1);
    assert_non_null(strstr(out, "is not that of the first certificate in"));
    free(out);
    free(config);
    free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_spoken_plain_is_spoken_over_tls),
        cmocka_unit_test(many_messages_in_one_record_are_answered_in_order),
        cmocka_unit_test(tls_1_2_and_up_and_http_1_1),
        cmocka_unit_test(a_wrong_pair_ends_the_start_and_says_what_is_right),
        cmocka_unit_test(a_certificate_is_renewed_without_dropping_anyone),
        cmocka_unit_test(a_renewal_may_have_another_kind_of_key),
        cmocka_unit_test(clients_may_need_a_certificate_of_an_authority),
        cmocka_unit_test(an_authority_may_be_taken_away),
        cmocka_unit_test(one_that_has_expired_behind_ours_is_told),
        cmocka_unit_test(check_tells_the_days_left),
    };

    return cmocka_run_group_tests(tests, make_certificates, forget);
}
