/* test_assets.c - the dashboard's files, as they are sent. */
#include "api/assets.h"

#include "api/api.h"

#include "unit/agent/net/exchange_fixture.h"

enum { ALL_MAX = 60 * 1024 };

static struct api api;
static struct wire wire;

static void ask(const char *path, const char *accept_encoding, const char *if_none_match)
{
    const struct exchange_head head = {
        .method = "GET",
        .path = path,
        .length = "0",
        .fields = {[EXCHANGE_ACCEPT_ENCODING] = accept_encoding,
                   [EXCHANGE_IF_NONE_MATCH] = if_none_match},
    };

    wire_env_init(api_respond, &api);
    memset(&wire, 0, sizeof(wire));
    wire.exchange = exchange_create(&wire_env, &wire, &head);
    assert_non_null(wire.exchange);
    wire_drain(&wire);
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < wire.answer.header_count; i++)
        if (strcmp(wire.answer.headers[i].name, name) == 0)
            return wire.answer.headers[i].text;
    return NULL;
}

static void expect_status(const char *path, const char *accept_encoding, int status)
{
    ask(path, accept_encoding, NULL);
    if (wire.status != status)
        test_fail("%s, Accept-Encoding '%s': %d, not %d", path,
                  accept_encoding ? accept_encoding : "(none)", wire.status, status);
    wire_close(&wire);
}

static void the_page_loads_nothing_from_elsewhere(void **state)
{
    (void)state;
    ask("/", "gzip, deflate, br", NULL);
    assert_int_equal(wire.status, 200);
    assert_string_equal(wire.answer.type, "text/html; charset=utf-8");
    assert_string_equal(header("content-encoding"), "gzip");
    assert_memory_equal(wire.body, "\x1f\x8b", 2);
    assert_non_null(strstr(header("content-security-policy"), "default-src 'none'; "));
    assert_null(strstr(header("content-security-policy"), "unsafe"));
    assert_null(strstr(header("content-security-policy"), "http"));
    assert_string_equal(header("x-content-type-options"), "nosniff");
    assert_string_equal(header("x-frame-options"), "DENY");
    assert_string_equal(header("referrer-policy"), "no-referrer");
    wire_close(&wire);
}

static void every_file_is_there(void **state)
{
    (void)state;
    size_t all = 0;

    assert_true(dashboard_asset_count > 3);
    for (size_t i = 0; i < dashboard_asset_count; i++) {
        const struct dashboard_asset *asset = &dashboard_assets[i];
        char path[128];

        snprintf(path, sizeof(path), "/dashboard/%s", asset->name);
        ask(path, "gzip", NULL);
        assert_int_equal(wire.status, 200);
        assert_memory_equal(wire.answer.type, "text/", 5);
        assert_int_equal(wire.len, asset->len);
        assert_memory_equal(wire.body, asset->bytes, asset->len);
        wire_close(&wire);
        all += asset->len;
    }
    assert_true(all <= ALL_MAX);
}

static void what_is_there_is_not_sent_again(void **state)
{
    (void)state;
    char both[64];

    ask("/", NULL, NULL);
    snprintf(both, sizeof(both), "\"x\", W/%s", header("etag"));
    assert_string_equal(header("cache-control"), "no-cache");
    wire_close(&wire);
    ask("/", NULL, both);
    assert_int_equal(wire.status, 304);
    assert_int_equal(wire.len, 0);
    wire_close(&wire);
    ask("/", NULL, "\"x\"");
    assert_int_equal(wire.status, 200);
    wire_close(&wire);
}

static void only_who_takes_gzip_gets_it(void **state)
{
    (void)state;
    expect_status("/", NULL, 200);
    expect_status("/", "br;q=1, GZIP;q=0.5", 200);
    expect_status("/", "*", 200);
    expect_status("/", "br, *;q=0.1", 200);
    expect_status("/", "", 406);
    expect_status("/", "identity", 406);
    expect_status("/", "gzip;q=0, *", 406);
    expect_status("/", "gzip; q=0.000 , br", 406);
    expect_status("/", "*;q=0", 406);
    expect_status("/", "gzipped", 406);
}

static void others_are_not_there(void **state)
{
    (void)state;
    expect_status("/dashboard/", NULL, 404);
    expect_status("/dashboard", NULL, 404);
    expect_status("/dashboard/nope.js", NULL, 404);
    expect_status("/dashboard/x/main.js", NULL, 404);
    expect_status("/dashboard/README.md", NULL, 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_loads_nothing_from_elsewhere),
        cmocka_unit_test(every_file_is_there),
        cmocka_unit_test(what_is_there_is_not_sent_again),
        cmocka_unit_test(only_who_takes_gzip_gets_it),
        cmocka_unit_test(others_are_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
