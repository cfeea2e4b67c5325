#include "base/origins.h"

#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

static struct origins none, some;

static int setup(void **state)
{
    (void)state;
    assert_null(origins_parse(NULL, &none));
    assert_null(origins_parse("https://Ops.example,http://10.0.0.7:8080,http://[fd00::1],"
                              "chrome-extension://abcdef",
                              &some));
    assert_int_equal(some.count, 4);
    return 0;
}

static void expect(bool may, const struct origins *origins, const char *origin, const char *host,
                   enum origin_way way)
{
    if (origins_have(origins, origin, host, way) != may)
        test_fail("'%s' at '%s' (%d) %s", origin, host, way, may ? "may not" : "may");
}

static void the_page_of_the_address_that_is_asked(void **state)
{
    static const struct {
        const char *origin, *host;
        enum origin_way way;
    } cases[] = {
        {"http://localhost:8080", "localhost:8080", ORIGIN_WAY_PLAIN},
        {"http://LocalHost:8080", "localHOST:8080", ORIGIN_WAY_PLAIN},
        {"https://a.example:8443", "a.example:8443", ORIGIN_WAY_TLS},
        {"http://[::1]:8080", "[::1]:8080", ORIGIN_WAY_PLAIN},
        {"https://[FD00::a]", "[fd00::A]", ORIGIN_WAY_TLS},
        /* The usual port may stand there or not. */
        {"http://a.example", "a.example:80", ORIGIN_WAY_PLAIN},
        {"http://a.example:80", "a.example", ORIGIN_WAY_PLAIN},
        {"https://a.example", "a.example:443", ORIGIN_WAY_TLS},
        {"https://a.example:443", "a.example", ORIGIN_WAY_TLS},
        {"https://a.example:443", "a.example", ORIGIN_WAY_UNKNOWN},
        /* TLS ends at a proxy that nobody has told us of. */
        {"https://a.example", "a.example", ORIGIN_WAY_PLAIN},
        {"https://a.example", "a.example:443", ORIGIN_WAY_PLAIN},
        /* As programs call themselves: websocket-client says http over TLS before 1.0. */
        {"http://a.example", "a.example", ORIGIN_WAY_TLS},
        {"http://a.example:8443", "a.example:8443", ORIGIN_WAY_TLS},
        {"ws://a.example:8080", "a.example:8080", ORIGIN_WAY_PLAIN},
        {"wss://a.example", "a.example:443", ORIGIN_WAY_TLS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(true, &none, cases[i].origin, cases[i].host, cases[i].way);
        expect(true, &some, cases[i].origin, cases[i].host, cases[i].way);
    }
}

static void others_may_not(void **state)
{
    static const struct {
        const char *origin, *host;
        enum origin_way way;
    } cases[] = {
        {"http://evil.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://localhost:8080", "127.0.0.1:8080", ORIGIN_WAY_PLAIN},
        {"http://localhost:3000", "localhost:8080", ORIGIN_WAY_PLAIN},
        {"http://a.example", "a.example:8080", ORIGIN_WAY_PLAIN},
        {"http://a.example:8080", "a.example", ORIGIN_WAY_PLAIN},
        {"http://a.example", "a.example:443", ORIGIN_WAY_TLS},
        {"http://a.example:80", "a.example", ORIGIN_WAY_TLS},
        {"http://a.example.evil.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://evil-a.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://a.exampl", "a.example", ORIGIN_WAY_PLAIN},
        {"null", "a.example", ORIGIN_WAY_PLAIN},
        {"null", "null", ORIGIN_WAY_PLAIN},
        {"", "a.example", ORIGIN_WAY_PLAIN},
        {"a.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://", "", ORIGIN_WAY_PLAIN},
        {"http://a.example", "", ORIGIN_WAY_PLAIN},
        {"http://a.example/", "a.example", ORIGIN_WAY_PLAIN},
        {"http://a.example:0", "a.example:0", ORIGIN_WAY_PLAIN},
        {"http://a.example:65536", "a.example:65536", ORIGIN_WAY_PLAIN},
        {"http://a.example:", "a.example:", ORIGIN_WAY_PLAIN},
        {"http://user@a.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://a.example,http://evil.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://a.example http://evil.example", "a.example", ORIGIN_WAY_PLAIN},
        {"http://[::1", "[::1", ORIGIN_WAY_PLAIN},
        {"http://[]", "[]", ORIGIN_WAY_PLAIN},
        {"http://[::1]x", "[::1]x", ORIGIN_WAY_PLAIN},
        {"file://a.example", "a.example", ORIGIN_WAY_PLAIN},
        {"chrome-extension://a.example", "a.example", ORIGIN_WAY_PLAIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(false, &none, cases[i].origin, cases[i].host, cases[i].way);
}

static void those_of_the_list_may(void **state)
{
    struct origins any;

    (void)state;
    expect(true, &some, "https://ops.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(true, &some, "https://OPS.example:443", "a.example", ORIGIN_WAY_TLS);
    expect(true, &some, "http://10.0.0.7:8080", "", ORIGIN_WAY_PLAIN);
    expect(true, &some, "http://[FD00::1]:80", "a.example", ORIGIN_WAY_PLAIN);
    expect(true, &some, "chrome-extension://abcdef", "a.example", ORIGIN_WAY_PLAIN);
    expect(false, &some, "http://ops.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(false, &some, "https://ops.example:8443", "a.example", ORIGIN_WAY_PLAIN);
    expect(false, &some, "https://x.ops.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(false, &some, "http://10.0.0.7", "a.example", ORIGIN_WAY_PLAIN);
    expect(false, &some, "null", "a.example", ORIGIN_WAY_PLAIN);
    assert_null(origins_parse("https://ops.example, http://b.example\t", &any));
    expect(true, &any, "https://ops.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(true, &any, "http://b.example", "a.example", ORIGIN_WAY_PLAIN);
    assert_null(origins_parse("https://ops.example, *", &any));
    expect(true, &any, "http://evil.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(true, &any, "null", "", ORIGIN_WAY_PLAIN);
}

/* Where what lets in comes by itself: what is plain may be anybody's page. */
static void over_tls_only_those_of_tls(void **state)
{
    struct origins strict = some;

    (void)state;
    strict.tls_only = true;
    expect(true, &strict, "https://a.example", "a.example", ORIGIN_WAY_TLS);
    expect(false, &strict, "http://a.example", "a.example", ORIGIN_WAY_TLS);
    expect(false, &strict, "http://a.example:8443", "a.example:8443", ORIGIN_WAY_TLS);
    expect(true, &strict, "http://a.example", "a.example", ORIGIN_WAY_PLAIN);
    expect(true, &strict, "http://10.0.0.7:8080", "a.example", ORIGIN_WAY_TLS); /* of the list */
}

static void lists_that_are_wrong(void **state)
{
    static const char *const cases[] = {
        ",",
        "https://ops.example,",
        "https://ops.example,,http://b.example",
        "ops.example",
        "https://ops.example/",
        "https://ops.example/page",
        "https://*.ops.example",
        "https://ops.example http://b.example",
        "https://ops.example, ,http://b.example",
        "https://ops.example, ",
        "https://ops.example:0",
        "null",
        "**",
    };
    char many[17 * 11 + 1] = "", longer[ORIGIN_MAX + 16] = "https://";
    struct origins out;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!origins_parse(cases[i], &out))
            test_fail("'%s' is taken", cases[i]);
    for (int i = 0; i < 17; i++)
        memcpy(many + 11 * i, "http://abc,", 11);
    many[sizeof(many) - 2] = '\0';
    assert_non_null(strstr(origins_parse(many, &out), "at most 16"));
    memset(longer + strlen(longer), 'a', ORIGIN_MAX);
    longer[sizeof(longer) - 1] = '\0';
    assert_non_null(origins_parse(longer, &out));
    assert_null(origins_parse("", &out));
    assert_int_equal(out.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_the_address_that_is_asked),
        cmocka_unit_test(others_may_not),
        cmocka_unit_test(those_of_the_list_may),
        cmocka_unit_test(over_tls_only_those_of_tls),
        cmocka_unit_test(lists_that_are_wrong),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
