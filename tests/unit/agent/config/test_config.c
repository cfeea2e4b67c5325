/* Defaults, options from text, the environment. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "config/options.h"

enum { LOG_LINE_MAX = 256 };

static struct studio_agent_config config;
static struct studio_error error;

static int setup(void **state)
{
    (void)state;
    config_init(&config);
    memset(&error, 0, sizeof error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_finish(&config);
    return 0;
}

static void set(const char *name, const char *value)
{
    if (studio_agent_config_set(&config, name, value, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
}

static void refused(const char *name, const char *value, const char *text)
{
    assert_int_equal(studio_agent_config_set(&config, name, value, &error), STUDIO_ERR_USAGE);
    assert_int_equal(error.code, STUDIO_ERR_USAGE);
    if (!strstr(error.text, text))
        fail_msg("'%s' does not say '%s'", error.text, text);
}

static void defaults(void **state)
{
    (void)state;
    assert_string_equal(config.listen, "localhost:8080");
    assert_string_equal(config.topic_root, "studio");
    assert_string_equal(config.data, "studio-data");
    assert_null(config.broker);
    assert_null(config.tokens);
    assert_null(config.tls_cert);
    assert_int_equal(config.event_loop, LOOP_AUTO);
    assert_int_equal(config.auth_timeout_s, 10);
    assert_int_equal(config.ping_after_s, 20);
    assert_int_equal(config.ping_grace_s, 10);
    assert_int_equal(config.write_timeout_s, 30);
    assert_int_equal(config.mqtt_version, 5);
    assert_int_equal(config.keepalive_s, 15);
    assert_int_equal(config.session_expiry_s, 3600);
    assert_int_equal(config.max_backlog, 1000000);
    assert_false(config.create_tables);
    assert_false(config.shared_root);
    assert_int_equal(config.retention_events, 1000000);
    assert_int_equal(config.retention_days, 30);
    assert_int_equal(config.updates_per_second, 200);
    assert_int_equal(config.updates_burst, 400);
    assert_int_equal(config.connections, 20000);
    assert_int_equal(config.connections_per_id, 16);
    assert_int_equal(config.auth_failures_per_minute, 60);
    assert_int_equal(config.tables, 20000);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_TEXT);
}

static void every_type_is_set_from_text(void **state)
{
    (void)state;
    set("websocket.listen", "[::1]:0");
    set("websocket.listen", "0.0.0.0:9090");
    assert_string_equal(config.listen, "0.0.0.0:9090");
    set("mqtt.version", "3.1.1");
    assert_int_equal(config.mqtt_version, 4);
    set("log.level", "debug");
    assert_int_equal(config.log_level, LOG_DEBUG);
    set("limits.updates_per_second", "0");
    assert_int_equal(config.updates_per_second, 0);
    static const char *const yes[] = {"yes", "true", "on", "YES"};
    static const char *const no[] = {"no", "false", "off", "Off"};
    for (size_t i = 0; i < 4; i++) {
        set("mqtt.create_tables", yes[i]);
        assert_true(config.create_tables);
        set("mqtt.create_tables", no[i]);
        assert_false(config.create_tables);
    }
}

static void an_empty_string_unsets(void **state)
{
    (void)state;
    set("mqtt.broker", "mqtt://localhost");
    set("mqtt.broker", "");
    assert_null(config.broker);
    refused("store.data", "", "empty");
    assert_string_equal(config.data, "studio-data");
}

static void a_mistake_changes_nothing_and_says_what_is_right(void **state)
{
    (void)state;
    refused("websocket.listen", "nonsense", "expected HOST:PORT");
    assert_non_null(strstr(error.text, "'nonsense'"));
    assert_string_equal(config.listen, "localhost:8080");
    refused("log.level", "loud", "error|warn|info|debug");
    refused("websocket.auth_timeout", "0", "1-3600");
    refused("websocket.auth_timeout", "3601", "1-3600");
    refused("websocket.auth_timeout", "-5", "1-3600");
    refused("websocket.auth_timeout", "10s", "1-3600");
    refused("websocket.auth_timeout", "", "1-3600");
    refused("websocket.auth_timeout", "99999999999999999999", "1-3600");
    assert_int_equal(config.auth_timeout_s, 10);
    refused("mqtt.create_tables", "maybe", "yes|no");
    refused("mqtt.username", "a\tb", "control");
    refused("mqtt.username", "\xC3", "UTF-8");
}

static void unknown_names_suggest_the_nearest(void **state)
{
    (void)state;
    refused("websoket.listen", "x", "'websocket'");
    refused("mqtt.brokr", "x", "'broker'");
    refused("listen", "x", "section.key");
    refused("", "x", "section.key");
    refused("nothing.at_all", "x", "unknown section");
    refused("a_section_with_a_name_longer_than_any.key", "x", "section.key");
}

static void a_secret_is_not_repeated(void **state)
{
    (void)state;
    refused("mqtt.password", "hush\001", "control");
    assert_null(strstr(error.text, "hush"));
}

static void a_long_value_is_cut_in_the_message(void **state)
{
    char value[2000];
    (void)state;
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    refused("websocket.listen", value, "expected HOST:PORT");
    assert_true(strlen(error.text) < 300);
}

static void the_environment_sets_options(void **state)
{
    const char *const variables[] = {"PATH=/bin",
                                     "STUDIO_TOKEN=abc",
                                     "STUDIO_WEBSOCKET_LISTEN=localhost:0",
                                     "STUDIO_MQTT_TOPIC_ROOT=a/b",
                                     "STUDIO_MQTT_BROKER=",
                                     "STUDIO_BIN=/x",
                                     "STUDIO_",
                                     "STUDIO_MQTT",
                                     "STUDIO_LIMITS_UPDATES_PER_SECOND=7",
                                     NULL};
    (void)state;
    assert_int_equal(config_environment(&config, variables, NULL, &error), STUDIO_OK);
    assert_string_equal(config.listen, "localhost:0");
    assert_string_equal(config.topic_root, "a/b");
    assert_int_equal(config.updates_per_second, 7);
    assert_null(config.broker);
}

static void secrets_are_cleared_in_the_environment(void **state)
{
    char password[] = "STUDIO_MQTT_PASSWORD=hush", user[] = "STUDIO_MQTT_USERNAME=u";
    char other[] = "STUDIO_WEB_PASSWORD=x", bare[] = "STUDIO_METRICS_TOKEN";
    char *variables[] = {password, user, other, bare, NULL};
    (void)state;
    config_clear_environment(variables);
    assert_memory_equal(password, "STUDIO_MQTT_PASSWORD=\0\0\0\0", sizeof password);
    assert_string_equal(user, "STUDIO_MQTT_USERNAME=u");
    assert_string_equal(other, "STUDIO_WEB_PASSWORD=x");
    assert_string_equal(bare, "STUDIO_METRICS_TOKEN");
}

static void a_mistake_in_the_environment_names_the_variable(void **state)
{
    const char *const wrong[] = {"STUDIO_LOG_LEVEL=loud", NULL};
    (void)state;
    assert_int_equal(config_environment(&config, wrong, NULL, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "STUDIO_LOG_LEVEL"));
}

static void keep_line(void *ctx, int level, const char *module, const char *message)
{
    assert_int_equal(level, LOG_WARN);
    assert_string_equal(module, "config");
    snprintf(ctx, LOG_LINE_MAX, "%s", message);
}

static void an_unknown_name_in_the_environment_is_a_warning(void **state)
{
    const char *const variables[] = {"STUDIO_MQTT_BROKR=mqtt://a", "STUDIO_MQTT_TOPIC_ROOT=a/b",
                                     NULL};
    const char *const kubernetes[] = {"STUDIO_MQTT_PORT=tcp://10.0.0.7:1883", NULL};
    char line[LOG_LINE_MAX] = "";
    struct log log = {.level = LOG_INFO, .sink = keep_line, .ctx = line};
    const struct log *before = log_use(&log);

    (void)state;
    assert_int_equal(config_environment(&config, variables, NULL, &error), STUDIO_OK);
    assert_string_equal(config.topic_root, "a/b");
    assert_string_equal(line,
                        "environment variable STUDIO_MQTT_BROKR is left out: unknown key 'brokr' "
                        "in [mqtt]; did you mean 'broker'?");
    assert_int_equal(config_environment(&config, kubernetes, NULL, &error), STUDIO_OK);
    assert_non_null(strstr(line, "STUDIO_MQTT_PORT is left out"));
    assert_null(strstr(line, "10.0.0.7"));
    log_use(before);
}

static bool wants_data(const struct option *option)
{
    return strcmp(option->key, "data") == 0;
}

static void only_what_is_wanted_is_read(void **state)
{
    const char *const variables[] = {"STUDIO_MQTT_BROKR=mqtt://a", "STUDIO_LOG_LEVEL=loud",
                                     "STUDIO_STORE_DATA=here", NULL};
    char line[LOG_LINE_MAX] = "";
    struct log log = {.level = LOG_INFO, .sink = keep_line, .ctx = line};
    const struct log *before = log_use(&log);

    (void)state;
    assert_int_equal(config_environment(&config, variables, wants_data, &error), STUDIO_OK);
    assert_string_equal(config.data, "here");
    assert_string_equal(line, "");
    log_use(before);
}

static void options_that_exclude_each_other(void **state)
{
    (void)state;
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("mqtt.password_file", "secret");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    set("mqtt.username", "agent");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("mqtt.password", "x");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    set("mqtt.password", "");
    set("mqtt.command_password_file", "secret");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    set("mqtt.command_username", "agent-in");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("mqtt.key", "key.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    set("mqtt.cert", "cert.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
}

static void a_standby_needs_a_database(void **state)
{
    (void)state;
    set("store.standby", "yes");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "store.standby needs store.url"));
    set("store.url", "postgresql://db/studio");
    set("mqtt.agent_id", "edge-1");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
}

static void a_copy_has_strings_of_its_own(void **state)
{
    struct studio_agent_config copy;

    (void)state;
    set("store.url", "postgresql://db/studio");
    set("mqtt.broker", "mqtt://a");
    set("limits.tables", "7");
    assert_int_equal(config_copy(&copy, &config, &error), STUDIO_OK);
    set("store.url", "postgresql://other/studio");
    set("mqtt.broker", "");
    assert_string_equal(copy.store_url, "postgresql://db/studio");
    assert_string_equal(copy.broker, "mqtt://a");
    assert_string_equal(copy.topic_root, "studio"); /* a default */
    assert_null(copy.username);
    assert_int_equal(copy.tables, 7);
    config_finish(&copy);
}

