#include "net/forwarded.h"

#include <string.h>

#include "support/cmocka_all.h"

static struct networks proxies;

static void expect_for(const char *header, const char *expected)
{
    char out[PEER_TEXT_MAX + 1] = "";

    assert_int_equal(forwarded_for(&proxies, header, out), expected != NULL);
    assert_string_equal(out, expected ? expected : "");
}

/* Whatever a client writes itself stands before what the first trusted proxy adds. */
static void the_last_that_is_no_proxy(void **state)
{
    (void)state;
    assert_null(networks_parse("10.0.0.0/8", &proxies));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_that_is_no_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
