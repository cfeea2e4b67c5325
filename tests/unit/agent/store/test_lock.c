/* test_lock.c - one agent per directory, and clear words for whoever comes second. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/agent/store/fixture.h"

static void test_makes_directory_for_this_user_only(void **state)
{
    (void)state;
    struct studio_error error = {0};
    struct stat st;
    int fd = -1;
    const char *dir = tmpdir_path(tmpdir_create(), "data");
    assert_int_equal(lock_take(dir, &fd, &error), STUDIO_OK);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    lock_release(fd);
}

static void test_second_in_same_process(void **state)
{
    (void)state;
    struct studio_error error = {0};
    int first = -1, second = -1;
    const char *dir = tmpdir_create();
    assert_int_equal(lock_take(dir, &first, &error), STUDIO_OK);
    assert_int_equal(lock_take(dir, &second, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(second, -1);
    lock_release(first);
    assert_int_equal(lock_take(dir, &second, &error), STUDIO_OK);
    lock_release(second);
    lock_release(-1);
}

/* A child opens the store and holds it until its pipe is closed. */
static pid_t hold_in_child(const char *dir, int *hold)
{
    int ready[2], stop[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_options options = options_for(dir);
        struct studio_error error = {0};
        struct store *store = NULL;
        char byte = 0;
        close(ready[0]);
        close(stop[1]);
        if (store_open(&options, &store, &error) != STUDIO_OK || write(ready[1], "r", 1) != 1)
            _exit(1);
        while (read(stop[0], &byte, 1) < 0 && errno == EINTR)
            ;
        store_close(store);
        _exit(0);
    }
    char byte;
    close(ready[1]);
    close(stop[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *hold = stop[1];
    return pid;
}

static void test_held_by_another_process(void **state)
{
    (void)state;
    struct studio_error error = {0};
    struct store *store = NULL;
    int hold, status;
    char expected[32];
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    pid_t pid = hold_in_child(dir, &hold);
    assert_int_equal(store_open(&options, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_null(store);
    snprintf(expected, sizeof expected, "(pid %ld)", (long)pid);
    assert_non_null(strstr(error.text, expected));
    assert_non_null(strstr(error.text, "another agent"));
    close(hold);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    store_close(open_with(&options));
}

static void test_killed_holder_leaves_no_lock(void **state)
{
    (void)state;
    int hold, status;
    const char *dir = tmpdir_create();
    pid_t pid = hold_in_child(dir, &hold);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(hold);
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 2);
    store_close(store);
}

static void test_advice(void **state)
{
    (void)state;
    struct studio_error error = {0};
    int fd = -1;
    const char *dir = tmpdir_create();
    assert_int_equal(lock_take(tmpdir_path(dir, "a/b"), &fd, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "parent directory"));
    const char *file = tmpdir_write(dir, "file", 0600, "x");
    assert_int_equal(lock_take(file, &fd, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "--data"));
    if (geteuid() != 0) { /* root may write anywhere */
        const char *closed = tmpdir_path(dir, "closed");
        assert_int_equal(mkdir(closed, 0500), 0);
        assert_int_equal(lock_take(closed, &fd, &error), STUDIO_ERR_STORE_UNUSABLE);
        assert_non_null(strstr(error.text, "write permission"));
    }
    assert_int_equal(fd, -1);
}

static void test_what_others_could_change_is_refused(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0770, 0707, 01777};
    struct studio_error error = {0};
    int fd = -1;
    const char *dir = tmpdir_create();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(dir, open_modes[i]), 0);
        assert_int_equal(lock_take(dir, &fd, &error), STUDIO_ERR_STORE_UNUSABLE);
        assert_non_null(strstr(error.text, "chmod go-w"));
    }
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(symlink("elsewhere", tmpdir_path(dir, "lock")), 0);
    assert_int_equal(lock_take(dir, &fd, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "symbolic link"));
    assert_int_equal(unlink(tmpdir_path(dir, "lock")), 0);
    assert_int_equal(lock_take(dir, &fd, &error), STUDIO_OK);
    lock_release(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_directory_for_this_user_only),
        cmocka_unit_test(test_second_in_same_process),
        cmocka_unit_test(test_held_by_another_process),
        cmocka_unit_test(test_killed_holder_leaves_no_lock),
        cmocka_unit_test(test_advice),
        cmocka_unit_test(test_what_others_could_change_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
