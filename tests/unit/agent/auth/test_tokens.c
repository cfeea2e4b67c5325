/* The tokens file as a whole: who may do what, and which files are refused. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/tokens.h"
#include "base/text.h"

static struct studio_error error;

/* A line for a token given in the clear; `rest` may hold expires=... */
static void line(char *out, size_t cap, const char *pattern, const char *role, const char *token,
                 const char *rest)
{
    unsigned char digest[32];
    char hex[65];
    size_t len = strlen(out);
    tokens_digest(token, digest);
    text_hex(digest, 32, hex);
    snprintf(out + len, cap - len, "%s %s sha256:%s %s\n", pattern, role, hex, rest);
}

static struct tokens *parse(const char *text)
{
    struct tokens *tokens = NULL;
    if (tokens_parse(text, strlen(text), "tokens", &tokens, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    return tokens;
}

static void the_digest_is_sha256(void **state)
{
    unsigned char digest[32];
    char hex[65];
    (void)state;
    tokens_digest("abc", digest);
    text_hex(digest, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pattern_and_token_decide(void **state)
{
    char text[2048] = "# users\n\n";
    struct grant grant = {.role = ROLE_OPERATOR};
    (void)state;
    line(text, sizeof text, "ARO-001_*", "device", "first", "");
    line(text, sizeof text, "ARO-001_*", "operator", "second", "");
    line(text, sizeof text, "pit_the%20boss", "viewer", "third", "");
    line(text, sizeof text, "*", "viewer", "first", "");
    struct tokens *tokens = parse(text);
    assert_int_equal(tokens_count(tokens), 4);
    assert_true(tokens_check(tokens, "ARO-001_dealerPC", "first", 0, &grant));
    assert_int_equal(grant.role, ROLE_DEVICE);
    assert_true(tokens_check(tokens, "ARO-001_dealerPC", "second", 0, &grant));
    assert_int_equal(grant.role, ROLE_OPERATOR);
    assert_true(tokens_check(tokens, "pit_the boss", "third", 0, &grant));
    assert_int_equal(grant.role, ROLE_VIEWER);
    assert_true(tokens_check(tokens, "ARO-002", "first", 0, &grant));
    assert_int_equal(grant.role, ROLE_VIEWER);
    assert_false(tokens_check(tokens, "ARO-002", "second", 0, &grant));
    assert_false(tokens_check(tokens, "ARO-001_dealerPC", "third", 0, &grant));
    assert_false(tokens_check(tokens, "ARO-001_dealerPC", "", 0, &grant));
    assert_false(tokens_check(tokens, "aro-001_dealerPC", "second", 0, &grant));
    tokens_destroy(tokens);
}

static void expect_certified(const struct tokens *tokens, const char *id, int role)
{
    unsigned char ticket[32];
    struct grant grant = {.role = ROLE_OPERATOR}, again;
    bool is = tokens_certified(tokens, id, 86399, &grant, ticket);
    if (is != (role >= 0) || (is && grant.role != (enum role)role))
        fail_msg("%s: %d, as %d", id, is, grant.role);
    if (is && (!tokens_still_valid(tokens, id, ticket, 86399, &again) || again.role != grant.role))
        fail_msg("%s does not stay", id);
}

/* The first line for the id, whether it is for that alone or for many. */
static void certificates_need_a_line_too(void **state)
{
    static const char text[] = "ARO-001_pc viewer certificate\n"
                               "ARO-* device certificate\n"
                               "ARO-001_x operator certificate\n"
                               "pit_the%20boss operator certificate\n"
                               "BAC-001 device certificate expires=1970-01-01\n";
    struct tokens *tokens = parse(text);
    unsigned char ticket[32];
    struct grant grant;
    (void)state;
    expect_certified(tokens, "ARO-001_pc", ROLE_VIEWER);
    expect_certified(tokens, "ARO-001_x", ROLE_DEVICE);
    expect_certified(tokens, "ARO-001", ROLE_DEVICE);
    expect_certified(tokens, "pit_the boss", ROLE_OPERATOR);
    expect_certified(tokens, "pit", -1);
    expect_certified(tokens, "BAC-001", ROLE_DEVICE);
    assert_false(tokens_certified(tokens, "BAC-001", 86400, &grant, ticket));
    /* There is no token for these lines. */
    static const char *const guesses[] = {"certificate", "*", "", "ARO-001_pc"};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++)
        assert_false(tokens_check(tokens, "ARO-001_pc", guesses[i], 0, &grant));
    tokens_destroy(tokens);
}

/* A line above that for him alone decides for who is there as for who comes. */
static void a_line_put_above_decides_for_who_stays(void **state)
{
    struct tokens *before = parse("ARO-001_pc operator certificate\n");
    struct tokens *after = parse("ARO-001_* viewer certificate\nARO-001_pc operator certificate\n");
    unsigned char ticket[32];
    struct grant grant;
    (void)state;
    assert_true(tokens_certified(before, "ARO-001_pc", 0, &grant, ticket));
    assert_int_equal(grant.role, ROLE_OPERATOR);
    assert_true(tokens_still_valid(before, "ARO-001_pc", ticket, 0, &grant));
    assert_int_equal(grant.role, ROLE_OPERATOR);
    assert_true(tokens_still_valid(after, "ARO-001_pc", ticket, 0, &grant));
    assert_int_equal(grant.role, ROLE_VIEWER);
    tokens_destroy(before);
    tokens_destroy(after);
}

static void the_empty_token_matches_not_even_its_hash(void **state)
{
    char text[512] = "";
    struct grant grant;
    (void)state;
    line(text, sizeof text, "*", "operator", "", "");
    struct tokens *tokens = parse(text);
    assert_false(tokens_check(tokens, "ARO-001", "", 0, &grant));
    tokens_destroy(tokens);
}

static void expiry_includes_its_day(void **state)
{
    const int64_t day = 1767225600; /* 2026-01-01T00:00:00Z */
    char text[512] = "";
    struct grant grant;
    unsigned char digest[32];
    (void)state;
    line(text, sizeof text, "A_*", "device", "tokn", "expires=2026-01-01");
    line(text, sizeof text, "A_later", "viewer", "tokn", "");
    struct tokens *tokens = parse(text);
    assert_true(tokens_check(tokens, "A_x", "tokn", day - 1, &grant));
    assert_true(tokens_check(tokens, "A_x", "tokn", day + 86399, &grant));
    assert_false(tokens_check(tokens, "A_x", "tokn", day + 86400, &grant));
    /* an expired line counts as if it were not there */
    assert_true(tokens_check(tokens, "A_later", "tokn", day, &grant));
    assert_int_equal(grant.role, ROLE_DEVICE);
    assert_true(tokens_check(tokens, "A_later", "tokn", day + 86400, &grant));
    assert_int_equal(grant.role, ROLE_VIEWER);
    tokens_digest("tokn", digest);
    assert_true(tokens_still_valid(tokens, "A_x", digest, day + 86399, &grant));
    assert_false(tokens_still_valid(tokens, "A_x", digest, day + 86400, &grant));
    tokens_destroy(tokens);
}

static void connections_are_checked_by_digest(void **state)
{
    char text[8192] = "", name[32];
    unsigned char digest[32];
    struct grant grant;
    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "token-%d", i / 2);
        line(text, sizeof text, i % 2 ? "B_*" : "A_*", i % 2 ? "viewer" : "device", name, "");
    }
    struct tokens *tokens = parse(text);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "token-%d", i);
        tokens_digest(name, digest);
        assert_true(tokens_still_valid(tokens, "A_1", digest, 0, &grant));
        assert_int_equal(grant.role, ROLE_DEVICE);
        assert_true(tokens_still_valid(tokens, "B_1", digest, 0, &grant));
        assert_int_equal(grant.role, ROLE_VIEWER);
        assert_false(tokens_still_valid(tokens, "C_1", digest, 0, &grant));
    }
    tokens_digest("token-20", digest);
    assert_false(tokens_still_valid(tokens, "A_1", digest, 0, &grant));
    memset(digest, 0xff, sizeof digest);
    assert_false(tokens_still_valid(tokens, "A_1", digest, 0, &grant));
    tokens_destroy(tokens);
}

