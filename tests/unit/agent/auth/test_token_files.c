/* test_token_files.c - a directory of tokens files is like one file. */
#include "auth/token_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/token_file.h"
#include "auth/tokens.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

static const char *dir;
static struct studio_error error;
static char report[1024];

static int setup(void **state)
{
    (void)state;
    dir = tmpdir_create();
    report[0] = '\0';
    return 0;
}

static void put(const char *name, const char *pattern, const char *role, const char *token)
{
    char *line = tokens_line(pattern, role, token, NULL);

    tmpdir_write(dir, name, 0600, line);
    free(line);
}

static void tell(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    size_t len = strlen(report);

    (void)ctx;
    snprintf(report + len, sizeof(report) - len, "%s:%u %s\n", strrchr(file, '/') + 1, number,
             line->pattern);
}

static void a_directory(void **state)
{
    struct tokens *tokens;
    struct grant grant;

    (void)state;
    put("20-office.tokens", "*", "operator", "SHARED");
    put("10-site.tokens", "ARO-*", "viewer", "SHARED");
    put(".hidden.tokens", "*", "operator", "HIDDEN");
    put("other.tokens.dpkg-new", "*", "operator", "HIDDEN");
    put("tokens", "*", "operator", "HIDDEN");
    put(".tokens", "*", "operator", "HIDDEN");
    assert_int_equal(tokens_read(dir, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_OK);
    assert_int_equal(tokens_count(tokens), 2);
    assert_true(tokens_check(tokens, "ARO-001", "SHARED", 0, &grant));
    assert_int_equal(grant.role, ROLE_VIEWER); /* the first by name */
    assert_true(tokens_check(tokens, "BAC-001", "SHARED", 0, &grant));
    assert_int_equal(grant.role, ROLE_OPERATOR);
    assert_false(tokens_check(tokens, "ARO-001", "HIDDEN", 0, &grant));
    tokens_destroy(tokens);
}

static void refused(const char *says)
{
    struct tokens *tokens;

    assert_int_equal(tokens_read(dir, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
    if (!strstr(error.text, says))
        fail_msg("'%s' does not say '%s'", error.text, says);
}

static void what_is_refused(void **state)
{
    struct tokens *tokens;

    (void)state;
    refused("names no user"); /* nothing is in it */
    assert_int_equal(tokens_reread(dir, &tokens, &error), STUDIO_OK);
    tokens_destroy(tokens);
    put("a.tokens", "A_*", "device", "TOKEN");
    tmpdir_write(dir, "b.tokens", 0600, "\nA_* devise\n");
    refused("b.tokens:2: ");
    tmpdir_write(dir, "b.tokens", 0620, "");
    refused("b.tokens can be written by others");
    tmpdir_write(dir, "b.tokens", 0600, "");
    assert_int_equal(chmod(dir, 0770), 0);
    refused("can be written by others");
    assert_int_equal(chmod(dir, 0700), 0);
    assert_int_equal(unlink(tmpdir_path(dir, "b.tokens")), 0);
    assert_int_equal(symlink("a.tokens", tmpdir_path(dir, "b.tokens")), 0);
    refused("symbolic link");
}

static void users_come_and_go(void **state)
{
    struct token_user user = {.pattern = "NEW_1"};
    char token[TOKEN_NEW_LEN + 1];
    size_t left;

    (void)state;
    put("a.tokens", "A_*", "device", "TOKEN");
    put("b.tokens", "A_*", "viewer", "OTHER");
    put("c.tokens", "C_*", "viewer", "OTHER");
    assert_int_equal(token_file_add(dir, &user, token, &error), STUDIO_OK);
    assert_int_equal(token_file_each(dir, tell, NULL, &error), STUDIO_OK);
    assert_string_equal(report, "a.tokens:1 A_*\nb.tokens:1 A_*\nc.tokens:1 C_*\n"
                                "users.tokens:1 NEW_1\n");
    report[0] = '\0';
    assert_int_equal(token_file_revoke(dir, "A_*", false, tell, NULL, &left, &error), STUDIO_OK);
    assert_string_equal(report, "a.tokens:1 A_*\nb.tokens:1 A_*\n");
    assert_int_equal(left, 2);
    assert_int_equal(token_file_revoke(dir, "A_*", false, tell, NULL, &left, &error),
                     STUDIO_ERR_USAGE);
    report[0] = '\0';
    assert_int_equal(token_file_each(dir, tell, NULL, &error), STUDIO_OK);
    assert_string_equal(report, "c.tokens:1 C_*\nusers.tokens:1 NEW_1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_directory, setup),
        cmocka_unit_test_setup(what_is_refused, setup),
        cmocka_unit_test_setup(users_come_and_go, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
