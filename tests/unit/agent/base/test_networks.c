#include "base/networks.h"

#include <stdio.h>

#include "support/cmocka_all.h"

static struct networks list_;

static void lists_of_networks(void **state)
{
    static const char *const wrong[] = {
        "x",           "10.0.0.0/33",       "::/129",         "1.2.3.4/", "1.2.3.4,,5.6.7.8",
        "10.0.0.0/8x", "10.0.0.1 10.0.0.2", "10.0.0.1, ,::1", " "};

    (void)state;
    assert_null(networks_parse("10.0.0.0/8,192.168.7.9,fd00::/9,::1", &list_));
    assert_int_equal(list_.count, 4);
    assert_true(networks_have(&list_, "10.255.1.2"));
    assert_true(networks_have(&list_, "::ffff:10.255.1.2"));
    assert_false(networks_have(&list_, "11.0.0.1"));
    assert_true(networks_have(&list_, "192.168.7.9"));
    assert_false(networks_have(&list_, "192.168.7.8"));
    assert_true(networks_have(&list_, "fd7f::1"));
    assert_false(networks_have(&list_, "fd80::1"));
    assert_true(networks_have(&list_, "::1"));
    assert_false(networks_have(&list_, "unknown"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(networks_parse(wrong[i], &list_));
    assert_null(networks_parse("0.0.0.0/0", &list_));
    assert_true(networks_have(&list_, "8.8.8.8"));
    assert_false(networks_have(&list_, "2001:db8::1"));
    assert_null(networks_parse(" 10.0.0.0/8 , ::1\t", &list_));
    assert_int_equal(list_.count, 2);
    assert_true(networks_have(&list_, "10.1.2.3"));
    assert_true(networks_have(&list_, "::1"));
    assert_null(networks_parse(NULL, &list_));
    assert_false(networks_have(&list_, "127.0.0.1"));
}

static void names_under_which_addresses_are_counted(void **state)
{
    char out[PEER_TEXT_MAX + 1];

    (void)state;
    peer_name("::ffff:192.0.2.1", out);
    assert_string_equal(out, "192.0.2.1");
    peer_name("192.0.2.1", out);
    assert_string_equal(out, "192.0.2.1");
    peer_name("2001:db8:1:2:3:4:5:6", out);
    assert_string_equal(out, "2001:db8:1:2::");
    peer_name("somewhere", out);
    assert_string_equal(out, "somewhere");
}

static void ipv4_in_its_ipv6_form(void **state)
{
    static const char *const cases[][2] = {
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"192.0.2.1", "192.0.2.1"},
        {"::192.0.2.1", "::192.0.2.1"},
        {"2001:db8::7", "2001:db8::7"},
        {PEER_UNIX, PEER_UNIX},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[PEER_TEXT_MAX + 1];

        snprintf(address, sizeof(address), "%s", cases[i][0]);
        address_tidy(address);
        assert_string_equal(address, cases[i][1]);
    }
}

static void this_machine(void **state)
{
    (void)state;
    assert_true(address_is_here("127.0.0.1"));
    assert_true(address_is_here("127.8.9.10"));
    assert_true(address_is_here("::1"));
    assert_true(address_is_here("::ffff:127.0.0.1"));
    assert_false(address_is_here("128.0.0.1"));
    assert_false(address_is_here("::2"));
    assert_false(address_is_here("::"));
    assert_false(address_is_here(""));
    assert_false(address_is_here("localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_networks),
        cmocka_unit_test(names_under_which_addresses_are_counted),
        cmocka_unit_test(ipv4_in_its_ipv6_form),
        cmocka_unit_test(this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
