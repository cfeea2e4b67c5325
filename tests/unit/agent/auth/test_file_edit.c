/* Replacing a file as a whole. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/file_edit.h"

static char dir[64], path[96], inner[96];
static struct studio_error error;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s/studio-test-XXXXXX", P_tmpdir);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/file", dir);
    snprintf(inner, sizeof inner, "%s/sub/file", dir);
    return 0;
}

static int teardown(void **state)
{
    char sub[96];
    (void)state;
    unlink(path);
    unlink(inner);
    snprintf(sub, sizeof sub, "%s/sub", dir);
    rmdir(sub);
    return rmdir(dir);
}

/* Replaces the file and returns its mode. */
static unsigned replace(const char *file, const char *text)
{
    struct file_edit edit;
    struct stat st;
    if (file_edit_open(&edit, file, 100, &error) != STUDIO_OK ||
        file_edit_replace(&edit, text, strlen(text), &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    file_edit_close(&edit);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, strlen(text));
    return st.st_mode & 0777;
}

static void a_new_file_is_private_and_so_is_its_directory(void **state)
{
    struct stat st;
    char sub[96];
    (void)state;
    assert_int_equal(replace(inner, "one"), 0600);
    snprintf(sub, sizeof sub, "%s/sub", dir);
    assert_int_equal(stat(sub, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* Nobody has it under another mode, or another name for it, in between. */
static void a_mode_is_that_of_the_file_a_link_names(void **state)
{
    char name[128];
    struct stat st;
    (void)state;
    assert_int_equal(replace(path, "one"), 0600);
    snprintf(name, sizeof name, "%s/link", dir);
    assert_int_equal(symlink(path, name), 0);
    assert_int_equal(file_edit_put(name, "two", 3, 0644, FILE_EDIT_GROUP, &error), STUDIO_OK);
    assert_int_equal(lstat(name, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(file_edit_put(path, "three", 5, 0, FILE_EDIT_GROUP, &error), STUDIO_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
}

/* As /etc/studio-agent/tokens.d, which the agent reads and root writes. */
static void what_root_makes_is_read_by_the_group_of_the_directory(void **state)
{
    enum { SOME_GROUP = 12345 };
    struct stat st;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(dir, 0, SOME_GROUP), 0);
    assert_int_equal(replace(path, "one"), 0600); /* which may not even look into it */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(dir, 0750), 0);
    assert_int_equal(replace(path, "one"), 0640);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_gid, SOME_GROUP);
    assert_int_equal(chown(dir, 54321, SOME_GROUP), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_edit_put(path, "two", 3, 0600, 0, &error), STUDIO_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_uid, 54321);
    assert_int_equal(st.st_gid, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(replace(path, "one"), 0600); /* it is another's, who is the owner then */
}

static void a_replaced_file_keeps_its_mode(void **state)
{
    struct file_edit edit;
    (void)state;
    assert_int_equal(replace(path, "one"), 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(replace(path, "two"), 0640);
    assert_int_equal(file_edit_open(&edit, path, 100, &error), STUDIO_OK);
    assert_true(edit.exists);
    assert_string_equal(edit.text, "two");
    file_edit_close(&edit);
}

static void what_a_crash_left_is_no_hindrance(void **state)
{
    char beside[112];
    (void)state;
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *f = fopen(beside, "w");
    assert_non_null(f);
    fclose(f);
    replace(path, "one");
    assert_int_not_equal(access(beside, F_OK), 0);
}

static void a_link_stays_a_link(void **state)
{
    struct stat st;
    char link_path[112];
    (void)state;
    replace(path, "one");
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    assert_int_equal(symlink("file", link_path), 0);
    replace(link_path, "two!");
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4);
    unlink(link_path);
}

static void what_cannot_be_edited_is_told(void **state)
{
    struct file_edit edit;
    char missing[128];
    (void)state;
    snprintf(missing, sizeof missing, "%s/no/such/file", dir);
    assert_int_equal(file_edit_open(&edit, missing, 100, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "No such file"));
    file_edit_close(&edit);
    assert_int_equal(file_edit_open(&edit, dir, 100, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "regular file"));
    file_edit_close(&edit);
    replace(path, "0123456789");
    assert_int_equal(file_edit_open(&edit, path, 9, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "larger than"));
    file_edit_close(&edit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_private_and_so_is_its_directory),
        TEST(a_mode_is_that_of_the_file_a_link_names),
        TEST(what_root_makes_is_read_by_the_group_of_the_directory),
        TEST(a_replaced_file_keeps_its_mode),
        TEST(what_a_crash_left_is_no_hindrance),
        TEST(a_link_stays_a_link),
        TEST(what_cannot_be_edited_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
