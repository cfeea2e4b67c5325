#include "net/forwarded.h"

#include <string.h>

#include "support/cmocka_all.h"

static struct trusted proxies;

static void expect_for(const char *header, const char *expected)
{
    char out[PEER_TEXT_MAX + 1] = "";

    assert_int_equal(forwarded_for(&proxies, header, out), expected != NULL);
    assert_string_equal(out, expected ? expected : "");
}

static void networks(void **state)
{
    static const char *const wrong[] = {
        "x", "10.0.0.0/33", "::/129", "1.2.3.4/", "1.2.3.4,,5.6.7.8", "10.0.0.0/8x", " 10.0.0.1"};

    (void)state;
    assert_null(trusted_parse("10.0.0.0/8,192.168.7.9,fd00::/9,::1", &proxies));
    assert_int_equal(proxies.count, 4);
    assert_true(trusted_has(&proxies, "10.255.1.2"));
    assert_true(trusted_has(&proxies, "::ffff:10.255.1.2"));
    assert_false(trusted_has(&proxies, "11.0.0.1"));
    assert_true(trusted_has(&proxies, "192.168.7.9"));
    assert_false(trusted_has(&proxies, "192.168.7.8"));
    assert_true(trusted_has(&proxies, "fd7f::1"));
    assert_false(trusted_has(&proxies, "fd80::1"));
    assert_true(trusted_has(&proxies, "::1"));
    assert_false(trusted_has(&proxies, "unknown"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(trusted_parse(wrong[i], &proxies));
    assert_null(trusted_parse("0.0.0.0/0", &proxies));
    assert_true(trusted_has(&proxies, "8.8.8.8"));
    assert_false(trusted_has(&proxies, "2001:db8::1"));
    assert_null(trusted_parse(NULL, &proxies));
    assert_false(trusted_has(&proxies, "127.0.0.1"));
}

/* Whatever a client writes itself stands before what the first trusted proxy adds. */
static void the_last_that_is_no_proxy(void **state)
{
    (void)state;
    assert_null(trusted_parse("10.0.0.0/8", &proxies));
    expect_for("203.0.113.7", "203.0.113.7");
    expect_for("1.1.1.1, 203.0.113.7", "203.0.113.7");
    expect_for("1.1.1.1, 203.0.113.7, 10.0.0.2,10.0.0.3", "203.0.113.7");
    expect_for("10.0.0.1, 10.0.0.2", "10.0.0.1");
    expect_for("203.0.113.7:4711", "203.0.113.7");
    expect_for("2001:db8::7", "2001:db8::7");
    expect_for("[2001:db8::7]:80", "2001:db8::7");
    expect_for("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60");
    expect_for("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17");
    expect_for("for=1.1.1.1, proto=http;for=192.0.2.43, for=10.1.1.1", "192.0.2.43");
    expect_for("unknown", NULL);
    expect_for("", NULL);
    expect_for("1.1.1.1, unknown", NULL);
    expect_for("for=_hidden, for=10.0.0.9", "10.0.0.9");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(the_last_that_is_no_proxy),
        cmocka_unit_test(names_under_which_addresses_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
