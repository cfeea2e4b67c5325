/* test_record.c - strict about JSON, exact about bytes. */
#include "store/record.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static bool parse(const char *line, struct json_members *record)
{
    return json_members(line, strlen(line), record);
}

static void test_accepts(void **state)
{
    static const char *const lines[] = {
        "{}",
        " { } ",
        "{\"a\":1}",
        "{\"a\":-0.5e+10,\"b\":[],\"c\":[1,[2,{\"d\":null}]],\"e\":true,\"f\":false}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
        "{\"\\u0061\":0,\"b\":1E5}",
        "{\"a\" : \"\xc3\xa9\"\t}\r",
    };
    struct json_members record;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!parse(lines[i], &record))
            fail_msg("%s", lines[i]);
}

static void test_refuses(void **state)
{
    static const char *const lines[] = {
        "",
        "null",
        "[]",
        "{",
        "}",
        "{}x",
        "{}{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u00\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\ude00\"}",
        "{\"a\":\"\\",
        "{\"a\":\"\xff\"}",
        "{\"a\":1,\"a\":2}",
    };
    struct json_members record;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (parse(lines[i], &record))
            fail_msg("%s", lines[i]);
    assert_false(json_members("{\"a\":1\0}", 8, &record));
}

static void test_bounds(void **state)
{
    struct json_members record;
    char line[2048];
    (void)state;
    for (int depth = 1; depth < 100; depth++) {
        memset(line, '[', (size_t)depth + 5);
        memcpy(line, "{\"a\":", 5);
        memset(line + 5 + depth, ']', (size_t)depth);
        line[5 + 2 * depth] = '}';
        assert_int_equal(json_members(line, (size_t)(6 + 2 * depth), &record),
                         depth < JSON_MEMBERS_DEPTH_MAX);
    }
    for (int members = 1; members < 2 * JSON_MEMBERS_MAX; members++) {
        size_t len = 0;
        for (int i = 0; i < members; i++)
            len += (size_t)snprintf(line + len, sizeof line - len, "%c\"m%d\":%d", i ? ',' : '{', i,
                                    i);
        line[len++] = '}';
        assert_int_equal(json_members(line, len, &record), members <= JSON_MEMBERS_MAX);
    }
}

/* Every line cut short anywhere is refused, without reading past its end. */
static void test_cut_anywhere(void **state)
{
    static const char line[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",{\"b\":null}],\"c\":true}";
    struct json_members record;
    (void)state;
    for (size_t len = 0; len < sizeof line - 1; len++) {
        char *exact = test_malloc(len + 1); /* a guard block follows */
        memcpy(exact, line, len);
        assert_false(json_members(exact, len, &record));
        test_free(exact);
    }
    assert_true(json_members(line, sizeof line - 1, &record));
}

static void test_values_are_the_bytes_given(void **state)
{
    struct json_members record;
    (void)state;
    assert_true(parse("{\"a\": { \"x\" : 1.0 } ,\"b\":\"\\u0041\"}", &record));
    const struct json_span *a = record_get(&record, "a");
    assert_non_null(a);
    assert_int_equal(a->len, strlen("{ \"x\" : 1.0 }"));
    assert_memory_equal(a->text, "{ \"x\" : 1.0 }", a->len);
    assert_null(record_get(&record, "x"));
    assert_null(record_get(&record, "ab"));
    assert_null(record_get(&record, ""));
}

static void test_numbers(void **state)
{
    static const struct {
        const char *line;
        bool is_i64, is_u64;
        int64_t n;
    } rows[] = {
        {"{\"n\":0}", true, true, 0},
        {"{\"n\":-1}", true, false, -1},
        {"{\"n\":9223372036854775807}", true, true, INT64_MAX},
        {"{\"n\":9223372036854775808}", false, false, 0},
        {"{\"n\":99999999999999999999999}", false, false, 0},
        {"{\"n\":1.5}", false, false, 0},
        {"{\"n\":1e3}", false, false, 0},
        {"{\"n\":\"1\"}", false, false, 0},
        {"{\"n\":null}", false, false, 0},
        {"{\"m\":1}", false, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_members record;
        int64_t n = 0;
        uint64_t u = 0;
        assert_true(parse(rows[i].line, &record));
        assert_int_equal(record_i64(&record, "n", &n), rows[i].is_i64);
        assert_int_equal(record_u64(&record, "n", &u), rows[i].is_u64);
        assert_true(n == rows[i].n);
    }
}

static void test_texts(void **state)
{
    struct json_members record;
    (void)state;
    assert_true(parse("{\"s\":\"store\",\"n\":7}", &record));
    assert_true(record_is(&record, "s", "store"));
    assert_false(record_is(&record, "s", "stor"));
    assert_false(record_is(&record, "n", "7"));
    assert_false(record_is(&record, "none", ""));
}

static void test_times(void **state)
{
    static const struct {
        const char *line;
        bool ok;
        int64_t wall_ms;
    } rows[] = {
        {"{\"ts\":\"2023-11-14T22:13:20.123Z\"}", true, 1700000000123},
        {"{\"ts\":\"1970-01-01T00:00:00.000Z\"}", true, 0},
        {"{\"ts\":\"2024-02-29T00:00:00.000Z\"}", true, 1709164800000},
        {"{\"ts\":\"2023-02-30T00:00:00.000Z\"}", false, 0},
        {"{\"ts\":\"2023-11-14T22:13:20Z\"}", false, 0},
        {"{\"ts\":\"2023-11-14 22:13:20.123Z\"}", false, 0},
        {"{\"ts\":\"2023-11-14T22:13:20.123+\"}", false, 0},
        {"{\"ts\":\"2023-11-14T22:13:20.1 3Z\"}", false, 0},
        {"{\"ts\":1700000000123}", false, 0},
        {"{}", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_members record;
        int64_t wall_ms = 0;
        assert_true(parse(rows[i].line, &record));
        if (record_time(&record, "ts", &wall_ms) != rows[i].ok)
            fail_msg("%s", rows[i].line);
        if (rows[i].ok)
            assert_true(wall_ms == rows[i].wall_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_values_are_the_bytes_given),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
