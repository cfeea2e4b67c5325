/* test_place.c - the file that remembers how far a stream has been read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/program/place.h"
#include "support/cmocka_all.h"
#include "support/tmpdir.h"

static void kept_and_read(void **state)
{
    const char *dir = tmpdir_create(), *file = tmpdir_path(dir, "seen");
    char id[PLACE_MAX + 1] = "x";

    (void)state;
    assert_true(place_read(file, id)); /* the first time */
    assert_string_equal(id, "");
    assert_true(place_write(file, "6f1c:17"));
    assert_true(place_write(file, "6f1c:18"));
    assert_true(place_read(file, id));
    assert_string_equal(id, "6f1c:18");
    tmpdir_write(dir, "seen", 0600, "");
    assert_true(place_read(file, id));
    assert_string_equal(id, "");
}

static void what_cannot_be(void **state)
{
    const char *dir = tmpdir_create();
    char id[PLACE_MAX + 1], line[PLACE_MAX + 10];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    errno = 0;
    assert_false(place_read(tmpdir_write(dir, "long", 0600, line), id));
    assert_int_equal(errno, 0);
    line[PLACE_MAX] = '\0';
    assert_true(place_read(tmpdir_write(dir, "just", 0600, line), id));
    assert_string_equal(id, line);
    assert_false(place_read(tmpdir_path(dir, "long/x"), id));
    assert_int_equal(errno, ENOTDIR);
    assert_false(place_write(tmpdir_path(dir, "none/x"), "a:1"));
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_and_read),
        cmocka_unit_test(what_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
