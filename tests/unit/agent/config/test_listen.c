#include "config/listen.h"

#include <string.h>

#include "support/cmocka_all.h"

static void addresses(void **state)
{
    static const char *const good[] = {"localhost:8080",
                                       "127.0.0.1:0",
                                       "[::1]:8080",
                                       "[::]:65535",
                                       "agent-1.example.org:80",
                                       "[fe80::1%eth0]:8080",
                                       "my_host:1",
                                       "ws://localhost:80",
                                       "wss://[::1]:443",
                                       "unix:/run/s",
                                       "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8",
                                       NULL};
    static const char *const bad[] = {"",
                                      "localhost",
                                      "localhost:",
                                      ":8080",
                                      "*:8080",
                                      "localhost:65536",
                                      "localhost:-1",
                                      "localhost:80a",
                                      "localhost:123456",
                                      "::1:8080",
                                      "[::1]",
                                      "[::1]8080",
                                      "[::1",
                                      "[]:80",
                                      "[localhost]:80",
                                      "[fe80::1%]:80",
                                      "local host:80",
                                      "localhost:80:80",
                                      "-x:80",
                                      "http://localhost:80",
                                      "wss://",
                                      "unix:",
                                      "unix:run/s",
                                      "localhost:80,",
                                      ",localhost:80",
                                      "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9",
                                      NULL};
    (void)state;
    for (const char *const *text = good; *text; text++)
        if (check_listen(*text))
            fail_msg("'%s' was refused: %s", *text, check_listen(*text));
    for (const char *const *text = bad; *text; text++)
        if (!check_listen(*text))
            fail_msg("'%s' was accepted", *text);
}

static void several_are_taken_apart(void **state)
{
    struct listen_list list;

    (void)state;
    assert_null(
        listen_parse("wss://0.0.0.0:8443, ws://[::1]:8080 ,unix:/run/x.sock", false, &list));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.at[0].kind, LISTEN_TLS);
    assert_string_equal(list.at[0].where, "0.0.0.0");
    assert_int_equal(list.at[0].port, 8443);
    assert_int_equal(list.at[1].kind, LISTEN_PLAIN);
    assert_string_equal(list.at[1].where, "::1");
    assert_int_equal(list.at[1].port, 8080);
    assert_int_equal(list.at[2].kind, LISTEN_UNIX);
    assert_string_equal(list.at[2].where, "/run/x.sock");
    assert_true(listen_has(&list, LISTEN_TLS));
}

static void without_a_scheme_it_is_what_can_be(void **state)
{
    struct listen_list list;

    (void)state;
    assert_null(listen_parse("localhost:1,ws://localhost:2", true, &list));
    assert_int_equal(list.at[0].kind, LISTEN_TLS);
    assert_int_equal(list.at[1].kind, LISTEN_PLAIN);
    assert_null(listen_parse("localhost:1", false, &list));
    assert_int_equal(list.at[0].kind, LISTEN_PLAIN);
    assert_false(listen_has(&list, LISTEN_TLS));
}

static void a_path_has_room_in_an_address(void **state)
{
    char text[LISTEN_PATH_MAX + 8] = "unix:/";
    struct listen_list list;

    (void)state;
    memset(text + 6, 'x', LISTEN_PATH_MAX - 1);
    assert_null(listen_parse(text, false, &list));
    strcat(text, "x");
    assert_non_null(listen_parse(text, false, &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(several_are_taken_apart),
        cmocka_unit_test(without_a_scheme_it_is_what_can_be),
        cmocka_unit_test(a_path_has_room_in_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
