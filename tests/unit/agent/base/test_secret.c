/* test_secret.c - files that others can read; memory that no core file has. */
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/corefile.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

static enum secret_reach reach(const char *file)
{
    struct stat about;

    assert_int_equal(stat(file, &about), 0);
    return secret_reach(file, &about);
}

static void a_mode_or_a_directory_keeps_others_out(void **state)
{
    const char *dir = tmpdir_create();
    const char *file = tmpdir_write(dir, "secret", 0644, "x");
    char *link = test_printf("%s/link", dir);
    struct studio_error error;

    (void)state;
    assert_int_equal(reach(file), SECRET_CLOSED);
    assert_int_equal(symlink(file, link), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(reach(file), SECRET_OPEN);
    assert_int_equal(reach(link), SECRET_OPEN);
    assert_int_equal(secret_check("mqtt.key", file, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "mqtt.key"));
    assert_non_null(strstr(error.text, "chmod o-r"));
    assert_non_null(strstr(error.text, file));
    for (mode_t mode = 0600; mode <= 0640; mode += 040) {
        assert_int_equal(chmod(file, mode), 0);
        assert_int_equal(reach(file), SECRET_CLOSED);
        assert_int_equal(secret_check("mqtt.key", file, &error), STUDIO_OK);
    }
    assert_int_equal(chmod(file, 0604), 0);
    assert_int_equal(chmod(dir, 0711), 0); /* who knows its name gets to it */
    assert_int_equal(reach(file), SECRET_OPEN);
    assert_int_equal(secret_check("mqtt.key", "/nowhere/key", &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "cannot read mqtt.key /nowhere/key"));
    free(link);
}

/* A file of root's, which everybody can read: so does this process, if it is not root. */
static void who_reads_as_one_of_the_others_is_warned(void **state)
{
    const uid_t me = geteuid();
    struct studio_error error;

    (void)state;
    if (me == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(reach("/etc/passwd"), SECRET_FORCED);
    assert_int_equal(secret_check("mqtt.key", "/etc/passwd", &error), STUDIO_OK);
    assert_int_equal(seteuid(me), 0);
}

/* Has the mapping this address is in the flag "dd" (do not dump)? */
static bool is_left_out(const void *memory)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false, out = false;
    unsigned long from, to;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)memory >= from && (uintptr_t)memory < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            out = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    return out;
}

static void no_core_file_has_it(void **state)
{
    char *large = secret_alloc(100000), *copy = secret_dup("password and more", 8);

    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(large[i], 0);
    memset(large, 'x', 100000);
    assert_string_equal(copy, "password");
    assert_true(is_left_out(large));
    assert_true(is_left_out(large + 99999));
    assert_true(is_left_out(copy));
    assert_null(secret_alloc(SIZE_MAX));
    assert_null(secret_alloc(SIZE_MAX / 2));
    secret_free(large);
    secret_free(copy);
    secret_free(NULL);
}

static void put_filter(const char *text)
{
    FILE *f = fopen("/proc/self/coredump_filter", "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Of what a process has in memory nothing gets into a core file. */
static void core_files_are_empty(void **state)
{
    char *before = test_printf("0x%x", corefile_filter(getpid()));

    (void)state;
    secret_empty_cores();
    unsigned filter = corefile_filter(getpid());
    put_filter(before);
    assert_int_equal(filter, 0x10);
    assert_int_equal(corefile_filter(getpid()), strtoul(before, NULL, 16));
    free(before);
}

static void a_text_is_cleared(void **state)
{
    char text[] = "password";

    (void)state;
    secret_clear(text);
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal(text[i], 0);
    secret_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mode_or_a_directory_keeps_others_out),
        cmocka_unit_test(who_reads_as_one_of_the_others_is_warned),
        cmocka_unit_test(no_core_file_has_it),
        cmocka_unit_test(core_files_are_empty),
        cmocka_unit_test(a_text_is_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
