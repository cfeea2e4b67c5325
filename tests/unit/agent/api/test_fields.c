/* test_fields.c - header fields that are lists, taken apart. */
#include "api/fields.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

/* `name=quality` of each part. */
static void expect_parts(const char *list, const char *expected)
{
    char found[256] = "";
    struct field_part part;

    while (fields_next(&list, &part)) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof(found) - len, "%.*s=%d ", (int)part.name_len, part.name,
                 fields_quality(&part));
    }
    assert_string_equal(found, expected);
}

static void parts_and_how_much_they_are_wanted(void **state)
{
    (void)state;
    expect_parts("", "");
    expect_parts("gzip", "gzip=1000 ");
    expect_parts(" gzip ;q=0.5 ,\tbr; q=0, *;Q=0.001", "gzip=500 br=0 *=1 ");
    expect_parts("a;b=1;q=0.25;c", "a=250 ");
    expect_parts("a;qq=0.1;xq=0;\"q=0", "a=1000 "); /* of other names */
    expect_parts("a;q=\"0.5\"", "a=500 ");
    expect_parts("a;q=1.0,b;q=1,c;q=", "a=1000 b=1000 c=0 ");
    expect_parts(",a,,;q=0.3", "=1000 a=1000 =1000 =300 ");
}

static void parameters_by_their_names(void **state)
{
    const char *list = "text/plain; version=0.0.4;charset=\"utf-8\" ;q=1, next";
    struct field_part part;
    const char *value;
    size_t len;

    (void)state;
    assert_true(fields_next(&list, &part));
    assert_true(fields_is(&part, "Text/Plain"));
    assert_false(fields_is(&part, "text"));
    value = fields_parameter(&part, "VERSION", &len);
    assert_non_null(value);
    assert_int_equal(len, 5);
    assert_memory_equal(value, "0.0.4", 5);
    value = fields_parameter(&part, "charset", &len);
    assert_non_null(value);
    assert_int_equal(len, 5);
    assert_memory_equal(value, "utf-8", 5);
    assert_null(fields_parameter(&part, "next", &len));
    assert_null(fields_parameter(&part, "text/plain", &len));
}

static void tags_of_a_list(void **state)
{
    (void)state;
    assert_true(fields_name_tag("\"1\"", "\"1\""));
    assert_true(fields_name_tag("W/\"1\"", "\"1\""));
    assert_true(fields_name_tag(" \"0\" , W/\"2\",\"1\"", "\"1\""));
    assert_true(fields_name_tag("*", "\"1\""));
    assert_false(fields_name_tag("", "\"1\""));
    assert_false(fields_name_tag("1", "\"1\""));
    assert_false(fields_name_tag("\"11\"", "\"1\""));
    assert_false(fields_name_tag("x\"1\"", "\"1\""));
    assert_false(fields_name_tag("\"a\"1\"", "\"1\""));
    assert_false(fields_name_tag("\"a, ", "\"1\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_how_much_they_are_wanted),
        cmocka_unit_test(parameters_by_their_names),
        cmocka_unit_test(tags_of_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
