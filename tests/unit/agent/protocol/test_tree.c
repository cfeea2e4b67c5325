#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/tree.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static cJSON *parse(const char *text, struct json_facts *facts)
{
    cJSON *tree;
    assert_int_equal(tree_parse(text, strlen(text), facts, &tree), STUDIO_OK);
    return tree;
}

static void test_prints_compactly_and_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
    } rows[] = {
        {" { \"a\" : [ 1 , true , null ] , \"b\" : { } , \"a\" : [ ] } ",
         "{\"a\":[1,true,null],\"b\":{},\"a\":[]}"},
        {"\"\\u0041\\/\\n\\u00e9\\ud83d\\ude00\\u001f\"",
         "\"A/\\n\xC3\xA9\xF0\x9F\x98\x80\\u001f\""},
        {"{\"k\\\"ey\":\"\"}", "{\"k\\\"ey\":\"\"}"},
        {"1.0", "1"},
        {"1e3", "1000"},
        {"-0.5", "-0.5"},
        {"-0", "-0"},
        {"-7", "-7"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"1704067200123456", "1704067200123456"}, /* microseconds keep all their digits */
        {"9007199254740991", "9007199254740991"},
        {"-9007199254740991", "-9007199254740991"},
        {"1e300", "1e+300"},
        {"9007199254740992.0", "9.007199254740992e+15"},
        {"1.2345678901234567e16", "1.2345678901234568e+16"},
        {"5e-324", "4.94065645841247e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"false", "false"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_facts facts;
        size_t len;
        cJSON *tree = parse(rows[i].text, &facts);
        char *text = tree_text(tree, &len);
        assert_string_equal(text, rows[i].printed);
        assert_int_equal(len, strlen(text));
        cJSON_Delete(tree);

        /* What was printed reads back and prints the same. */
        tree = parse(text, &facts);
        char *again = tree_text(tree, &len);
        assert_string_equal(again, text);
        assert_false(facts.big_integer);
        free(again);
        free(text);
        cJSON_Delete(tree);
    }
}

static void test_parse_errors(void **state)
{
    (void)state;
    cJSON *tree;
    assert_int_equal(tree_parse("{\"a\":01}", 8, NULL, &tree), STUDIO_ERR_INVALID_JSON);
    assert_int_equal(tree_parse("", 0, NULL, &tree), STUDIO_ERR_INVALID_JSON);
}

static void test_longest_number_reaches_cjson(void **state)
{
    (void)state;
    char text[JSON_NUMBER_MAX + 3] = "[";
    memset(text + 1, '1', JSON_NUMBER_MAX);
    text[JSON_NUMBER_MAX + 1] = ']';
    cJSON *tree;
    assert_int_equal(tree_parse(text, JSON_NUMBER_MAX + 2, NULL, &tree), STUDIO_OK);
    cJSON_Delete(tree);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tree_numbers found;
    } rows[] = {
        {"[1,{\"a\":2.5}]", TREE_NUMBERS_OK},   {"1e300", TREE_NUMBERS_OK},
        {"1e400", TREE_NUMBERS_OVERFLOW},       {"[{\"a\":[-1e400]}]", TREE_NUMBERS_OVERFLOW},
        {"9007199254740993", TREE_NUMBERS_BIG}, {"[[-9007199254740993]]", TREE_NUMBERS_BIG},
        {"\"1e400\"", TREE_NUMBERS_OK},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_facts facts;
        cJSON *tree = parse(rows[i].text, &facts);
        assert_int_equal(tree_check_numbers(tree, &facts), rows[i].found);
        cJSON_Delete(tree);
    }
}

static void test_is_integer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool integer;
    } rows[] = {
        {"0", true},    {"-7", true},     {"9007199254740991", true}, {"9007199254740992", false},
        {"1.5", false}, {"1e400", false}, {"\"1\"", false},           {"true", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *tree = parse(rows[i].text, NULL);
        assert_int_equal(tree_is_integer(tree), rows[i].integer);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_compactly_and_exactly),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_longest_number_reaches_cjson),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_is_integer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
