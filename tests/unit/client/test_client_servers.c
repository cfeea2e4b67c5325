/* Lists of addresses: taken apart, gone around, told about. */
#include <string.h>

#include "client/client_servers.h"
#include "support/cmocka_all.h"

static struct servers list(const char *text)
{
    struct servers s;
    struct studio_error error;
    if (servers_parse(text, &s, &error) != STUDIO_OK)
        fail_msg("'%s': %s", text, error.text);
    return s;
}

static struct studio_error lost(const char *detail)
{
    struct studio_error why;
    studio_error_set(&why, STUDIO_ERR_NOT_CONNECTED, "%s", detail);
    return why;
}

static void takes_apart(void **state)
{
    (void)state;
    struct servers s = list("ws://a:1, wss://b/v1/ws ,ws://[::1]:3");
    assert_int_equal(s.count, 3);
    assert_string_equal(s.urls[0].authority, "a:1");
    assert_string_equal(s.urls[1].authority, "b:443");
    assert_string_equal(s.urls[1].path, "/v1/ws");
    assert_string_equal(s.urls[2].authority, "[::1]:3");
    assert_true(servers_any_tls(&s));
    assert_ptr_equal(servers_now(&s), &s.urls[0]);
    s = list("ws://a:1");
    assert_int_equal(s.count, 1);
    assert_false(servers_any_tls(&s));
    s = list("ws://a,ws://b,ws://c,ws://d,ws://e,ws://f,ws://g,ws://h");
    assert_int_equal(s.count, SERVERS_MAX);
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "WebSocket address"},
        {" ws://a", "WebSocket address"},
        {",", "address 1 of 2 is empty"},
        {"ws://a,", "address 2 of 2 is empty"},
        {"ws://a, ,ws://b", "address 2 of 3 is empty"},
        {"ws://a,b:8080", "address 2 of 2, 'b:8080': 'b:8080' is no WebSocket address"},
        {"ws://a,ws://b?id=x", "address 2 of 2, 'ws://b?id=x': the address must not have a '?'"},
        {"ws://a,http://b,ws://c", "address 2 of 3, 'http://b'"},
        {"ws://a ws://b,ws://c", "address 1 of 2, 'ws://a ws://b'"},
        {"ws://a,ws://b,ws://c,ws://d,ws://e,ws://f,ws://g,ws://h,ws://i", "9 addresses"},
    };
    char text[1200] = "ws://a,ws://";
    struct servers s;
    struct studio_error error;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(servers_parse(rows[i].text, &s, &error), STUDIO_ERR_USAGE);
        if (strstr(error.text, rows[i].words) == NULL)
            fail_msg("'%s': %s", rows[i].text, error.text);
    }
    /* What is too long for a part does not become another address. */
    memset(text + strlen(text), 'b', sizeof(text) - strlen(text) - 1);
    assert_int_equal(servers_parse(text, &s, NULL), STUDIO_ERR_USAGE);
    memcpy(text + 7, "ws://b/", 7);
    assert_int_equal(servers_parse(text, &s, NULL), STUDIO_ERR_USAGE);
    assert_int_equal(servers_parse("ws://a,", &s, NULL), STUDIO_ERR_USAGE);
}

/* The longest that one alone may be is a part of a list, too. */
static void the_longest_part(void **state)
{
    char text[700] = "ws://z,wss://[";
    (void)state;
    size_t len = strlen(text);
    memset(text + len, 'a', URL_HOST_MAX);
    strcpy(text + len + URL_HOST_MAX, "]:65535/");
    len = strlen(text);
    memset(text + len, 'p', URL_PATH_MAX - 1);
    text[len + URL_PATH_MAX - 1] = '\0';
    struct servers s = list(text);
    assert_int_equal(strlen(s.urls[1].host), URL_HOST_MAX);
    assert_int_equal(strlen(s.urls[1].path), URL_PATH_MAX);
}

static void goes_around(void **state)
{
    (void)state;
    struct servers s = list("ws://a:1,ws://b:2,ws://c:3");
    struct studio_error why = lost(" to ws://a:1/: no route");
    assert_true(servers_failed(&s, &why, 0));
    assert_string_equal(why.text, "Not connected to ws://a:1/: no route");
    assert_ptr_equal(servers_now(&s), &s.urls[1]);
    why = lost(": the server closed the connection (1012 x)");
    assert_true(servers_failed(&s, &why, 0));
    why = lost(" to ws://c:3/: it does not serve now");
    assert_false(servers_failed(&s, &why, 0));
    assert_int_equal(why.code, STUDIO_ERR_NOT_CONNECTED);
    assert_string_equal(why.text,
                        "Not connected: none of 3 servers lets us in; a:1: no route; b:2: the "
                        "server closed the connection (1012 x); c:3: it does not serve now");
    /* The next round begins with the first of the last one. */
    assert_ptr_equal(servers_now(&s), &s.urls[0]);
    assert_int_equal(servers_pause(&s, 700, 1), 700);
    why = lost("");
    assert_true(servers_failed(&s, &why, 0));
    assert_true(servers_failed(&s, &why, 0));
    /* It is connected and goes at once: this round has had its three. */
    assert_false(servers_failed(&s, &why, 0));
    (void)servers_pause(&s, 700, 1);
    assert_true(servers_failed(&s, &why, 0));
    assert_true(servers_failed(&s, &why, 0));
    servers_held(&s);
    assert_true(servers_failed(&s, &why, 0));
    assert_ptr_equal(servers_now(&s), &s.urls[0]);
}

