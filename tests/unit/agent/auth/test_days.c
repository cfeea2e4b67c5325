/* test_days.c - the file that tells when each line of the tokens file was last used. */
#include "auth/days.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

static struct studio_error error;

/* Two lines with one token, and one with another. */
static struct tokens *three(void)
{
    char *a = tokens_line("ARO-001_*", "device", "SHARED", NULL);
    char *b = tokens_line("ARO-002_*", "device", "SHARED", NULL);
    char *c = tokens_line("office", "viewer", "OTHER", NULL);
    char *text = test_printf("%s%s%s", a, b, c);
    struct tokens *tokens = NULL;

    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(a);
    free(b);
    free(c);
    free(text);
    return tokens;
}

static struct days *read_days(const char *dir)
{
    struct days *days;

    if (days_read(dir, &days, &error) != STUDIO_OK)
        test_fail("%s", error.text);
    return days;
}

static void what_is_written_is_read(void **state)
{
    const char *dir = tmpdir_create();
    struct tokens *tokens = three();
    struct days *days = read_days(dir); /* none is there */
    struct stat about;

    (void)state;
    assert_int_equal(days_count(days), 0);
    assert_int_equal(days_find(days, tokens_at(tokens, 0)), 0);
    days_free(days);
    tokens_learn_day(tokens, 0, 20000);
    tokens_learn_day(tokens, 2, 20001);
    assert_int_equal(days_write(dir, tokens, &error), STUDIO_OK);
    assert_int_equal(stat(tmpdir_path(dir, "token-days"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    days = read_days(dir);
    assert_int_equal(days_count(days), 2);
    assert_int_equal(days_find(days, tokens_at(tokens, 0)), 20000);
    assert_int_equal(days_find(days, tokens_at(tokens, 1)), 0); /* the token is the same */
    assert_int_equal(days_find(days, tokens_at(tokens, 2)), 20001);
    days_free(days);
    tokens_destroy(tokens);
}

/* Who reads it learns neither who there is nor what could be guessed at. */
static void it_gives_nothing_away(void **state)
{
    const char *dir = tmpdir_create();
    struct tokens *tokens = three();
    char *text, *line = tokens_line("office", "viewer", "OTHER", NULL);
    const char *hash = strstr(line, "sha256:") + strlen("sha256:");
    size_t len;

    (void)state;
    tokens_learn_day(tokens, 2, 20001);
    assert_int_equal(days_write(dir, tokens, &error), STUDIO_OK);
    text = tmpdir_read(tmpdir_path(dir, "token-days"), &len);
    assert_non_null(text);
    assert_non_null(strstr(text, "\n2024-10-05 "));
    assert_null(strstr(text, "office"));
    assert_null(memmem(text, len, hash, 16));
    free(text);
    free(line);
    tokens_destroy(tokens);
}

static void what_is_no_line_of_it_is_passed_over(void **state)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    const char *dir = tmpdir_create();
    char *text = test_printf("# a word\n\n2024-10-05 %s\n2024-13-05 %s\n2024-10-05 x%s\n"
                             "2024-10-05\t%s\n2024-10-05 %.31sx\n2024-10-06 %.31s1",
                             key, key, key, key, key, key);
    struct days *days;

    (void)state;
    tmpdir_write(dir, "token-days", 0600, text);
    days = read_days(dir);
    assert_int_equal(days_count(days), 2);
    days_free(days);
    free(text);
}

static void a_place_that_does_not_take_it(void **state)
{
    const char *file = tmpdir_write(tmpdir_create(), "file", 0600, "");
    struct tokens *tokens = three();
    struct days *days;

    (void)state;
    assert_int_equal(days_read(file, &days, &error), STUDIO_ERR_USAGE);
    assert_null(days);
    assert_int_not_equal(days_write(file, tokens, &error), STUDIO_OK);
    assert_non_null(strstr(error.text, file));
    tokens_destroy(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_gives_nothing_away),
        cmocka_unit_test(what_is_no_line_of_it_is_passed_over),
        cmocka_unit_test(a_place_that_does_not_take_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
