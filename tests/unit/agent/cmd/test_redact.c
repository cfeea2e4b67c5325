/* test_redact.c - secrets are taken out of a text. */
#include "cmd/redact.h"

#include <string.h>

#include "support/cmocka_all.h"
#include "support/tmpdir.h"

static void each_wherever_it_stands(void **state)
{
    struct redact r = {.count = 0};
    char text[] = "secret1 and secret1secret2, abc; sha256:0123abcdef x yescrypt:$y$j9T$a./b";
    (void)state;
    redact_add(&r, "secret1");
    redact_add(&r, "secret2");
    redact_add(&r, "abc"); /* too short to be one */
    redact_add(&r, NULL);
    redact_apply(&r, text);
    assert_string_equal(
        text, "******* and **************, abc; sha256:********** x yescrypt:***********");
    assert_false(r.failed);
    redact_finish(&r);
}

static void lines_of_a_file(void **state)
{
    struct redact r = {.count = 0};
    char text[] = "first line, second line";
    (void)state;
    redact_add_file(&r, tmpdir_write(tmpdir_create(), "f", 0600, "first line\n\r\nsecond line"));
    redact_add_file(&r, "/nonexistent");
    redact_add_file(&r, NULL);
    redact_apply(&r, text);
    assert_string_equal(text, "**********, ***********");
    redact_finish(&r);
}

static void more_than_there_is_room_for(void **state)
{
    struct redact r = {.count = 0};
    (void)state;
    for (int i = 0; i < REDACT_MAX; i++)
        redact_add(&r, "a secret");
    assert_false(r.failed);
    redact_add(&r, "one more");
    assert_true(r.failed);
    redact_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wherever_it_stands),
        cmocka_unit_test(lines_of_a_file),
        cmocka_unit_test(more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
