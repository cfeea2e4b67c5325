/* test_hostile_tls.c - the same as test_hostile at the port for TLS: handshakes that have no end, that come again
 * and again, in thousands; others are served meanwhile, with TLS and without;
 * and who may come in at all. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/port.h"
#include "support/procfs.h"
#include "support/siege.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"
#include "support/wsclient.h"

enum { SITES = 50, GUESTS = 1024, DRIPPING = 400, THOUSANDS = 4000, FLOOD = 500 };
#define NO_LIMITS "[limits]\nupdates_per_second = 0\n"
#define UPDATED   "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"

struct stage {
    const char *cert;
    struct agent_proc *agent;
    uint16_t tls;
    struct tunnel *tunnel;
    struct wsclient *plain, *secret; /* who are in */
    size_t files;
};

static void start(struct stage *s, const char *config)
{
    const char *cert = cert_create(tmpdir_create(), "cert.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert), *line;
    const char *args[] = {
        "--listen", "ws://localhost:0,wss://localhost:0", "--tls-cert", cert, "--tls-key", key,
        NULL};

    memset(s, 0, sizeof *s);
    s->cert = cert;
    s->agent = agent_proc_start(&(struct agent_options){.args = args, .config = config});
    line = proc_wait_line(agent_proc_proc(s->agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    s->tls = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    free(line);
    free(key);
}

static void open_stage(struct stage *s, const char *config)
{
    start(s, config);
    s->tunnel = tunnel_create(s->tls, &(struct tunnel_options){.ca = s->cert});
    s->plain = wsclient_login(agent_proc_port(s->agent), "ARO-001_plain", TOKEN_DEVICE);
    s->secret = wsclient_login(tunnel_port(s->tunnel), "ARO-001_secret", TOKEN_DEVICE);
    s->files = procfs_count(proc_pid(agent_proc_proc(s->agent)), "fd");
}

static void close_stage(struct stage *s)
{
    wsclient_close(s->plain);
    wsclient_close(s->secret);
    tunnel_destroy(s->tunnel);
    agent_proc_destroy(s->agent);
}

/* Who is in is answered, who is not comes in, both ways. */
static void expect_service(const struct stage *s)
{
    const uint16_t ports[] = {agent_proc_port(s->agent), tunnel_port(s->tunnel)};

    for (int i = 0; i < 2; i++) {
        struct wsclient *c = wsclient_login(ports[i], "ARO-001_visitor", TOKEN_DEVICE);
        wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
        wsclient_ask(i ? s->secret : s->plain, "{\"idp\":\"up\"}", UPDATED);
        wsclient_close(c);
    }
}

/* The handshake itself, and what comes behind it. Through the tunnel all come from one address, and each is a
 * thread: they are fewer. */
static void whoever_drips_is_cut(void **state)
{
    static const enum siege_kind kinds[] = {SIEGE_HANDSHAKES, SIEGE_HEADERS, SIEGE_BODIES,
                                            SIEGE_SILENT, SIEGE_MESSAGES};
    enum { KINDS = sizeof kinds / sizeof kinds[0], WITHIN = 12 };
    struct siege *sieges[KINDS];
    struct stage s;
    size_t left;
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    open_stage(&s, NO_LIMITS "[websocket]\nauth_timeout = 3\n");
    for (size_t i = 0; i < KINDS; i++) {
        bool within = kinds[i] != SIEGE_HANDSHAKES;
        sieges[i] = siege_lay(&(struct siege_plan){.kind = kinds[i],
                                                   .port = within ? tunnel_port(s.tunnel) : s.tls,
                                                   .sockets = within ? WITHIN : DRIPPING,
                                                   .sites = SITES,
                                                   .pace_ms = 200});
    }
    do {
        left = 0;
        for (size_t i = 0; i < KINDS; i++) {
            siege_turn(sieges[i]);
            left += siege_first_left(sieges[i]);
        }
        expect_service(&s);
        usleep(20000);
        if (deadline_left(deadline) == 0)
            test_fail("%zu of them are still there", left);
    } while (left > 0);
    for (size_t i = 0; i < KINDS; i++)
        siege_raise(sieges[i]);
    close_stage(&s);
}

static void thousands_that_begin_one(void **state)
{
    const size_t sockets = siege_allow(THOUSANDS);
    struct stage s;
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    open_stage(&s, NO_LIMITS);
    struct siege *siege = siege_lay(&(struct siege_plan){.kind = SIEGE_HANDSHAKES,
                                                         .port = s.tls,
                                                         .sockets = sockets,
                                                         .sites = SITES,
                                                         .step = 250,
                                                         .pace_ms = 1000});
    while (siege_came(siege) < sockets) {
        siege_turn(siege);
        expect_service(&s);
    }
    while (siege_there(siege) > GUESTS)
        if (deadline_left(deadline) == 0)
            test_fail("%zu are still there", siege_there(siege));
    expect_service(&s);
    siege_raise(siege);
    close_stage(&s);
}

static void handshakes_again_and_again(void **state)
{
    struct stage s;
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    open_stage(&s, NO_LIMITS);
    struct siege *siege = siege_lay(&(struct siege_plan){
        .kind = SIEGE_TLS_FLOOD, .port = s.tls, .sockets = 128, .sites = SITES});
    while (siege_served(siege) < FLOOD) {
        siege_turn(siege);
        expect_service(&s);
        if (deadline_left(deadline) == 0)
            test_fail("only %zu handshakes in a minute", siege_served(siege));
    }
    siege_raise(siege);
    while (procfs_count(proc_pid(agent_proc_proc(s.agent)), "fd") > s.files)
        if (deadline_left(deadline) == 0)
            test_fail("something is left of them");
    expect_service(&s);
    close_stage(&s);
}

/* Who guesses waits, whoever has the right token comes in at once. */
static void wrong_tokens_lock_nobody_out(void **state)
{
    enum { GUESSES = 10 };
    struct wsclient *guess[GUESSES];
    struct stage s;

    (void)state;
    open_stage(&s, NO_LIMITS "auth_failures_per_minute = 3\n");
    for (int i = 0; i < GUESSES; i++) {
        char path[64];
        snprintf(path, sizeof path, "/?id=ARO-001_%d&token=wrong", i);
        guess[i] = wsclient_connect(tunnel_port(s.tunnel), path);
    }
    expect_service(&s);
    for (int i = 0; i < GUESSES; i++) {
        wsclient_expect_close(guess[i], 1008, "Invalid credentials");
        wsclient_close(guess[i]);
    }
    close_stage(&s);
}

/* A proxy says for whom it comes before the handshake. */
static void a_proxy_says_it_before_the_handshake(void **state)
{
    static const char preface[] = "PROXY TCP4 10.0.0.7 10.0.0.1 4000 443\r\n";
    static const char request[] =
        "GET /?id=ARO-001_x&token=wrong HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    struct stage s;
    char bytes[1024];

    (void)state;
    start(&s, "[websocket]\ntrusted_proxies = 127.0.0.1\nproxy_protocol = yes\n");
    int fd = port_connect(s.tls);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    assert_int_equal(send(fd, preface, sizeof preface - 1, MSG_NOSIGNAL), sizeof preface - 1);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_int_equal(SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
    assert_true(SSL_read(ssl, bytes, sizeof bytes) > 0);
    assert_memory_equal(bytes, "HTTP/1.1 101", strlen("HTTP/1.1 101"));
    free(proc_wait_line(agent_proc_proc(s.agent), PROC_STDERR, "ARO-001_x from 10.0.0.7 is refused",
                        WAIT_MS));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    agent_proc_destroy(s.agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_drips_is_cut),
        cmocka_unit_test(thousands_that_begin_one),
        cmocka_unit_test(handshakes_again_and_again),
        cmocka_unit_test(wrong_tokens_lock_nobody_out),
        cmocka_unit_test(a_proxy_says_it_before_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
