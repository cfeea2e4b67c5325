/* What string options must look like. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "config/checks.h"

typedef const char *check_fn(const char *value);

static void accepts(check_fn *check, const char *const *values)
{
    for (; *values; values++) {
        if (check(*values))
            fail_msg("'%s' was refused: %s", *values, check(*values));
    }
}

static void refuses(check_fn *check, const char *const *values)
{
    for (; *values; values++) {
        if (!check(*values))
            fail_msg("'%s' was accepted", *values);
    }
}

static void addresses_are_split(void **state)
{
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port;
    (void)state;
    assert_true(address_split("[::1]:8081", host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 8081);
    assert_true(address_split("localhost:0", host, &port));
    assert_string_equal(host, "localhost");
    assert_int_equal(port, 0);

    char longest[400];
    snprintf(longest, sizeof longest, "%0255d:80", 1);
    assert_true(address_split(longest, host, &port));
    snprintf(longest, sizeof longest, "%0256d:80", 1);
    assert_false(address_split(longest, host, &port));
}

static void brokers(void **state)
{
    static const char *const good[] = {"",
                                       "mqtt://localhost",
                                       "tcp://10.0.0.1:1883",
                                       "mqtts://broker.example.org:8883",
                                       "ssl://[::1]:8883",
                                       "mqtt://[::1]",
                                       "mqtt://a,mqtt://b:1884,ssl://c",
                                       NULL};
    static const char *const bad[] = {"localhost:1883",
                                      "http://localhost",
                                      "mqtt://",
                                      "mqtt:///x",
                                      "mqtt://localhost/",
                                      "mqtt://localhost:",
                                      "mqtt://localhost:0",
                                      "mqtt://localhost:70000",
                                      "mqtt://user:secret@localhost",
                                      "mqtt://a,",
                                      ",mqtt://a",
                                      "mqtt://a, mqtt://b",
                                      "ws://localhost",
                                      NULL};
    (void)state;
    accepts(check_brokers, good);
    refuses(check_brokers, bad);
}

static void topic_roots(void **state)
{
    static const char *const good[] = {"studio", "casino/studio", "a/b/c", "caf\xC3\xA9", "a$",
                                       NULL};
    static const char *const bad[] = {"",     "/", "/studio", "studio/", "a//b",
                                      "$SYS", "+", "a/#",     "a+b",     NULL};
    (void)state;
    accepts(check_topic_root, good);
    refuses(check_topic_root, bad);
}

static void names(void **state)
{
    static const char *const good_ids[] = {"", "edge-1", "a", "pit.3@floor_2", NULL};
    static const char *const bad_ids[] = {"-a", "a b", "a/b", "a+", NULL};
    static const char *const good_values[] = {"", "warming", "a,b,c", "half-up,OTHER_1", NULL};
    static const char *const bad_values[] = {
        ",",
        "a,",
        "a, b",
        "a b",
        "a.b",
        "abcdefghijklmnopqrstuvwxyz1234567",
        "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33",
        NULL};
    (void)state;
    accepts(check_agent_id, good_ids);
    refuses(check_agent_id, bad_ids);
    accepts(check_networks, (const char *const[]){"", "10.0.0.7", "10.0.0.0/8, fd00::/8", NULL});
    refuses(check_networks, (const char *const[]){"x", "10.0.0.0/33", "10.0.0.7 ::1", NULL});
    accepts(check_origins,
            (const char *const[]){"", "*", "https://a.example, http://[::1]:80", NULL});
    refuses(check_origins, (const char *const[]){"a.example", "https://a.example/", NULL});
    accepts(check_values, good_values);
    refuses(check_values, bad_values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_split),
        cmocka_unit_test(brokers),
        cmocka_unit_test(topic_roots),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
