#include "support/cmocka_all.h"

#include <string.h>

#include "base/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_utf8(void **state)
{
    (void)state;
    static const char *const valid[] = {
        "",
        "ascii",
        "\x7f",
        "\xC2\x80",         /* U+0080 */
        "\xDF\xBF",         /* U+07FF */
        "\xE0\xA0\x80",     /* U+0800 */
        "\xED\x9F\xBF",     /* U+D7FF */
        "\xEE\x80\x80",     /* U+E000 */
        "\xEF\xBF\xBF",     /* U+FFFF */
        "\xF0\x90\x80\x80", /* U+10000 */
        "\xF4\x8F\xBF\xBF", /* U+10FFFF */
        "a\xC3\xA9z\xE2\x82\xAC",
    };
    static const char *const invalid[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xE1\x80",
        "\xE1\x80\x41",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF1\x80\x80",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "ok\xE2\x82",
        "\xC3\xA9\xA9",
    };
    for (size_t i = 0; i < COUNT(valid); i++)
        assert_true(text_utf8_valid(valid[i], strlen(valid[i])));
    for (size_t i = 0; i < COUNT(invalid); i++)
        assert_false(text_utf8_valid(invalid[i], strlen(invalid[i])));
}

static void test_utf8_cut(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t len = 0; len < COUNT(cuts); len++)
        assert_int_equal(text_utf8_cut(text, len), cuts[len]);
    assert_int_equal(text_utf8_cut("\x80\x80\x80\x80", 4), 4); /* not UTF-8: nothing to save */
}

static void test_control(void **state)
{
    (void)state;
    assert_false(text_has_control("dealer PC \xC3\xA9", 12));
    assert_true(text_has_control("a\tb", 3));
    assert_true(text_has_control("a\0b", 3));
    assert_true(text_has_control("\x7f", 1));
}

static void test_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"ARO-001_*", "ARO-001_dealerPC", true},
        {"ARO-001_*", "ARO-001_", true},
        {"ARO-001_*", "ARO-001", false},
        {"ARO-001", "ARO-0011", false},
        {"*_dealerPC", "ARO-001_dealerPC", true},
        {"*_dealerPC", "ARO-001_dealerPC2", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "abc", true},
        {"a*b*c", "acb", false},
        {"a**c", "ac", true},
        {"ab*ba", "aba", false}, /* head and tail may not overlap */
        {"*a*a*", "a", false},
        {"*a*a*", "aa", true},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "ab", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_match(rows[i].pattern, rows[i].text), rows[i].match);
}

static void test_hex(void **state)
{
    (void)state;
    char out[9];
    text_hex((const unsigned char *)"\x00\x0f\xa5\xff", 4, out);
    assert_string_equal(out, "000fa5ff");
    for (int i = 0; i < 8; i++)
        assert_int_equal(text_hex_digit(out[i]), "\x0\x0\x0\xf\xa\x5\xf\xf"[i]);
    assert_int_equal(text_hex_digit('A'), 10);
    assert_int_equal(text_hex_digit('F'), 15);
    assert_int_equal(text_hex_digit('g'), -1);
    assert_int_equal(text_hex_digit('\0'), -1);
}

static void test_unhex(void **state)
{
    (void)state;
    unsigned char out[2] = {1, 2};
    assert_true(text_unhex("0fA5", 4, out, 2));
    assert_memory_equal(out, "\x0f\xa5", 2);
    assert_true(text_unhex("", 0, out, 0));
    static const char *const bad[] = {"", "0", "0fA", "0fA50", "0fA50f", "0fA5g", "gfA5", "0 A5"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(text_unhex(bad[i], strlen(bad[i]), out, 2));
}

static void test_lower(void **state)
{
    (void)state;
    assert_int_equal(text_lower('A'), 'a');
    assert_int_equal(text_lower('Z'), 'z');
    assert_int_equal(text_lower('_'), '_');
    assert_int_equal(text_lower('\xC9'), '\xC9');
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"listen", "broker", "topic_root", "data"};
    assert_string_equal(text_nearest("liste", names, 4), "listen");
    assert_string_equal(text_nearest("brokers", names, 4), "broker");
    assert_string_equal(text_nearest("topic-root", names, 4), "topic_root");
    assert_string_equal(text_nearest("TOPIC_ROOT", names, 4), "topic_root");
    assert_string_equal(text_nearest("dat", names, 4), "data");
    assert_null(text_nearest("da", names, 4));
    assert_null(text_nearest("x", names, 4));
    assert_null(text_nearest("", names, 4));
    assert_null(text_nearest("something", names, 4));
    assert_null(text_nearest("listen", names, 0));
    char longer[200];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(text_nearest(longer, names, 4));
}

static void test_number(void **state)
{
    uint64_t n;
    (void)state;
    assert_true(text_number("0", 0, 5, &n));
    assert_int_equal(n, 0);
    assert_true(text_number("007", 1, 7, &n));
    assert_int_equal(n, 7);
    assert_true(text_number("18446744073709551615", 0, UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    assert_false(text_number("18446744073709551616", 0, UINT64_MAX, &n));
    assert_false(text_number("8", 1, 7, &n));
    assert_false(text_number("0", 1, 7, &n));
    assert_false(text_number("", 0, 7, &n));
    assert_false(text_number("-1", 0, 7, &n));
    assert_false(text_number("+1", 0, 7, &n));
    assert_false(text_number(" 1", 0, 7, &n));
    assert_false(text_number("1x", 0, 7, &n));
}

static void test_part(void **state)
{
    static const struct {
        const char *list, *part, *rest; /* NULL: it is the last */
    } rows[] = {
        {"", "", NULL},         {"a", "a", NULL},
        {"a,b", "a", "b"},      {" a\t, b", "a", " b"},
        {"a,", "a", ""},        {" , b", "", " b"},
        {",", "", ""},          {"  ", "", NULL},
        {"a b ,c", "a b", "c"}, {" a , b ,", "a", " b ,"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *part, *rest;
        size_t len;

        rest = text_part(rows[i].list, &part, &len);
        assert_int_equal(len, strlen(rows[i].part));
        assert_memory_equal(part, rows[i].part, len);
        if (rows[i].rest)
            assert_string_equal(rest, rows[i].rest);
        else
            assert_null(rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_utf8_cut),
        cmocka_unit_test(test_control), cmocka_unit_test(test_match),
        cmocka_unit_test(test_hex),     cmocka_unit_test(test_unhex),
        cmocka_unit_test(test_lower),   cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_number),  cmocka_unit_test(test_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
