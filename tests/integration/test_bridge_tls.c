/* test_bridge_tls.c - who the broker is and who we are: certificates, logins, and the words for what is
 * wrong with them; the bridge with an agent in memory. */
#include <sys/stat.h>

#include "bridge/trial.h"
#include "support/certs.h"
#include "support/port.h"
#include "support/tmpdir.h"

#include "integration/bridge_rig.h"

static void tls_checks_who_the_broker_is(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "broker.pem", "DNS:localhost");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost");
    struct port port;
    struct broker_options options = {.extra = NULL};
    struct broker *broker;
    struct bridge_config config;
    struct bridge_stats stats;
    char *extra, *uri;

    (void)state;
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n", port.number, cert,
                        cert);
    options.extra = extra;
    broker = broker_create(&options);
    uri = test_printf("mqtts://localhost:%u", port.number);
    config = config_for(uri);
    config.ca_file = cert;
    start(&config);
    wait_connected(uri, 1);
    commit(10);
    wait_acked(10);
    stop();
    config.ca_file = other;
    start(&config);
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, "OpenSSL Error", WAIT_MS));
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.connections, 0);
    stop();
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(uri);
}

static void expect_connected(void *ctx, const struct trial_result *r)
{
    if (!r->connected)
        test_fail("%s: %s", r->broker, r->text);
    ++*(int *)ctx;
}

/* How soon the broker's part of it is there: sometimes at once. */
static void each_handshake_leads_to_a_connection(void **state)
{
    enum { TIMES = 20 };
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "broker.pem", "DNS:localhost");
    struct port port;
    struct studio_error error;
    struct broker *broker;
    struct bridge_config config;
    char *extra, *uri;
    int count = 0;

    (void)state;
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n", port.number, cert,
                        cert);
    broker = broker_create(&(struct broker_options){.extra = extra});
    uri = test_printf("mqtts://localhost:%u", port.number);
    config = tls_config(uri, cert);
    for (int i = 0; i < TIMES; i++)
        assert_int_equal(trial_run(&config, expect_connected, &count, &error), STUDIO_OK);
    assert_int_equal(count, TIMES);
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(uri);
}

static void why_there_is_no_connection_is_said_in_words(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "broker.pem", "DNS:localhost");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost");
    const char *old = cert_signed(dir, "old.pem", "localhost", cert, -1);
    struct broker *plain = broker_create(NULL), *broker;
    struct bridge_config config;
    struct studio_error error;
    struct port port, second;
    char *extra, *named, *expired, *numbered, *no_tls;

    (void)state;
    port_reserve(&port);
    port_reserve(&second);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n"
                        "listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n",
                        port.number, cert, cert, second.number, old, old);
    broker = broker_create(&(struct broker_options){.extra = extra});
    named = test_printf("mqtts://localhost:%u", port.number);
    expired = test_printf("mqtts://localhost:%u", second.number);
    numbered = test_printf("mqtts://127.0.0.1:%u", port.number);
    no_tls = test_printf("mqtts://localhost:%u", broker_port(plain));
    expect_said(tls_config(named, other), "its certificate is of an authority we do not know");
    expect_said(tls_config(numbered, cert), "its certificate is for another name");
    expect_said(tls_config(no_tls, cert), "TLS at this port");
    expect_said(tls_config(expired, cert), "its certificate has expired");
    expect_said(config_for("mqtt://no-such-host.invalid"), "its name is unknown");
    config = config_for(named);
    config.ca_file = "/nowhere/ca.pem";
    assert_int_equal(bridge_create(&config, &source.ops, clock_system(), &bridge, &error),
                     STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "cannot read mqtt.ca_file /nowhere/ca.pem"));
    bridge = NULL;
    broker_destroy(broker);
    broker_destroy(plain);
    port_release(&port);
    port_release(&second);
    free(extra);
    free(named);
    free(expired);
    free(numbered);
    free(no_tls);
}