/* Each alone may be right. */
static void certificates_and_addresses_belong_together(void **state)
{
    (void)state;
    set("websocket.tls_key", "key.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "tls_key needs websocket.tls_cert"));
    set("websocket.tls_key", "");
    set("websocket.tls_client_ca", "ca.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "tls_client_ca needs websocket.tls_cert"));
    set("websocket.tls_cert", "cert.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("websocket.listen", "ws://localhost:1,unix:/run/s");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "no address of websocket.listen is wss://"));
    set("websocket.listen", "ws://localhost:1,localhost:2");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("websocket.tls_cert", "");
    set("websocket.tls_client_ca", "");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("websocket.listen", "wss://localhost:1");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "wss:// address, which needs websocket.tls_cert"));
}

static void proxies_that_speak_are_named(void **state)
{
    (void)state;
    set("websocket.proxy_protocol", "yes");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "websocket.trusted_proxies"));
    refused("websocket.trusted_proxies", "10.0.0.0/33", "10.0.0.0/8");
    set("websocket.trusted_proxies", "10.0.0.0/8,::1");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
}

static void certificates_for_users_need_authorities(void **state)
{
    (void)state;
    set("auth.certificate_user", "cn");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "needs websocket.tls_client_ca"));
    set("websocket.listen", "wss://localhost:8443");
    set("websocket.tls_cert", "/c.pem");
    set("websocket.tls_client_ca", "/ca.pem");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    set("websocket.origins", "*");
    assert_int_equal(config_check(&config, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "name the origins"));
    set("auth.certificate_user", "none");
    assert_int_equal(config_check(&config, &error), STUDIO_OK);
    refused("auth.certificate_user", "dn", "none|cn|uri");
}

