/* test_bridge_tls.c - who the broker is and who we are: certificates, logins, and the words for what is
 * wrong with them; the bridge with an agent in memory. */
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

static void why_there_is_no_connection_is_said_in_words(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "broker.pem", "DNS:localhost");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost");
    struct broker *plain = broker_create(NULL), *broker;
    struct bridge_config config;
    struct studio_error error;
    struct port port;
    char *extra, *named, *numbered, *no_tls;

    (void)state;
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n", port.number, cert,
                        cert);
    broker = broker_create(&(struct broker_options){.extra = extra});
    named = test_printf("mqtts://localhost:%u", port.number);
    numbered = test_printf("mqtts://127.0.0.1:%u", port.number);
    no_tls = test_printf("mqtts://localhost:%u", broker_port(plain));
    expect_said(tls_config(named, other), "its certificate is of an authority we do not know");
    expect_said(tls_config(numbered, cert), "its certificate is for another name");
    expect_said(tls_config(no_tls, cert), "TLS at this port");
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
    free(extra);
    free(named);
    free(numbered);
    free(no_tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_checks_who_the_broker_is),
        cmocka_unit_test(why_there_is_no_connection_is_said_in_words),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
