/* test_user_files.c - users in a Mosquitto's files: added, replaced, and what others wrote there stays. */
#include "auth/user_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/tmpdir.h"

static struct studio_error error;

static void put(const char *dir, const char *name, enum role role, const char *root)
{
    const struct broker_login login = {.name = name, .password = "SECRET", .role = role};

    assert_int_equal(user_files_put(dir, &login, root, &error), STUDIO_OK);
}

static char *read_in(const char *dir, const char *name)
{
    char *text = tmpdir_read(tmpdir_path(dir, name), NULL);

    assert_non_null(text);
    return text;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

static void users_and_the_agent(void **state)
{
    const char *dir = tmpdir_create();
    const struct broker_login agent = {.name = "agent", .password = "SECRET", .agent = true};
    char *passwords, *access;

    (void)state;
    assert_int_equal(user_files_put(dir, &agent, "studio", &error), STUDIO_OK);
    put(dir, "ARO-001_plc", ROLE_DEVICE, "studio");
    passwords = read_in(dir, "passwd");
    access = read_in(dir, "acl");
    assert_memory_equal(passwords, "agent:$7$", 9);
    assert_non_null(strstr(passwords, "\nARO-001_plc:$7$"));
    assert_null(strstr(passwords, "SECRET"));
    assert_memory_equal(access, "user agent\ntopic write studio/tables/+/status\n", 44);
    assert_non_null(
        strstr(access, "\nuser ARO-001_plc\ntopic read studio/tables/ARO-001/status\n"));
    free(passwords);
    free(access);
}

/* What a person chose is guessed by who gets to see the file. */
static void a_chosen_password_is_slow_to_guess(void **state)
{
    const char *dir = tmpdir_create();
    const struct broker_login login = {.name = "plc", .password = "hello", .chosen = true};
    char *passwords;

    (void)state;
    assert_int_equal(user_files_put(dir, &login, "studio", &error), STUDIO_OK);
    passwords = read_in(dir, "passwd");
    assert_true(strtol(passwords + strlen("plc:$7$"), NULL, 10) >= 20000);
    free(passwords);
}

static void a_user_again_takes_the_place_of_the_former(void **state)
{
    const char *dir = tmpdir_create();
    char *passwords, *access;

    (void)state;
    tmpdir_write(dir, "passwd", 0600, "plc:x\nplc1:y"); /* without a newline at its end */
    tmpdir_write(
        dir, "acl", 0600,
        "user plc\ntopic readwrite #\n# of ours\nuser plc1\ntopic read a\npattern read b/%u\n");
    put(dir, "plc", ROLE_VIEWER, "studio");
    put(dir, "plc", ROLE_VIEWER, "studio");
    passwords = read_in(dir, "passwd");
    access = read_in(dir, "acl");
    assert_memory_equal(passwords, "plc1:y\nplc:$7$", 14);
    assert_int_equal(count(passwords, "plc:"), 1);
    assert_int_equal(count(access, "user plc\n"), 1);
    assert_int_equal(count(access, "topic readwrite #"), 0);
    assert_memory_equal(access, "# of ours\nuser plc1\ntopic read a\npattern read b/%u\nuser plc\n",
                        60);
    free(passwords);
    free(access);
}

/* What follows a comment or a pattern in a user's lines is still that user's, and never the user's before. */
static void no_rights_are_left_to_another(void **state)
{
    static const char before[] = "user plc\ntopic read a\n";
    const char *dir = tmpdir_create();
    char *access;

    (void)state;
    tmpdir_write(dir, "acl", 0600,
                 "user plc\ntopic read a\nuser plc1\ntopic read b\n# camera\ntopic read cam/#\n"
                 "pattern read c/%u\ntopic read door\n");
    put(dir, "plc1", ROLE_DEVICE, "studio");
    access = read_in(dir, "acl");
    assert_memory_equal(access, before, sizeof(before) - 1);
    assert_memory_equal(access + sizeof(before) - 1, "# camera\npattern read c/%u\nuser plc1\n",
                        37);
    assert_null(strstr(access, "cam/#"));
    assert_null(strstr(access, "door"));
    free(access);
}

static void without_its_folder(void **state)
{
    const struct broker_login login = {.name = "a", .password = "b"};

    (void)state;
    assert_int_equal(user_files_put(tmpdir_path(tmpdir_create(), "no/where"), &login, "s", &error),
                     STUDIO_ERR_USAGE);
}

static bool removes(const char *dir, const char *name)
{
    bool removed;

    assert_int_equal(user_files_remove(dir, name, &removed, &error), STUDIO_OK);
    return removed;
}

static void who_goes_leaves_nothing_behind(void **state)
{
    const char *dir = tmpdir_create();
    char *text;

    (void)state;
    tmpdir_write(dir, "acl", 0600, "user plc\ntopic read a\nuser plc1\ntopic read b\n");
    assert_true(removes(dir, "plc")); /* in one of the two */
    assert_int_not_equal(access(tmpdir_path(dir, "passwd"), F_OK), 0);
    text = read_in(dir, "acl");
    assert_string_equal(text, "user plc1\ntopic read b\n");
    free(text);
    tmpdir_write(dir, "passwd", 0600, "plc:x\nplc1:y");
    assert_true(removes(dir, "plc"));
    text = read_in(dir, "passwd");
    assert_string_equal(text, "plc1:y\n");
    free(text);
}

/* Not even written anew, which a broker would see. */
static void who_is_not_there_changes_nothing(void **state)
{
    const char *dir = tmpdir_create(), *none = tmpdir_path(dir, "none"), *path;
    struct stat before, after;

    (void)state;
    assert_false(removes(dir, "plc"));
    assert_false(removes(none, "plc"));
    assert_int_not_equal(access(none, F_OK), 0);
    path = tmpdir_write(dir, "passwd", 0600, "plc1:y");
    assert_int_equal(stat(path, &before), 0);
    assert_false(removes(dir, "plc"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, before.st_size);
}

/* Who is in a file that cannot be reached is not gone. */
static void what_cannot_be_looked_for_is_an_error(void **state)
{
    const char *dir = tmpdir_create(), *passwd = tmpdir_path(dir, "passwd");
    bool removed;

    (void)state;
    assert_int_equal(symlink(passwd, passwd), 0);
    assert_int_equal(user_files_remove(dir, "plc", &removed, &error), STUDIO_ERR_USAGE);
    if (geteuid() == 0)
        return; /* who looks into everything */
    assert_int_equal(chmod(dir, 0), 0);
    assert_int_equal(user_files_remove(dir, "plc", &removed, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "Permission denied"));
    assert_int_equal(chmod(dir, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_the_agent),
        cmocka_unit_test(a_chosen_password_is_slow_to_guess),
        cmocka_unit_test(a_user_again_takes_the_place_of_the_former),
        cmocka_unit_test(no_rights_are_left_to_another),
        cmocka_unit_test(without_its_folder),
        cmocka_unit_test(who_goes_leaves_nothing_behind),
        cmocka_unit_test(who_is_not_there_changes_nothing),
        cmocka_unit_test(what_cannot_be_looked_for_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
