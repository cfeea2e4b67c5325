/* Small files read whole. */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"

static void a_file_is_read_whole(void **state)
{
    char path[] = P_tmpdir "/studio-test-XXXXXX";
    struct studio_error error;
    struct stat about;
    char *text = NULL;
    size_t len = 0;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(file_read(path, 4, &text, &len, &about, &error), STUDIO_OK);
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(write(fd, "a\0bc", 4), 4);
    assert_int_equal(file_read(path, 4, &text, &len, &about, &error), STUDIO_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(text, "a\0bc", 5);
    assert_int_equal(about.st_size, 4);
    free(text);
    assert_int_equal(file_read(path, 3, &text, &len, NULL, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "larger than 3 bytes"));
    close(fd);
    unlink(path);
    assert_int_equal(file_read(path, 4, &text, &len, NULL, &error), STUDIO_ERR_USAGE);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_read(P_tmpdir, 4, &text, &len, NULL, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "regular file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_is_read_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
