/* test_client_tls.c - studio-client over wss:// and https://: whom it believes, who it is, and what it says of
 * each failure (protocol section 7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/port.h"
#include "support/proc.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum { ARGS_MAX = 16 };

static const char *dir, *right, *authority, *signed_by_it;

static int make_certificates(void **state)
{
    (void)state;
    dir = tmpdir_create();
    right = cert_create(dir, "right.pem", "DNS:localhost,IP:127.0.0.1,IP:::1");
    authority = cert_create(dir, "authority.pem", "DNS:authority");
    signed_by_it = cert_signed(dir, "signed.pem", "localhost", authority, 2);
    return 0;
}

/* `studio-client --url URL args...` ends with this exit code and says these words. */
static void expect_with(const char *variable, const char *scheme, const char *host, uint16_t port,
                        const char *const *args, int code, const char *words)
{
    const char *const env[] = {"STUDIO_TOKEN=" TOKEN_DEVICE, variable, NULL};
    char *url = test_printf("%s://%s:%u", scheme, host, port), *out, *err;
    const char *argv[ARGS_MAX] = {studio_program("studio-client"), "--url", url};
    int got;

    for (size_t i = 3; *args && i + 1 < ARGS_MAX; i++)
        argv[i] = *args++;
    got = proc_run(argv, env, &out, &err);
    if (got != code || (!strstr(out, words) && !strstr(err, words)))
        fail_msg("%s: exit %d, expected %d and '%s'\n%s%s", url, got, code, words, out, err);
    free(url);
    free(out);
    free(err);
}
#define expect(host, port, args, code, words)                                                      \
    expect_with(NULL, "wss", host, port, args, code, words)

static struct agent_proc *start(const char *cert, const char *client_ca)
{
    char *key = test_printf("%s.key", cert);
    const char *const args[] = {
        "--listen", "ws://localhost:0,wss://localhost:0", "--tls-cert", cert, "--tls-key",
        key,        client_ca ? "--tls-client-ca" : NULL, client_ca,    NULL};
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.args = args});

    free(key);
    return agent;
}

static uint16_t tls_port(struct agent_proc *agent)
{
    char *line =
        proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    uint16_t port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);

    free(line);
    return port;
}

/* A server of OpenSSL; more arguments end with NULL. */
static struct proc *serve(const char *cert, const char *const *more, uint16_t *port)
{
    char *key = test_printf("%s.key", cert), *line;
    const char *argv[ARGS_MAX] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
                                  cert,      "-key",     key};
    struct proc *server;

    for (size_t i = 9; *more && i + 1 < ARGS_MAX; i++)
        argv[i] = *more++;
    server = proc_spawn(argv, NULL);
    line = proc_wait_line(server, PROC_STDOUT, "ACCEPT", WAIT_MS);
    *port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    free(line);
    free(key);
    return server;
}

static void names_and_addresses_are_verified(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    struct agent_proc *agent = start(right, NULL);
    uint16_t port = tls_port(agent);
    char *variable = test_printf("SSL_CERT_FILE=%s", right);

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        expect(hosts[i], port, ARGS("--ca", right, "set", "sdp=up"), 0, "");
        expect(hosts[i], port, ARGS("--ca", right, "history", "ARO-001", "--limit", "1"), 0,
               "\"seq\":1");
        expect(hosts[i], port, ARGS("get"), 3, "its certificate is signed by itself alone");
    }
    expect_with(variable, "wss", "localhost", port, ARGS("get"), 0, "\"TABLE_ID\":\"ARO-001\"");
    expect("localhost", port, ARGS("--ca", right, "--token", "WRONG_TOKEN", "get"), 4,
           "Invalid credentials");
    agent_proc_destroy(agent);
    free(variable);
}