static void one_alone_is_told_as_ever(void **state)
{
    (void)state;
    struct servers s = list("ws://a:1");
    struct studio_error why = lost(" to ws://a:1/: no route");
    assert_false(servers_failed(&s, &why, 0));
    assert_string_equal(why.text, "Not connected to ws://a:1/: no route");
    servers_sign(&s, &why);
    assert_string_equal(why.text, "Not connected to ws://a:1/: no route");
}

static void of_one_kind_or_not(void **state)
{
    struct studio_error why;
    (void)state;
    struct servers s = list("ws://a:1,ws://b:2");
    for (int i = 0; i < 2; i++) {
        studio_error_set(&why, STUDIO_ERR_TIMEOUT, ": it is silent");
        assert_int_equal(servers_failed(&s, &why, 0), i == 0);
    }
    assert_int_equal(why.code, STUDIO_ERR_TIMEOUT);
    (void)servers_pause(&s, 1, 1);
    why = lost(": gone");
    assert_true(servers_failed(&s, &why, 0));
    studio_error_set(&why, STUDIO_ERR_LIMIT, NULL);
    assert_false(servers_failed(&s, &why, 0));
    assert_int_equal(why.code, STUDIO_ERR_NOT_CONNECTED);
    assert_string_equal(
        why.text, "Not connected: none of 2 servers lets us in; a:1: gone; b:2: Try again later");
    studio_error_set(&why, STUDIO_ERR_AUTH_CREDENTIALS, NULL);
    servers_sign(&s, &why);
    assert_string_equal(why.text, "Invalid credentials (says a:1)");
}

/* Each has its share of the room, and what is cut is still UTF-8. */
static void long_words_are_cut(void **state)
{
    char text[STUDIO_ERROR_TEXT_MAX];
    (void)state;
    struct servers s =
        list("ws://a:1,ws://b:2,ws://c:3,ws://d:4,ws://e:5,ws://f:6,ws://g:7,ws://h:8");
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    struct studio_error why = lost("");
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        why = lost(text);
        assert_int_equal(servers_failed(&s, &why, 0), i + 1 < SERVERS_MAX);
    }
    assert_true(strlen(why.text) < sizeof(why.text));
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        const char *at = strstr(why.text, s.urls[i].authority);
        if (at == NULL)
            fail_msg("%s is not named: %s", s.urls[i].authority, why.text);
        assert_memory_equal(at + 3, ": \xc3\xa4", 4);
    }
    for (const char *at = strchr(why.text, '\xc3'); at != NULL; at = strchr(at + 2, '\xc3'))
        assert_int_equal((unsigned char)at[1], 0xa4);
}

/* A name that fills all the room there is. */
static void long_names_are_left_out(void **state)
{
    char text[700] = "ws://a:1,ws://";
    (void)state;
    memset(text + strlen(text), 'b', URL_HOST_MAX);
    strcat(text, ",ws://c:3");
    struct servers s = list(text);
    struct studio_error why = lost(": gone");
    assert_true(servers_failed(&s, &why, 0));
    assert_true(servers_failed(&s, &why, 0));
    why = lost(": away");
    assert_false(servers_failed(&s, &why, 0));
    assert_string_equal(why.text,
                        "Not connected: none of 3 servers lets us in; a:1: gone; c:3: away");
}

static void pauses(void **state)
{
    struct studio_error why = lost("");
    (void)state;
    struct servers s = list("ws://a:1,ws://b:2");
    /* No longer than asked, be it a little less; not less than the least. */
    static const struct {
        unsigned asked, backoff;
        uint32_t random;
        int64_t pause;
    } rows[] = {
        {0, 30000, 5, 30000},
        {5, 700, 5, 700},
        {5, 30000, 0, 5000},
        {5, 30000, 2400, 2600},
        {1, 30000, 0, 5000},
        {20, 30000, 10000, 20000},
        {20, 30000, 9999, 10001},
        {61, 30000, 0, 30000},
        {5, 30000, UINT32_MAX, 5000 - UINT32_MAX % 2500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(servers_failed(&s, &why, rows[i].asked));
        assert_false(servers_failed(&s, &why, rows[i].asked > 0 ? rows[i].asked + 10 : 0));
        assert_int_equal(servers_pause(&s, rows[i].backoff, rows[i].random), rows[i].pause);
    }
    assert_int_equal(s.retry_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_apart),
        cmocka_unit_test(refuses),
        cmocka_unit_test(the_longest_part),
        cmocka_unit_test(goes_around),
        cmocka_unit_test(one_alone_is_told_as_ever),
        cmocka_unit_test(of_one_kind_or_not),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(long_names_are_left_out),
        cmocka_unit_test(pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