/* Of the line that lets in, whatever else has its token. */
static void the_day_of_each_line(void **state)
{
    enum { DAY_S = 86400, TODAY = 20000 };
    char text[2048] = "";
    unsigned char ticket[32];
    (void)state;
    line(text, sizeof text, "ARO-001_*", "device", "one", "");
    line(text, sizeof text, "ARO-002_*", "device", "one", "");
    struct tokens *tokens = parse(text), *others;
    tokens_digest("one", ticket);
    assert_false(tokens_use(tokens, "ARO-003_a", ticket, TODAY * DAY_S));
    assert_true(tokens_use(tokens, "ARO-002_a", ticket, TODAY * DAY_S));
    assert_false(tokens_use(tokens, "ARO-002_b", ticket, TODAY * DAY_S + DAY_S - 1));
    assert_int_equal(tokens_day(tokens, 0), 0);
    assert_int_equal(tokens_day(tokens, 1), TODAY);
    assert_true(tokens_use(tokens, "ARO-002_b", ticket, TODAY * DAY_S - 1)); /* the clock was set */
    assert_int_equal(tokens_day(tokens, 1), TODAY - 1);
    tokens_learn_day(tokens, 1, TODAY);
    assert_int_equal(tokens_day(tokens, 1), TODAY - 1);

    text[0] = '\0'; /* another order, and one that is new */
    line(text, sizeof text, "ARO-002_*", "viewer", "one", "");
    line(text, sizeof text, "ARO-001_*", "device", "two", "");
    line(text, sizeof text, "ARO-001_*", "device", "one", "");
    others = parse(text);
    tokens_learn_days(others, tokens);
    assert_int_equal(tokens_day(others, 0), TODAY - 1);
    assert_int_equal(tokens_day(others, 1), 0);
    assert_int_equal(tokens_day(others, 2), 0);
    assert_string_equal(tokens_at(others, 2)->pattern, "ARO-001_*");
    tokens_destroy(others);
    tokens_destroy(tokens);
}

