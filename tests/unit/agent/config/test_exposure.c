/* test_exposure.c - which configurations let others read what they should not. */
#include "config/exposure.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "support/cmocka_all.h"

static char told[2048];

static void tell(void *ctx, const char *what)
{
    size_t len = strlen(told);

    (void)ctx;
    snprintf(told + len, sizeof(told) - len, "%s\n", what);
}

struct setting {
    const char *name, *value;
};

/* What is told of this configuration. */
static bool exposed(const struct setting *settings)
{
    struct studio_agent_config config;
    struct studio_error error;

    config_init(&config);
    told[0] = '\0';
    for (; settings->name; settings++)
        if (studio_agent_config_set(&config, settings->name, settings->value, &error) != STUDIO_OK)
            fail_msg("%s", error.text);
    bool is = config_exposed(&config);
    config_warnings(&config, tell, NULL);
    config_finish(&config);
    return is;
}
#define SETTINGS(...)                                                                              \
    (const struct setting[])                                                                       \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }

static void this_machine_is_not_told_of(void **state)
{
    static const char *const here[] = {"localhost:8080", "LOCALHOST:0", "127.0.0.1:1",
                                       "127.8.9.10:1", "[::1]:8080"};

    (void)state;
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        assert_false(exposed(SETTINGS({"websocket.listen", here[i]})));
        assert_string_equal(told, "");
    }
    assert_false(exposed(SETTINGS({"mqtt.broker", "mqtt://localhost,mqtt://[::1]:1884,mqtts://far"},
                                  {"mqtt.username", "u"}, {"mqtt.password", "p"})));
    assert_string_equal(told, "");
    assert_false(exposed(SETTINGS({"mqtt.broker", "mqtt://far"}))); /* no login, nothing to read */
    assert_string_equal(told, "");
}

static void with_tls_only_what_is_plain_is_open(void **state)
{
    (void)state;
    assert_false(exposed(SETTINGS({"websocket.listen", "0.0.0.0:8443,ws://localhost:1,unix:/run/s"},
                                  {"websocket.tls_cert", "c.pem"})));
    assert_string_equal(told, "");
    assert_true(exposed(SETTINGS({"websocket.listen", "wss://0.0.0.0:8443,ws://0.0.0.0:8080"},
                                 {"websocket.tls_cert", "c.pem"})));
    assert_non_null(strstr(told, "NO TLS: websocket.listen 0.0.0.0:8080 is open"));
    assert_non_null(strstr(told, "make it wss://"));
}

static void what_is_open_is_named(void **state)
{
    static const char *const open[] = {"0.0.0.0:8080", "[::]:8080", "192.168.1.5:80",
                                       "studio.example:1", "localhost.example:1"};

    (void)state;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        assert_true(exposed(SETTINGS({"websocket.listen", open[i]})));
        assert_non_null(strstr(told, open[i]));
        assert_non_null(strstr(told, "NO TLS"));
    }
}

static void a_password_to_a_far_broker_is_named(void **state)
{
    (void)state;
    assert_false(exposed(
        SETTINGS({"mqtt.broker", "mqtt://localhost,mqtts://a,tcp://[2001:db8::1]:1,mqtt://b"},
                 {"mqtt.username", "u"}, {"mqtt.password_file", "/x"})));
    assert_non_null(strstr(told, "broker tcp://[2001:db8::1]:1 reads mqtt.password"));
    assert_null(strchr(strchr(told, '\n') + 1, '\n')); /* once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_is_not_told_of),
        cmocka_unit_test(what_is_open_is_named),
        cmocka_unit_test(with_tls_only_what_is_plain_is_open),
        cmocka_unit_test(a_password_to_a_far_broker_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
