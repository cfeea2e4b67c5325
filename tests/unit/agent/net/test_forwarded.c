#include "net/forwarded.h"

#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

static struct networks proxies;

typedef bool reader(const struct networks *, const char *, char *);

static int trust(void **state)
{
    (void)state;
    return networks_parse("10.0.0.0/8", &proxies) ? -1 : 0;
}

static void expect(reader *names, const char *header, const char *expected)
{
    char out[PEER_TEXT_MAX + 1] = "";
    bool told = names(&proxies, header, out);

    if (told != (expected != NULL) || strcmp(out, expected ? expected : "") != 0)
        test_fail("'%s' names '%s', not '%s'", header, out, expected ? expected : "");
}

/* Whatever a client writes itself stands before what the first trusted proxy adds. */
static void the_last_that_is_no_proxy(void **state)
{
    (void)state;
    expect(forwarded_list, "203.0.113.7", "203.0.113.7");
    expect(forwarded_list, "1.1.1.1, 203.0.113.7", "203.0.113.7");
    expect(forwarded_list, "1.1.1.1, 203.0.113.7, 10.0.0.2,10.0.0.3", "203.0.113.7");
    expect(forwarded_list, "1.1.1.1,unknown, 203.0.113.7", "203.0.113.7");
    expect(forwarded_list, " 203.0.113.7:4711\t", "203.0.113.7");
    expect(forwarded_list, "2001:db8::7", "2001:db8::7");
    expect(forwarded_list, "[2001:db8::7]:80", "2001:db8::7");
    expect(forwarded_list, "[2001:db8::7]", "2001:db8::7");
    expect(forwarded_list, "::ffff:203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7");
}

/* As a network of which only some are proxies: a client there would name itself. */
static void of_proxies_alone_the_last(void **state)
{
    (void)state;
    expect(forwarded_list, "10.0.0.1", "10.0.0.1");
    expect(forwarded_list, "10.9.9.9, 10.0.0.1, 10.0.0.2", "10.0.0.2");
    expect(forwarded_list, "unknown, 10.0.0.1, 10.0.0.2", "10.0.0.2");
    expect(forwarded_pairs, "for=10.9.9.9, for=10.0.0.2", "10.0.0.2");
}

static void nobody_who_cannot_be_read(void **state)
{
    static const char *const cases[] = {
        "",
        ",",
        "unknown",
        "1.1.1.1, unknown",
        "1.1.1.1, unix:",
        "1.1.1.1, ",
        "1.1.1.1, /s",
        "[2001:db8::7",
        "[::1]x",
        "10.0.0.1, x",
        "for=1.1.1.1",
        "1.1.1.1 2.2.2.2",
        "\"1.1.1.1\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(forwarded_list, cases[i], NULL);
}

static void of_pairs_what_stands_in_for(void **state)
{
    (void)state;
    expect(forwarded_pairs, "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60");
    expect(forwarded_pairs, "For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17");
    expect(forwarded_pairs, "for=[2001:db8:cafe::17]", "2001:db8:cafe::17");
    expect(forwarded_pairs, "for=1.1.1.1, proto=http;for=192.0.2.43, for=10.1.1.1", "192.0.2.43");
    expect(forwarded_pairs, "for=_hidden, for=10.0.0.9", "10.0.0.9");
    expect(forwarded_pairs, "for=_hidden, for=192.0.2.43:80 ;", "192.0.2.43");
    expect(forwarded_pairs, "for=1.1.1.1, for=unknown", NULL);
    expect(forwarded_pairs, "for=1.1.1.1, proto=http", NULL);
    expect(forwarded_pairs, "for=1.1.1.1,", NULL);
    expect(forwarded_pairs, "", NULL);
    expect(forwarded_pairs, "192.0.2.43", NULL);
}

/* The host is the client's to choose, and so are the elements before the proxy's. */
static void of_pairs_no_words_of_others(void **state)
{
    (void)state;
    expect(forwarded_pairs, "host=\"for=8.8.8.8\";for=192.0.2.43", "192.0.2.43");
    expect(forwarded_pairs, "host=\"a, for=8.8.8.8\";for=192.0.2.43", "192.0.2.43");
    expect(forwarded_pairs, "host=\"a\\\", for=8.8.8.8\";for=192.0.2.43", "192.0.2.43");
    expect(forwarded_pairs, "xfor=8.8.8.8;for=192.0.2.43", "192.0.2.43");
    expect(forwarded_pairs, "for=192.0.2.43;host=\",for=8.8.8.8;x=\"", "192.0.2.43");
    expect(forwarded_pairs, "for=\"1.1.1.1, for=192.0.2.43", NULL);
    expect(forwarded_pairs, "for=\"1.1.1.1, for=192.0.2.43;host=\",for=8.8.8.8;x=\"", NULL);
    expect(forwarded_pairs, "for=\"1.1.1.1\\", NULL);
    expect(forwarded_pairs, "for=\"1.1.1.1\"8.8.8.8", NULL);
    expect(forwarded_pairs, "for=192.0.2.43;host=x;for=8.8.8.8", NULL);
    expect(forwarded_pairs, "for 192.0.2.43", NULL);
    expect(forwarded_pairs, "for=", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_that_is_no_proxy),
        cmocka_unit_test(of_proxies_alone_the_last),
        cmocka_unit_test(nobody_who_cannot_be_read),
        cmocka_unit_test(of_pairs_what_stands_in_for),
        cmocka_unit_test(of_pairs_no_words_of_others),
    };

    return cmocka_run_group_tests(tests, trust, NULL);
}