static void refused(const char *text, size_t len, const char *says)
{
    struct tokens *tokens = NULL;
    assert_int_equal(tokens_parse(text, len, "NAME", &tokens, &error), STUDIO_ERR_USAGE);
    assert_null(tokens);
    if (!strstr(error.text, says))
        fail_msg("'%s' does not say '%s'", error.text, says);
}

/* The last is found as soon as the first: with a walk for each this would not end in time. */
static void a_hundred_thousand_lines(void **state)
{
    enum { LINES = 100000, LINE = 128 };
    char *text = malloc((size_t)LINES * LINE), *end = text;
    unsigned char digest[32];
    struct grant grant;
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++)
        end += snprintf(end, LINE, "T%d_* %s sha256:%064x\n", i, i % 2 ? "viewer" : "device",
                        (unsigned)i * 7919U);
    struct tokens *tokens = parse(text);
    assert_int_equal(tokens_count(tokens), LINES);
    for (int i = 0; i < LINES; i++) {
        unsigned n = (unsigned)i * 7919U;
        char user[32];
        memset(digest, 0, sizeof digest);
        for (int k = 0; k < 4; k++)
            digest[31 - k] = (unsigned char)(n >> (8 * k));
        snprintf(user, sizeof user, "T%d_x", i);
        assert_true(tokens_still_valid(tokens, user, digest, 0, &grant));
        assert_int_equal(grant.role, i % 2 ? ROLE_VIEWER : ROLE_DEVICE);
        assert_false(tokens_still_valid(tokens, "T_x", digest, 0, &grant));
        digest[0] = 1; /* a wrong one */
        assert_false(tokens_still_valid(tokens, user, digest, 0, &grant));
    }
    tokens_destroy(tokens);
    free(text);
}