static void the_tokens_file_lies_in_the_data_directory(void **state)
{
    (void)state;
    char *path = config_tokens_path(&config);
    assert_string_equal(path, "studio-data/tokens");
    free(path);
    set("auth.tokens", "/etc/studio/tokens");
    path = config_tokens_path(&config);
    assert_string_equal(path, "/etc/studio/tokens");
    free(path);
}

static void messages_are_cut_between_characters(void **state)
{
    char text[600];
    (void)state;
    for (size_t i = 0; i < sizeof text - 2; i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    assert_int_equal(config_fail(&error, STUDIO_ERR_USAGE, "%s", text), STUDIO_ERR_USAGE);
    assert_int_equal(strlen(error.text), STUDIO_ERROR_TEXT_MAX - 2);
    assert_int_equal(config_fail(NULL, STUDIO_ERR_IO, "x"), STUDIO_ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(every_type_is_set_from_text),
        TEST(an_empty_string_unsets),
        TEST(a_mistake_changes_nothing_and_says_what_is_right),
        TEST(unknown_names_suggest_the_nearest),
        TEST(a_secret_is_not_repeated),
        TEST(a_long_value_is_cut_in_the_message),
        TEST(the_environment_sets_options),
        TEST(a_mistake_in_the_environment_names_the_variable),
        TEST(secrets_are_cleared_in_the_environment),
        TEST(an_unknown_name_in_the_environment_is_a_warning),
        TEST(only_what_is_wanted_is_read),
        TEST(options_that_exclude_each_other),
        TEST(a_standby_needs_a_database),
        TEST(a_copy_has_strings_of_its_own),
        TEST(certificates_and_addresses_belong_together),
        TEST(proxies_that_speak_are_named),
        TEST(certificates_for_users_need_authorities),
        TEST(the_tokens_file_lies_in_the_data_directory),
        TEST(messages_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
