#include <stdlib.h>
#include <string.h>

#include "client/url.h"
#include "support/cmocka_all.h"

static void takes_apart(void **state)
{
    static const struct {
        const char *text, *host, *path, *authority;
        unsigned port;
        bool tls;
    } rows[] = {
        {"ws://localhost:8080", "localhost", "/", "localhost:8080", 8080, false},
        {"ws://localhost", "localhost", "/", "localhost:80", 80, false},
        {"wss://a.example/v1/ws", "a.example", "/v1/ws", "a.example:443", 443, true},
        {"WS://10.0.0.1:1/", "10.0.0.1", "/", "10.0.0.1:1", 1, false},
        {"ws://[::1]:65535/x", "::1", "/x", "[::1]:65535", 65535, false},
        {"ws://[fe80::1]", "fe80::1", "/", "[fe80::1]:80", 80, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url url;
        struct studio_error error;
        assert_int_equal(url_parse(rows[i].text, &url, &error), STUDIO_OK);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.path, rows[i].path);
        assert_string_equal(url.authority, rows[i].authority);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.tls, rows[i].tls);
    }
}

static void refuses(void **state)
{
    static const char *const texts[] = {
        "",           "localhost:8080",    "http://localhost", "ws://",           "ws:///path",
        "ws://:8080", "ws://h:",           "ws://h:0",         "ws://h:65536",    "ws://h:12x",
        "ws://u@h",   "ws://h/?id=a",      "ws://h#x",         "ws://[::1",       "ws://[]:1",
        "ws://a b",   "ws://[::1]8080",    "ws://h/a b",       "ws://h/\xc3\xa4", "ws://h:99999999",
        "ws://\x7f",  "ws://user:pass@h/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct url url;
        struct studio_error error = {.code = STUDIO_OK};
        if (url_parse(texts[i], &url, &error) != STUDIO_ERR_USAGE)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(error.code, STUDIO_ERR_USAGE);
        assert_true(strlen(error.text) > 20);
    }
}

static void bounds(void **state)
{
    char text[600];
    struct url url;
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "ws://", 5);
    text[5 + URL_HOST_MAX] = '\0';
    assert_int_equal(url_parse(text, &url, NULL), STUDIO_OK);
    text[5 + URL_HOST_MAX] = 'a';
    text[5 + URL_HOST_MAX + 1] = '\0';
    assert_int_equal(url_parse(text, &url, NULL), STUDIO_ERR_USAGE);
    memset(text, 'a', sizeof(text));
    memcpy(text, "ws://h/", 7);
    text[6 + URL_PATH_MAX] = '\0';
    assert_int_equal(url_parse(text, &url, NULL), STUDIO_OK);
    text[6 + URL_PATH_MAX] = 'a';
    text[6 + URL_PATH_MAX + 1] = '\0';
    assert_int_equal(url_parse(text, &url, NULL), STUDIO_ERR_USAGE);
}

static void encodes(void **state)
{
    struct buf b;
    struct url url;
    (void)state;
    buf_init(&b, 1000);
    url_encode(&b, "aZ9-._~ &=+%/\xc3\xa4");
    assert_string_equal(b.data, "aZ9-._~%20%26%3D%2B%25%2F%C3%A4");
    buf_clear(&b);
    assert_int_equal(url_parse("ws://h/v1/ws", &url, NULL), STUDIO_OK);
    url_auth_path(&b, &url, "ARO-001_dealer PC", "T.~-_1");
    assert_string_equal(b.data, "/v1/ws?id=ARO-001_dealer%20PC&token=T.~-_1");
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_apart),
        cmocka_unit_test(refuses),
        cmocka_unit_test(bounds),
        cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
