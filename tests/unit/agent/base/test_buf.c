#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void test_starts_empty(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    buf_finish(&b);

    struct buf zeroed = {0};
    buf_finish(&zeroed);
}

static void test_appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000);
    buf_str(&b, "one ");
    buf_add(&b, "two\0three", 4);
    buf_printf(&b, "%d-%s", 4, "five");
    buf_u64(&b, 0);
    buf_u64(&b, UINT64_MAX);
    assert_int_equal(b.len, strlen("one two") + 1 + strlen("4-five018446744073709551615"));
    assert_memory_equal(b.data,
                        "one two\0"
                        "4-five018446744073709551615",
                        b.len + 1);
    buf_finish(&b);
    assert_null(b.data);
}

static void test_printf_longer_than_room(void **state)
{
    (void)state;
    struct buf b;
    char expected[1001];
    memset(expected, 'x', 1000);
    expected[1000] = '\0';
    buf_init(&b, 1000);
    buf_printf(&b, "%s", expected);
    assert_true(buf_ok(&b));
    assert_string_equal(b.data, expected);
    buf_printf(&b, "%s", "");
    assert_true(buf_ok(&b));
    buf_printf(&b, "%s", "y");
    assert_false(buf_ok(&b));
    assert_string_equal(b.data, expected);
    buf_finish(&b);
}

static void test_bound_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_str(&b, "12345");
    assert_true(buf_ok(&b));
    buf_str(&b, "6");
    assert_false(buf_ok(&b));
    buf_str(&b, "");
    assert_false(buf_ok(&b));
    assert_string_equal(b.data, "12345");
    assert_null(buf_take(&b));

    buf_str(&b, "123");
    assert_true(buf_ok(&b)); /* after a take it starts again */
    buf_str(&b, "456");
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_str(&b, "ab");
    assert_string_equal(b.data, "ab");
    buf_finish(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    char *empty = buf_take(&b);
    assert_non_null(empty);
    assert_string_equal(empty, "");
    free(empty);

    buf_str(&b, "text");
    char *text = buf_take(&b);
    assert_string_equal(text, "text");
    free(text);
    assert_int_equal(b.len, 0);
    buf_finish(&b);
}

static void test_fixed(void **state)
{
    (void)state;
    char space[8];
    struct buf b;
    buf_init_fixed(&b, space, sizeof(space));
    assert_string_equal(space, "");
    buf_str(&b, "1234");
    buf_printf(&b, "%d", 567);
    assert_true(buf_ok(&b));
    assert_ptr_equal(b.data, space);
    assert_string_equal(space, "1234567");
    buf_printf(&b, "%d", 8);
    assert_false(buf_ok(&b));
    assert_string_equal(space, "1234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_printf_longer_than_room),
        cmocka_unit_test(test_bound_sticks),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