/* A broker that wants a certificate, of its own authority. */
static void we_may_have_to_say_who_we_are(void **state)
{
    const char *dir = tmpdir_create();
    const char *authority = cert_create(dir, "broker.pem", "DNS:localhost");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost");
    const char *ours = cert_signed(dir, "ours.pem", "edge-1", authority, 2);
    const char *old = cert_signed(dir, "old.pem", "edge-1", authority, -1);
    const char *foreign = cert_signed(dir, "foreign.pem", "edge-1", other, 2);
    struct bridge_config config;
    struct studio_error error;
    struct broker *broker;
    struct port port;
    char *extra, *uri, *key = test_printf("%s.key", ours), *old_key = test_printf("%s.key", old);
    char *foreign_key = test_printf("%s.key", foreign);

    (void)state;
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\ncafile %s\n"
                        "require_certificate true\n",
                        port.number, authority, authority, authority);
    broker = broker_create(&(struct broker_options){.extra = extra});
    uri = test_printf("mqtts://localhost:%u", port.number);
    config = tls_config(uri, authority);
    expect_said(config, "it wants a certificate of us: set mqtt.cert and mqtt.key");
    config.cert_file = ours;
    config.key_file = key;
    start(&config);
    wait_connected(uri, 1);
    commit(10);
    wait_acked(10);
    stop();
    config.key_file = old_key;
    expect_said(config, "is not that of mqtt.cert");
    config.cert_file = old;
    expect_said(config, "our certificate has expired");
    config.cert_file = foreign;
    config.key_file = foreign_key;
    expect_said(config, "it does not know the authority of our certificate");
    config.key_file = "/nowhere/our.key";
    assert_int_equal(bridge_create(&config, &source.ops, clock_system(), &bridge, &error),
                     STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "cannot read mqtt.key /nowhere/our.key"));
    bridge = NULL;
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(uri);
    free(key);
    free(old_key);
    free(foreign_key);
}

/* Both in one file, as some authorities hand them out; not for everybody to read. */
static void the_key_may_be_in_the_certificates_file(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "both.pem", "DNS:localhost");
    char *both = test_printf("cat %s.key >> %s && chmod 644 %s", cert, cert, cert);
    const char *argv[] = {"sh", "-c", both, NULL};
    struct broker *broker;
    struct bridge_config config;
    struct studio_error error;
    struct port port;
    char *extra, *uri;

    (void)state;
    assert_int_equal(proc_run(argv, NULL, NULL, NULL), 0);
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s\ncafile %s\n"
                        "require_certificate true\n",
                        port.number, cert, cert, cert);
    broker = broker_create(&(struct broker_options){.extra = extra});
    uri = test_printf("mqtts://localhost:%u", port.number);
    config = tls_config(uri, cert);
    config.cert_file = cert;
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(bridge_create(&config, &source.ops, clock_system(), &bridge, &error),
                     STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "mqtt.cert: everybody on this machine can read"));
    bridge = NULL;
    assert_int_equal(chmod(dir, 0700), 0);
    start(&config);
    wait_connected(uri, 1);
    stop();
    broker_destroy(broker);
    port_release(&port);
    free(both);
    free(extra);
    free(uri);
}

static void a_password_is_changed_while_it_runs(void **state)
{
    static const struct broker_user before[] = {{"edge-1", "old"}, {NULL, NULL}};
    static const struct broker_user after[] = {{"edge-1", "new"}, {NULL, NULL}};
    const char *dir = tmpdir_create();
    struct broker *broker = broker_create(&(struct broker_options){.users = before});
    struct bridge_config config = config_for(broker_uri(broker));

    (void)state;
    config.username = "edge-1";
    config.password_file = tmpdir_write(dir, "password", 0600, "old\n");
    start(&config);
    wait_connected(broker_uri(broker), 1);
    commit(10);
    wait_acked(10);
    tmpdir_write(dir, "password", 0600, "new\n");
    broker_users(broker, after);
    wait_connected(broker_uri(broker), 2);
    commit(10);
    wait_acked(20);
    stop();
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_checks_who_the_broker_is),
        cmocka_unit_test(each_handshake_leads_to_a_connection),
        cmocka_unit_test(why_there_is_no_connection_is_said_in_words),
        cmocka_unit_test(we_may_have_to_say_who_we_are),
        cmocka_unit_test(the_key_may_be_in_the_certificates_file),
        cmocka_unit_test(a_password_is_changed_while_it_runs),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
