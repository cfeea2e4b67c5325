/* Users added to and removed from the tokens file. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/slow_hash.h"
#include "auth/token_file.h"
#include "auth/tokens.h"
#include "base/buf.h"
#include "base/text.h"

static char dir[64], path[96], report[2048];
static struct studio_error error;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s/studio-test-XXXXXX", P_tmpdir);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/tokens", dir);
    report[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void tell(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    size_t len = strlen(report);
    (void)ctx;
    assert_string_equal(file, path);
    snprintf(report + len, sizeof report - len, "%u %s %s\n", number, line->pattern,
             role_name(line->role));
}

static void add(const char *pattern, enum role role, const char *expires, char *token)
{
    if (token_file_add(path,
                       &(struct token_user){.pattern = pattern, .role = role, .expires = expires},
                       token, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
}

static bool may(const char *user, const char *token, enum role role)
{
    struct tokens *tokens = NULL;
    struct grant found;
    if (tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    bool ok = tokens_check(tokens, user, token, 0, &found) && found.role == role;
    tokens_destroy(tokens);
    return ok;
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void a_new_token_works(void **state)
{
    char first[TOKEN_NEW_LEN + 1], second[TOKEN_NEW_LEN + 1];
    struct stat st;
    (void)state;
    add("ARO-001_dealer PC", ROLE_DEVICE, NULL, first);
    add("*", ROLE_OPERATOR, "2030-01-01", second);
    assert_int_equal(strlen(first), TOKEN_NEW_LEN);
    assert_string_not_equal(first, second);
    assert_true(may("ARO-001_dealer PC", first, ROLE_DEVICE));
    assert_true(may("pitboss", second, ROLE_OPERATOR));
    assert_false(may("pitboss", first, ROLE_DEVICE));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(token_file_each(path, tell, NULL, &error), STUDIO_OK);
    assert_string_equal(report, "1 ARO-001_dealer PC device\n2 * operator\n");
}

static void a_line_without_an_end_is_not_joined(void **state)
{
    char token[TOKEN_NEW_LEN + 1];
    (void)state;
    write_file("# no newline here");
    add("A_*", ROLE_VIEWER, NULL, token);
    assert_true(may("A_1", token, ROLE_VIEWER));
}

static void what_cannot_be_added(void **state)
{
    char token[TOKEN_NEW_LEN + 1];
    (void)state;
    assert_int_equal(token_file_add(path,
                                    &(struct token_user){.pattern = "_x", .role = ROLE_DEVICE},
                                    token, &error),
                     STUDIO_ERR_USAGE);
    assert_int_equal(token_file_add(path,
                                    &(struct token_user){.pattern = "A\nB", .role = ROLE_DEVICE},
                                    token, &error),
                     STUDIO_ERR_USAGE);
    assert_int_equal(token_file_add(path,
                                    &(struct token_user){.pattern = "#A", .role = ROLE_DEVICE},
                                    token, &error),
                     STUDIO_ERR_USAGE);
    assert_int_equal(
        token_file_add(path,
                       &(struct token_user){.pattern = "A", .role = ROLE_DEVICE, .expires = "soon"},
                       token, &error),
        STUDIO_ERR_USAGE);
    assert_int_not_equal(access(path, F_OK), 0);

    write_file("not a line\n");
    assert_int_equal(token_file_add(path, &(struct token_user){.pattern = "A", .role = ROLE_DEVICE},
                                    token, &error),
                     STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, ":1: "));
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(token_file_add(path, &(struct token_user){.pattern = "A", .role = ROLE_DEVICE},
                                    token, &error),
                     STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "chmod"));
}

/* Kept as a slow hash, found and revoked like any. */
static void a_chosen_token(void **state)
{
    struct token_user user = {.pattern = "A_1", .role = ROLE_VIEWER, .chosen = "pin-1"};
    const char *hashes[TOKENS_SLOW_MAX];
    char token[TOKEN_NEW_LEN + 1];
    struct tokens *tokens = NULL;
    size_t left;
    (void)state;
    assert_int_equal(token_file_add(path, &user, token, &error), STUDIO_OK);
    assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_OK);
    assert_true(tokens_have_slow(tokens));
    assert_int_equal(tokens_slow(tokens, "A_2", 0, hashes), 0);
    assert_int_equal(tokens_slow(tokens, "A_1", 0, hashes), 1);
    assert_true(slow_hash_fits(hashes[0], "pin-1"));
    assert_false(slow_hash_fits(hashes[0], "pin-2"));
    tokens_destroy(tokens);
    user.chosen = "no token";
    assert_int_equal(token_file_add(path, &user, token, &error), STUDIO_ERR_USAGE);
    user.chosen = "123";
    assert_int_equal(token_file_add(path, &user, token, &error), STUDIO_ERR_USAGE);
    assert_int_equal(token_file_revoke(path, "A_1", false, tell, NULL, &left, &error), STUDIO_OK);
    assert_int_equal(left, 0);
}

