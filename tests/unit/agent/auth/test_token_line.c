/* One line of the tokens file. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/slow_hash.h"
#include "auth/token_line.h"

#define HASH "sha256:0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static enum token_line_kind parse(const char *text, struct token_line *out, const char **why)
{
    return token_line_parse(text, strlen(text), out, why);
}

static void right_lines(void **state)
{
    struct token_line line;
    const char *why;
    (void)state;
    assert_int_equal(parse("ARO-001_* device " HASH, &line, &why), TOKEN_LINE_USER);
    assert_string_equal(line.pattern, "ARO-001_*");
    assert_int_equal(line.role, ROLE_DEVICE);
    assert_int_equal(line.digest[0], 0x01);
    assert_int_equal(line.digest[31], 0xef);
    assert_true(line.until_s == INT64_MAX);
    token_line_finish(&line);

    assert_int_equal(
        parse("\ta_b%20c%20%2x\toperator  " HASH " expires=1970-01-01 \r", &line, &why),
        TOKEN_LINE_USER);
    assert_string_equal(line.pattern, "a_b c %2x");
    assert_int_equal(line.role, ROLE_OPERATOR);
    assert_int_equal(line.until_s, 86400);
    assert_int_equal(line.tables, 256);
    token_line_finish(&line);

    assert_int_equal(parse("* device " HASH " tables=20000 expires=1970-01-01", &line, &why),
                     TOKEN_LINE_USER);
    assert_int_equal(line.until_s, 86400);
    assert_int_equal(line.tables, 20000);
    token_line_finish(&line);
}

static void no_token_but_a_certificate(void **state)
{
    unsigned char own[DIGEST_LEN], many[DIGEST_LEN], word[DIGEST_LEN];
    struct token_line line;
    const char *why;
    (void)state;
    assert_true(token_line_certificate("A_x y", own));
    assert_true(token_line_certificate("*", many));
    assert_true(digest_make("certificate", 11, word));
    assert_memory_not_equal(own, many, sizeof own);
    assert_int_equal(parse("A_x%20y viewer certificate expires=1970-01-01", &line, &why),
                     TOKEN_LINE_USER);
    assert_true(line.certificate);
    assert_memory_equal(line.digest, own, sizeof own);
    assert_int_equal(line.role, ROLE_VIEWER);
    assert_int_equal(line.until_s, 86400);
    token_line_finish(&line);
    assert_int_equal(parse("A_* device certificate tables=2", &line, &why), TOKEN_LINE_USER);
    assert_memory_equal(line.digest, many, sizeof many);
    assert_memory_not_equal(line.digest, word, sizeof word); /* which could be a token */
    assert_int_equal(line.tables, 2);
    token_line_finish(&line);
    assert_int_equal(parse("A_* device certificates", &line, &why), TOKEN_LINE_WRONG);
    assert_int_equal(parse("A_* device certificate:x", &line, &why), TOKEN_LINE_WRONG);
}

static void a_slow_hash(void **state)
{
    char text[512], hash[SLOW_HASH_MAX + 1];
    unsigned char digest[DIGEST_LEN];
    struct token_line line;
    const char *why;
    (void)state;
    assert_true(slow_hash_make("pin-1", hash));
    snprintf(text, sizeof text, "A_* viewer yescrypt:%s expires=1970-01-01", hash);
    assert_int_equal(parse(text, &line, &why), TOKEN_LINE_USER);
    assert_string_equal(line.slow, hash);
    assert_true(digest_make(hash, strlen(hash), digest));
    assert_memory_equal(line.digest, digest, sizeof digest);
    assert_int_equal(line.until_s, 86400);
    token_line_finish(&line);
    snprintf(text, sizeof text, "A_* viewer yescrypt:%s expires=soon", hash);
    assert_int_equal(parse(text, &line, &why), TOKEN_LINE_WRONG);
    snprintf(text, sizeof text, "_ viewer yescrypt:%s", hash);
    assert_int_equal(parse(text, &line, &why), TOKEN_LINE_WRONG);
}

static void lines_without_a_user(void **state)
{
    static const char *const empty[] = {"", " \t\r", "# comment", "  # comment"};
    struct token_line line;
    const char *why;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(parse(empty[i], &line, &why), TOKEN_LINE_EMPTY);
}

static void wrong_lines(void **state)
{
    static const char *const wrong[] = {
        "A_*",
        "A_* device",
        "A_* admin " HASH,
        "A_* device yescrypt:",
        "A_* device yescrypt:pin-1",
        "A_* device $y$j9T$abc$def",
        "A_* device yescrypt:$6$abc$def",
        "A_* Device " HASH,
        "A_* a_role_with_a_long_name " HASH,
        "A_* device MY_TOKEN",
        "A_* device sha256:0123",
        "A_* device md5:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "A_* device sha256:g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "A_* device " HASH " expires=2026-02-30",
        "A_* device " HASH " expires=2026-1-1",
        "A_* device " HASH " until=2026-01-01",
        "A_* device " HASH " tables=",
        "A_* device " HASH " tables=0",
        "A_* device " HASH " tables=1000001",
        "A_* device " HASH " tables=-1",
        "A_* device " HASH " tables=99999999999999999999",
        "A_* device " HASH " tables=1 tables=2",
        "A_* device " HASH " expires=2026-01-01 more",
        "_dealer device " HASH,
        "ARO%20001_* device " HASH,
        "/ARO-001_* device " HASH,
        "-* device " HASH,
        "\xFF device " HASH,
        "a\001b device " HASH,
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct token_line line;
        const char *why = NULL;
        if (parse(wrong[i], &line, &why) != TOKEN_LINE_WRONG)
            fail_msg("accepted: %s", wrong[i]);
        assert_non_null(why);
    }
    struct token_line line;
    const char *why;
    static const char nul[] = "A\0_* device " HASH;
    assert_int_equal(token_line_parse(nul, sizeof nul - 1, &line, &why), TOKEN_LINE_WRONG);
}

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t until_s;
    } right[] = {{"1970-01-01", 86400},      {"1999-12-31", 946684800},
                 {"2000-02-29", 951868800},  {"2024-02-29", 1709251200},
                 {"2026-01-01", 1767312000}, {"2100-02-28", 4107542400}};
    static const char *const wrong[] = {"1969-12-31",  "2023-02-29", "2100-02-29", "2026-13-01",
                                        "2026-00-01",  "2026-01-00", "2026-04-31", "20260101",
                                        "2026-01-01 ", "2026/01/01", "+026-01-01", ""};
    int64_t until_s;
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(token_date_parse(right[i].text, &until_s));
        assert_int_equal(until_s, right[i].until_s);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(token_date_parse(wrong[i], &until_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_lines), cmocka_unit_test(no_token_but_a_certificate),
        cmocka_unit_test(a_slow_hash), cmocka_unit_test(lines_without_a_user),
        cmocka_unit_test(wrong_lines), cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
