#include <string.h>

#include "client/program/watch_keys.h"
#include "support/cmocka_all.h"

static void keys(void **state)
{
    static const enum watch_key expected[] = {KEY_DOWN, KEY_NONE,  KEY_UP,  KEY_PAGE_DOWN,
                                              KEY_LAST, KEY_FIRST, KEY_QUIT};
    static const char typed[] = "jx\x1b[A \x1b[Fgq";
    size_t at = 0, len;
    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++, at += len)
        assert_int_equal(watch_key_of(typed + at, strlen(typed + at), &len), expected[i]);
    assert_int_equal(at, strlen(typed));
    assert_int_equal(watch_key_of("\x1b", 1, &len), KEY_NONE);
    assert_int_equal(len, 1);
}

static void scrolling(void **state)
{
    (void)state;
    assert_int_equal(watch_scroll(KEY_DOWN, 0, 30, 10), 1);
    assert_int_equal(watch_scroll(KEY_DOWN, 20, 30, 10), 20);
    assert_int_equal(watch_scroll(KEY_UP, 0, 30, 10), 0);
    assert_int_equal(watch_scroll(KEY_PAGE_DOWN, 3, 30, 10), 12);
    assert_int_equal(watch_scroll(KEY_PAGE_UP, 3, 30, 10), 0);
    assert_int_equal(watch_scroll(KEY_LAST, 0, 30, 10), 20);
    assert_int_equal(watch_scroll(KEY_FIRST, 20, 30, 10), 0);
    assert_int_equal(watch_scroll(KEY_LAST, 0, 3, 10), 0);
    assert_int_equal(watch_scroll(KEY_NONE, 25, 12, 10), 2); /* fewer than before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(scrolling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