static enum studio_err take_away(const char *which, size_t *left)
{
    report[0] = '\0';
    return token_file_revoke(path, which, false, tell, NULL, left, &error);
}

static void users_are_revoked_by_pattern_or_hash(void **state)
{
    char a[TOKEN_NEW_LEN + 1], b[TOKEN_NEW_LEN + 1], c[TOKEN_NEW_LEN + 1];
    char hex[65];
    unsigned char digest[32];
    size_t left = 99;
    (void)state;
    write_file("# a comment stays\n");
    add("A_*", ROLE_DEVICE, NULL, a);
    add("A_*", ROLE_DEVICE, NULL, b);
    add("B", ROLE_VIEWER, NULL, c);

    tokens_digest(a, digest);
    text_hex(digest, 32, hex);
    hex[12] = '\0';
    assert_int_equal(take_away(hex, &left), STUDIO_OK);
    assert_string_equal(report, "2 A_* device\n");
    assert_int_equal(left, 2);
    assert_false(may("A_1", a, ROLE_DEVICE));
    assert_true(may("A_1", b, ROLE_DEVICE));

    add("A_*", ROLE_DEVICE, NULL, a);
    assert_int_equal(take_away("A_*", &left), STUDIO_OK);
    assert_string_equal(report, "2 A_* device\n4 A_* device\n");
    assert_int_equal(left, 1);
    assert_true(may("B", c, ROLE_VIEWER));

    assert_int_equal(take_away("B", &left), STUDIO_OK);
    assert_int_equal(left, 0);
    FILE *f = fopen(path, "r");
    char line[64] = "";
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(line, "# a comment stays\n");
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
}

static void who_is_not_there_cannot_be_revoked(void **state)
{
    char token[TOKEN_NEW_LEN + 1];
    size_t left;
    (void)state;
    assert_int_equal(take_away("A", &left), STUDIO_ERR_USAGE);
    add("A_*", ROLE_DEVICE, NULL, token);
    assert_int_equal(take_away("A_1", &left), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "token list"));
    assert_int_equal(take_away("00000000", &left), STUDIO_ERR_USAGE);
    assert_int_equal(take_away("", &left), STUDIO_ERR_USAGE);
    assert_true(may("A_1", token, ROLE_DEVICE));
}

static void a_prefix_of_two_hashes_is_refused(void **state)
{
    size_t left;
    (void)state;
    write_file("A device sha256:"
               "0123456789abcdef0000000000000000000000000000000000000000000000aa\n"
               "B device sha256:"
               "0123456789abcdef0000000000000000000000000000000000000000000000bb\n"
               "C device sha256:"
               "0123456789abcdef0000000000000000000000000000000000000000000000bb\n");
    assert_int_equal(take_away("0123456789abcdef", &left), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "more digits"));
    assert_int_equal(
        take_away("0123456789abcdef0000000000000000000000000000000000000000000000bb", &left),
        STUDIO_OK);
    assert_int_equal(left, 1);
}

static void blanks_are_printed_as_in_the_file(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    token_pattern_print(&out, "A_b c  d");
    assert_string_equal(out.data, "A_b%20c%20%20d");
    buf_finish(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_token_works),
        TEST(a_line_without_an_end_is_not_joined),
        TEST(what_cannot_be_added),
        TEST(a_chosen_token),
        TEST(users_are_revoked_by_pattern_or_hash),
        TEST(who_is_not_there_cannot_be_revoked),
        TEST(a_prefix_of_two_hashes_is_refused),
        TEST(blanks_are_printed_as_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
