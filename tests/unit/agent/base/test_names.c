#include "base/names.h"

#include <string.h>

#include "support/cmocka_all.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static char *repeat(char *out, char c, size_t n)
{
    memset(out, c, n);
    out[n] = '\0';
    return out;
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        bool (*valid)(const char *, size_t);
        size_t max;
        const char *good[6], *bad[8];
    } rows[] = {
        {name_is_table,
         64,
         {"A", "ARO-001", "0.x-", "a.b"},
         {"", "-a", ".a", "A_1", "a b", "a/b", "\xC3\xA9", "a+"}},
        {name_is_device,
         64,
         {"dealerPC", "dealer PC", "_", "\xC3\xA9\xC3\xA9", "a_b/+#"},
         {"", "a\nb", "\x7f", "\xFF"}},
        {name_is_custom,
         64,
         {"a", "_", "Temp.1", "x-y_z"},
         {"", "1a", "-a", ".a", "a b", "a/b", "\xC3\xA9"}},
        {name_is_value, 32, {"up", "warm-up", "a_1", "-"}, {"", "a b", "a.b", "a,b", "\xC3\xA9"}},
        {name_is_token, 128, {"abcd", "A-._~9"}, {"", "abc", "abc ", "abc:d", "abc+d", "abc\n"}},
        {name_is_client,
         64,
         {"a", "back-office", "a@b.c", "9_"},
         {"", "_a", "@a", "a b", "a/b", "a+", "#"}},
    };
    char longest[200];
    for (size_t r = 0; r < COUNT(rows); r++) {
        for (size_t i = 0; i < 6 && rows[r].good[i] != NULL; i++)
            assert_true(rows[r].valid(rows[r].good[i], strlen(rows[r].good[i])));
        for (size_t i = 0; i < 8 && rows[r].bad[i] != NULL; i++)
            assert_false(rows[r].valid(rows[r].bad[i], strlen(rows[r].bad[i])));
        assert_true(rows[r].valid(repeat(longest, 'a', rows[r].max), rows[r].max));
        assert_false(rows[r].valid(repeat(longest, 'a', rows[r].max + 1), rows[r].max + 1));
        assert_false(rows[r].valid("abc\0def", 7));
    }
}

static void test_make_client(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"edge-1.site", "edge-1.site"}, {"-edge/1", "edge1"}, {"", "studio"}, {"...", "studio"},
        {"\xC3\xA9t\xC3\xA9", "t"},
    };
    char longest[200], out[NAME_CLIENT_MAX + 1];
    for (size_t i = 0; i < COUNT(rows); i++) {
        name_make_client(rows[i][0], out);
        assert_string_equal(out, rows[i][1]);
    }
    name_make_client(repeat(longest, 'a', 100), out);
    assert_string_equal(out, repeat(longest, 'a', NAME_CLIENT_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_make_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