/* The certificates of test servers, what is trusted, and what is said; history asks by HTTP. */
static void each_failure_has_its_own_words(void **state)
{
    const struct {
        const char *cert, *ca, *host, *words;
    } rows[] = {
        {signed_by_it, authority, "localhost", "HTTP 200 instead of a WebSocket"},
        {signed_by_it, signed_by_it, "localhost", "HTTP 200 instead of a WebSocket"},
        {signed_by_it, right, "localhost", "of an authority that is not trusted here; give"},
        {signed_by_it, NULL, "localhost", "of an authority that is not trusted here; give"},
        {signed_by_it, authority, "127.0.0.1",
         "its certificate is for localhost, not for 127.0.0.1; use"},
        {cert_create(dir, "other.pem", "DNS:a.example,IP:192.0.2.7,IP:2001:db8::1"),
         tmpdir_path(dir, "other.pem"), "localhost",
         "its certificate is for a.example, 192.0.2.7, 2001:db8::1, not for localhost; use"},
        {cert_create(dir, "odd.pem",
                     "DER:30:07:87:05:01:02:03:04:05"), /* five bytes of an address */
         tmpdir_path(dir, "odd.pem"), "localhost",
         "its certificate is for odd.pem?of?a?test, not for localhost; use"},
        {cert_signed(dir, "expired.pem", "localhost", authority, -1), authority, "localhost",
         "its certificate has expired (20"},
        {cert_tomorrow(dir, "tomorrow.pem", "DNS:localhost"), tmpdir_path(dir, "tomorrow.pem"),
         "localhost", "its certificate is not valid before 20"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint16_t port;
        struct proc *server = serve(rows[i].cert, (const char *const[]){NULL}, &port);
        bool good = strstr(rows[i].words, "HTTP") != NULL;

        if (rows[i].ca) {
            expect(rows[i].host, port, ARGS("--ca", rows[i].ca, "get"), 3, rows[i].words);
            expect(rows[i].host, port, ARGS("--ca", rows[i].ca, "history"), 3,
                   good ? "the answer is cut short" : rows[i].words);
        } else {
            expect(rows[i].host, port, ARGS("get"), 3, rows[i].words);
        }
        proc_destroy(server);
    }
}

static void versions_before_1_2_are_refused(void **state)
{
    uint16_t port;
    struct proc *server = serve(right, ARGS("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), &port);

    (void)state;
    expect("127.0.0.1", port, ARGS("--ca", right, "get"), 3, "it has to learn TLS 1.2 or later");
    proc_destroy(server);
}

static void a_port_of_the_other_kind_is_told(void **state)
{
    static const char asks[] = "does it speak TLS at this port? Without TLS the address begins";
    struct agent_proc *agent = start(right, NULL);
    uint16_t plain = agent_proc_port(agent), port = tls_port(agent);
    struct port silent;

    (void)state;
    expect("localhost", plain, ARGS("--ca", right, "get"), 3, asks);
    expect("localhost", plain, ARGS("--ca", right, "history"), 3, asks);
    expect_with(NULL, "ws", "localhost", port, ARGS("get"), 3, "the address begins with wss://");
    expect_with(NULL, "ws", "localhost", port, ARGS("history"), 3,
                "the address begins with wss://");
    port_occupy(&silent);
    expect("127.0.0.1", silent.number, ARGS("--ca", right, "--timeout", "0.3", "get"), 3, asks);
    port_release(&silent);
    expect("127.0.0.1", silent.number, ARGS("--ca", right, "get"), 3,
           "is the agent running, and is this its address?");
    agent_proc_destroy(agent);
}

static void the_agent_may_want_a_certificate(void **state)
{
    const char *ours = cert_signed(dir, "ours.pem", "ARO-001_dealerPC", authority, 2);
    const char *old = cert_signed(dir, "old.pem", "ARO-001_dealerPC", authority, -1);
    const char *foreign = cert_signed(dir, "foreign.pem", "ARO-001_dealerPC", right, 2);
    char *key = test_printf("%s.key", ours), *old_key = test_printf("%s.key", old);
    char *foreign_key = test_printf("%s.key", foreign);
    char *join = test_printf("cat %s %s > %s/both.pem", ours, key, dir);
    struct agent_proc *agent = start(right, authority);
    uint16_t port = tls_port(agent);

    (void)state;
    assert_int_equal(proc_run(ARGS("sh", "-c", join), NULL, NULL, NULL), 0);
    expect("localhost", port, ARGS("--ca", right, "--cert", ours, "--key", key, "set", "sdp=up"), 0,
           "");
    expect("localhost", port,
           ARGS("--ca", right, "--cert", tmpdir_path(dir, "both.pem"), "history"), 0, "");
    expect("localhost", port, ARGS("--ca", right, "get"), 3,
           "it wants a certificate of us; give one with --cert and --key");
    expect("localhost", port, ARGS("--ca", right, "history"), 3,
           "it wants a certificate of us; give one with --cert and --key");
    expect("localhost", port, ARGS("--ca", right, "--cert", old, "--key", old_key, "get"), 3,
           "--cert");
    expect("localhost", port, ARGS("--ca", right, "--cert", foreign, "--key", foreign_key, "get"),
           3, "--cert");
    agent_proc_destroy(agent);
    free(key);
    free(old_key);
    free(foreign_key);
    free(join);
}

/* Within a handshake of TLS 1.2 the server's word is always heard. */
static void what_is_wrong_with_our_certificate_is_told(void **state)
{
    const char *old = cert_signed(dir, "old.pem", "ARO-001_dealerPC", authority, -1);
    const char *foreign = cert_signed(dir, "foreign.pem", "ARO-001_dealerPC", right, 2);
    char *old_key = test_printf("%s.key", old), *foreign_key = test_printf("%s.key", foreign);
    uint16_t port;
    struct proc *server =
        serve(right, ARGS("-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", authority),
              &port);

    (void)state;
    expect("127.0.0.1", port, ARGS("--ca", right, "get"), 3, "it wants a certificate of us; give");
    expect("127.0.0.1", port, ARGS("--ca", right, "--cert", old, "--key", old_key, "get"), 3,
           "our certificate has expired; renew that of --cert");
    expect("127.0.0.1", port, ARGS("--ca", right, "--cert", foreign, "--key", foreign_key, "get"),
           3, "it does not know the authority of our certificate");
    proc_destroy(server);
    free(old_key);
    free(foreign_key);
}

static void files_that_cannot_be_used_are_named(void **state)
{
    const char *nothing = tmpdir_write(dir, "nothing.pem", 0600, "nothing\n");
    char *key = test_printf("%s.key", right), *other = test_printf("%s.key", authority);
    char *locked =
        test_printf("openssl pkey -in %s -aes128 -passout pass:x -out %s/locked.key", key, dir);
    const struct {
        const char *const *args;
        const char *words;
    } rows[] = {
        {ARGS("--ca", "/nowhere/ca.pem", "get"),
         "--ca: /nowhere/ca.pem cannot be read: No such file"},
        {ARGS("--ca", nothing, "get"), "--ca: there is no certificate in PEM in"},
        {ARGS("--ca", right, "--key", key, "get"), "--key needs --cert"},
        {ARGS("--ca", right, "--cert", nothing, "get"), "--cert: there is no certificate in PEM"},
        {ARGS("--ca", right, "--cert", right, "get"), "--cert: there is no private key in PEM in"},
        {ARGS("--ca", right, "--cert", right, "--key", other, "get"),
         "is not that of the certificate in"},
        {ARGS("--ca", right, "--cert", right, "--key", tmpdir_path(dir, "locked.key"), "get"),
         "has a password; `openssl pkey -in"},
    };

    (void)state;
    assert_int_equal(proc_run(ARGS("sh", "-c", locked), NULL, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        expect("localhost", 9, rows[i].args, 2, rows[i].words);
    free(key);
    free(other);
    free(locked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_are_verified),
        cmocka_unit_test(each_failure_has_its_own_words),
        cmocka_unit_test(versions_before_1_2_are_refused),
        cmocka_unit_test(a_port_of_the_other_kind_is_told),
        cmocka_unit_test(the_agent_may_want_a_certificate),
        cmocka_unit_test(what_is_wrong_with_our_certificate_is_told),
        cmocka_unit_test(files_that_cannot_be_used_are_named),
    };

    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
