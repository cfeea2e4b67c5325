#include <string.h>

#include "client/program/args.h"
#include "support/cmocka_all.h"

/* Parses `studio-client words...`; getopt orders the array, so each call has its own. */
static enum studio_err parse(struct args *out, struct studio_error *error, size_t count,
                             const char *const *words)
{
    static char program[] = "studio-client", space[20][40];
    static char *argv[22];
    assert_true(count <= 20);
    argv[0] = program;
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(words[i]) < sizeof(space[i]));
        strcpy(space[i], words[i]);
        argv[i + 1] = space[i];
    }
    argv[count + 1] = NULL;
    return args_parse((int)count + 1, argv, out, error);
}
#define WORDS(...)                                                                                 \
    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (const char *const[])       \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void nothing_is_the_demo(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL, 0, NULL), STUDIO_OK);
    assert_string_equal(args.command, "demo");
    assert_int_equal(args.count, 0);
    assert_null(args.url);
    assert_null(args.token);
}

static void options_before_and_after(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL,
                           WORDS("--url", "ws://h", "watch", "A", "--json", "B", "--table=T",
                                 "--timeout", "0.5")),
                     STUDIO_OK);
    assert_string_equal(args.command, "watch");
    assert_int_equal(args.count, 2);
    assert_string_equal(args.rest[0], "A");
    assert_string_equal(args.rest[1], "B");
    assert_string_equal(args.url, "ws://h");
    assert_string_equal(args.table, "T");
    assert_true(args.json);
    assert_false(args.all);
    assert_int_equal(args.timeout_ms, 500);
}

static void after_two_dashes_all_is_text(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL, WORDS("exception", "--", "--json")), STUDIO_OK);
    assert_string_equal(args.command, "exception");
    assert_string_equal(args.rest[0], "--json");
    assert_false(args.json);
}

static void interactive_both_ways(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL, WORDS("--interactive", "--table", "X")), STUDIO_OK);
    assert_string_equal(args.command, "interactive");
    assert_int_equal(parse(&args, NULL, WORDS("interactive")), STUDIO_OK);
    assert_string_equal(args.command, "interactive");
}

static void help_and_version(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL, WORDS("-h")), STUDIO_OK);
    assert_true(args.help);
    assert_int_equal(parse(&args, NULL, WORDS("--help")), STUDIO_OK);
    assert_true(args.help);
    assert_int_equal(parse(&args, NULL, WORDS("--version")), STUDIO_OK);
    assert_true(args.version);
}

static void numbers(void **state)
{
    struct args args;
    (void)state;
    assert_int_equal(parse(&args, NULL,
                           WORDS("history", "--from-rev", "7", "--to-rev=123456789012345678",
                                 "--limit", "0", "--newest-first")),
                     STUDIO_OK);
    assert_int_equal(args.from_rev, 7);
    assert_int_equal(args.to_rev, 123456789012345678);
    assert_int_equal(args.limit, 0);
    assert_int_equal(args.from_seq, 0);
    assert_true(args.newest_first);
}

static void mistakes(void **state)
{
    struct args args;
    struct studio_error error;
    (void)state;
    assert_int_equal(parse(&args, &error, WORDS("--tabel", "X")), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "--table"));
    assert_int_equal(parse(&args, &error, WORDS("--url")), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "--url"));
    assert_int_equal(parse(&args, &error, WORDS("-x")), STUDIO_ERR_USAGE);
    assert_int_equal(parse(&args, &error, WORDS("--timeout", "soon")), STUDIO_ERR_USAGE);
    assert_int_equal(parse(&args, &error, WORDS("--timeout", "0")), STUDIO_ERR_USAGE);
    assert_int_equal(parse(&args, &error, WORDS("--timeout", "nan")), STUDIO_ERR_USAGE);
    assert_int_equal(parse(&args, &error, WORDS("--from-rev", "-1")), STUDIO_ERR_USAGE);
    assert_string_equal(error.text, "--from-rev is a number, not '-1'");
    assert_int_equal(parse(&args, &error, WORDS("--limit", "")), STUDIO_ERR_USAGE);
    assert_int_equal(parse(&args, &error, WORDS("--limit", "1234567890123456789")),
                     STUDIO_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_the_demo),
        cmocka_unit_test(options_before_and_after),
        cmocka_unit_test(after_two_dashes_all_is_text),
        cmocka_unit_test(interactive_both_ways),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(numbers),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
