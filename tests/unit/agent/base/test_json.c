#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "studio/status.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct text_row {
    const char *text;
    size_t len; /* 0: strlen */
};

static size_t row_len(const struct text_row *row)
{
    return row->len > 0 ? row->len : strlen(row->text);
}

static void test_valid(void **state)
{
    (void)state;
    static const struct text_row rows[] = {
        {"{}", 0},
        {"[]", 0},
        {" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", 0},
        {"null", 0},
        {"true", 0},
        {"false", 0},
        {"\"\"", 0},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"", 0},
        {"\"\x7f\xC3\xA9\xF0\x9F\x98\x80\"", 0},
        {"0", 0},
        {"-0", 0},
        {"10", 0},
        {"-1.5e+10", 0},
        {"0.5E-3", 0},
        {"1e400", 0},
        {"\"\\uFFFF\"", 0},
        {"{\"a\":1,\"a\":2}", 0}, /* duplicates are the decoder's affair */
        {"123456789012345678901234567890123456789012345678901234567890123", 0},
        {"[1]x", 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!json_check(rows[i].text, row_len(&rows[i]), NULL))
            fail_msg("refused: %s", rows[i].text);
    }
}

static void test_invalid(void **state)
{
    (void)state;
    static const struct text_row rows[] = {
        {" ", 0},
        {"{", 0},
        {"}", 0},
        {"[1,]", 0},
        {"[,1]", 0},
        {"[1 2]", 0},
        {"[1}", 0},
        {"{\"a\"}", 0},
        {"{\"a\":}", 0},
        {"{\"a\":1,}", 0},
        {"{a:1}", 0},
        {"{1:1}", 0},
        {"{'a':1}", 0},
        {"{} {}", 0},
        {"{}x", 0},
        {"{}\0", 3},
        {"\0{}", 3},
        {"\xEF\xBB\xBF{}", 0}, /* a byte order mark */
        {"\v{}", 0},
        {"nul", 0},
        {"nulll", 0},
        {"True", 0},
        {"NaN", 0},
        {"Infinity", 0},
        {"01", 0},
        {"-01", 0},
        {"00", 0},
        {"-", 0},
        {"+1", 0},
        {".5", 0},
        {"1.", 0},
        {"1.e5", 0},
        {"1e", 0},
        {"1e+", 0},
        {"0x10", 0},
        {"1234567890123456789012345678901234567890123456789012345678901234", 0},
        {"\"", 0},
        {"\"a", 0},
        {"\"a\nb\"", 0},
        {"\"a\tb\"", 0},
        {"\"a\0b\"", 5},
        {"\"\\", 0},
        {"\"\\\"", 0},
        {"\"\\x41\"", 0},
        {"\"\\\0\"", 4},
        {"\"\\u00\"", 0},
        {"\"\\u00g0\"", 0},
        {"\"\\u0000\"", 0},
        {"\"\\uD800\"", 0},
        {"\"\\uD800x\"", 0},
        {"\"\\uD800\\n\"", 0},
        {"\"\\uD800\\u0041\"", 0},
        {"\"\\uD800\\uD800\"", 0},
        {"\"\\uDC00\"", 0},
        {"\"\\uDC00\\uD800\"", 0},
        {"\"\\uD83D\\u", 0},
        {"\"\xFF\"", 0},
        {"\"\xC0\x80\"", 0},
        {"\"\xED\xA0\x80\"", 0},
        {"\"\xC3\"", 0},
        {"\xC2\xA0{}", 0},
        {"/* c */ {}", 0},
    };
    assert_false(json_check("", 0, NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (json_check(rows[i].text, row_len(&rows[i]), NULL))
            fail_msg("accepted: %s", rows[i].text);
    }
}

static void test_every_prefix_is_invalid(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[true,null,-1.5e3,\"\\u00e9\\uD83D\\uDE00\"],\"b\":{\"c\":false}}";
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_false(json_check(text, len, NULL));
    assert_true(json_check(text, sizeof(text) - 1, NULL));
}

static void test_depth(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth <= STUDIO_JSON_DEPTH_MAX + 1; depth++) {
        char text[200] = "";
        for (unsigned i = 0; i < depth; i++)
            strcat(text, i % 2 == 0 ? "{\"a\":" : "[");
        strcat(text, "0");
        for (unsigned i = depth; i > 0; i--)
            strcat(text, i % 2 == 1 ? "}" : "]");
        struct json_facts facts = {0};
        bool valid = json_check(text, strlen(text), &facts);
        assert_int_equal(valid, depth <= STUDIO_JSON_DEPTH_MAX);
        if (valid)
            assert_int_equal(facts.depth, depth);
    }
    struct json_facts facts;
    static const char wide[] = "[[],[],[[]],{},[]]";
    assert_true(json_check(wide, strlen(wide), &facts));
    assert_int_equal(facts.depth, 3);
    assert_true(json_check("1", 1, &facts));
    assert_int_equal(facts.depth, 0);
}

static void test_big_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool big;
    } rows[] = {
        {"9007199254740991", false},          {"-9007199254740991", false},
        {"9007199254740992", true},           {"-9007199254740992", true},
        {"10000000000000000", true},          {"99999999999999999999", true},
        {"9007199254740992.0", false},        {"1e300", false},
        {"[{\"a\":9007199254740993}]", true}, {"\"9007199254740993\"", false},
        {"999999999999999", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_facts facts;
        assert_true(json_check(rows[i].text, strlen(rows[i].text), &facts));
        assert_int_equal(facts.big_integer, rows[i].big);
    }
}

static void test_json_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\xE2\x82\xAC", 3, "\"\xE2\x82\xAC\""},
        {"\nend", 4, "\"\\nend\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        buf_init(&b, 100);
        json_string(&b, rows[i].text, rows[i].len);
        assert_string_equal(b.data, rows[i].json);
        buf_finish(&b);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    json_key(&b, "a");
    buf_str(&b, "{");
    json_text(&b, "b", "{\"");
    json_u64(&b, "c", UINT64_MAX);
    json_key(&b, "d");
    buf_str(&b, "{");
    json_text(&b, "e", "");
    buf_str(&b, "}}");
    assert_string_equal(b.data,
                        "\"a\":{\"b\":\"{\\\"\",\"c\":18446744073709551615,\"d\":{\"e\":\"\"}}");
    buf_finish(&b);
}

static void test_what_a_string_says(void **state)
{
    (void)state;
    static const struct {
        const char *string, *says;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain \xC3\xA9\"", "plain \xC3\xA9"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\tx\"", "\"\\/\b\f\n\r\tx"},
        {"\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "A\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF"},
        {"\"a\\uD83D\\ude00z\\udbff\\udfff\"", "a\xF0\x9F\x98\x80z\xF4\x8F\xBF\xBF"},
    };
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_clear(&b);
        buf_str(&b, ">");
        json_string_value(&b, rows[i].string, strlen(rows[i].string));
        assert_string_equal(b.data + 1, rows[i].says);
    }
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_a_string_says),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_every_prefix_is_invalid),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_big_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