static void a_wrong_line_is_named(void **state)
{
    static const char wrong[] = "# one\n\nA_* device MY_SECRET\n";
    (void)state;
    refused(wrong, sizeof wrong - 1, "NAME:3: ");
    assert_null(strstr(error.text, "MY_SECRET"));
}

static void a_file_without_users_says_how_to_make_one(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nobody\n"};
    for (size_t i = 0; i < 2; i++) {
        char path[] = P_tmpdir "/studio-test-XXXXXX";
        struct tokens *tokens = NULL;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        close(fd);
        assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
        assert_null(tokens);
        assert_non_null(strstr(error.text, "studio-agent token new"));
        /* For a running agent it means that everybody was revoked. */
        assert_int_equal(tokens_reread(path, &tokens, &error), STUDIO_OK);
        assert_int_equal(tokens_count(tokens), 0);
        tokens_destroy(tokens);
        unlink(path);
    }
}

static void role_names(void **state)
{
    (void)state;
    assert_string_equal(role_name(ROLE_DEVICE), "device");
    assert_string_equal(role_name(ROLE_VIEWER), "viewer");
    assert_string_equal(role_name(ROLE_OPERATOR), "operator");
}

static void files(void **state)
{
    char dir[] = P_tmpdir "/studio-test-XXXXXX", path[64];
    struct tokens *tokens = NULL;
    char link_path[80];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokens", dir);
    snprintf(link_path, sizeof link_path, "%s/link", dir);

    assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "does not exist"));
    const char *command = strstr(error.text, "studio-agent token new 'ARO-001_*'");
    assert_non_null(command);
    assert_non_null(strstr(command, path));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("ARO-001_* device sha256:"
          "8f14b2b2f4e4a7bd1e6a3f4a3e7f7e1ad7b8a8f0d2b6b0e6b1d1c4c5a6f7e8d9\n",
          f);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_OK);
    assert_int_equal(tokens_count(tokens), 1);
    tokens_destroy(tokens);

    static const mode_t open_modes[] = {0620, 0602, 0666};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
        assert_non_null(strstr(error.text, "chmod go-w"));
    }
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_OK);
    tokens_destroy(tokens);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
        assert_int_equal(tokens_read(path, TOKENS_FOR_COMMAND, &tokens, &error), STUDIO_OK);
        tokens_destroy(tokens);
        assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
        assert_non_null(strstr(error.text, "chown"));
    }
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(tokens_read(link_path, TOKENS_FOR_COMMAND, &tokens, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "symbolic link"));
    unlink(path);
    assert_int_equal(token_files_safe(NULL, link_path, TOKENS_FOR_COMMAND, &error),
                     STUDIO_ERR_USAGE);
    unlink(link_path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tokens_read(path, TOKENS_FOR_AGENT, &tokens, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "regular file"));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_sha256),
        cmocka_unit_test(pattern_and_token_decide),
        cmocka_unit_test(certificates_need_a_line_too),
        cmocka_unit_test(a_line_put_above_decides_for_who_stays),
        cmocka_unit_test(the_empty_token_matches_not_even_its_hash),
        cmocka_unit_test(expiry_includes_its_day),
        cmocka_unit_test(connections_are_checked_by_digest),
        cmocka_unit_test(the_day_of_each_line),
        cmocka_unit_test(a_hundred_thousand_lines),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(a_file_without_users_says_how_to_make_one),
        cmocka_unit_test(role_names),
        cmocka_unit_test(files),
    };
    tokens_destroy(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
