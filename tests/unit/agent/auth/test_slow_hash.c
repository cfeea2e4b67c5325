/* test_slow_hash.c - yescrypt: what is one, and whose it is. */
#include "auth/slow_hash.h"

#include <string.h>

#include "support/cmocka_all.h"

static void it_is_that_of_one_token(void **state)
{
    char one[SLOW_HASH_MAX + 1], two[SLOW_HASH_MAX + 1];

    (void)state;
    assert_true(slow_hash_make("pin-1", one));
    assert_true(slow_hash_make("pin-1", two));
    assert_string_not_equal(one, two); /* salted */
    assert_true(slow_hash_valid(one, strlen(one)));
    assert_true(slow_hash_fits(one, "pin-1"));
    assert_true(slow_hash_fits(two, "pin-1"));
    assert_false(slow_hash_fits(one, "pin-2"));
    assert_false(slow_hash_fits(one, ""));
}

static void what_others_make_of_it(void **state)
{
    /* mkpasswd -m yescrypt */
    static const char hash[] =
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";

    (void)state;
    assert_true(slow_hash_valid(hash, strlen(hash)));
    assert_false(slow_hash_fits(hash, "pin-1"));
}

static void what_is_none(void **state)
{
    static const char *const wrong[] = {"",
                                        "$y$",
                                        "$y$j9T",
                                        "$y$j9T$abc",
                                        "$y$j9T$abc$",
                                        "$y$$abc$def",
                                        "$y$j9T$ab c$def",
                                        "$y$j9T$abc$def$ghi",
                                        "$6$abc$def$ghi",
                                        "$y$!!$abc$def",
                                        "y$j9T$abc$def"};
    char hash[SLOW_HASH_MAX + 1], longer[SLOW_HASH_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(slow_hash_valid(wrong[i], strlen(wrong[i])));
    assert_true(slow_hash_make("pin-1", hash));
    assert_false(slow_hash_valid(hash, strlen(hash) + 1)); /* a NUL */
    memset(longer, 'a', sizeof(longer));
    memcpy(longer, hash, strlen(hash));
    assert_false(slow_hash_valid(longer, sizeof(longer)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_that_of_one_token),
        cmocka_unit_test(what_others_make_of_it),
        cmocka_unit_test(what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
