/* test_backup.c - a copy made between commits is the store as it is at its last step. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/backup.h"
#include "unit/agent/store/tools_fixture.h"

enum { BATCH = 2000, EVENTS = 3 * BATCH }; /* some steps' worth of pages */

static const char *dir;
static struct store *store;
static int fd = -1;

static int setup(void **state)
{
    (void)state;
    dir = tmpdir_create();
    store = open_store(dir);
    for (int i = 0; i < EVENTS; i += BATCH)
        commit_batch(store, BATCH);
    fd = open(tmpdir_path(tmpdir_create(), STORE_FILE), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    store = NULL;
    close(fd);
    return 0;
}

static struct store_backup *begin(void)
{
    struct store_backup *backup;
    struct studio_error error;
    if (store_backup_begin(store, fd, &backup, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    return backup;
}

static struct store_backup_state step(struct store_backup *backup)
{
    struct store_backup_state state;
    struct studio_error error;
    if (store_backup_step(backup, &state, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    return state;
}

/* What stands in a store, or in a copy of one. */
static char *lines_of(const char *of, int copy)
{
    char *text = NULL;
    size_t len = 0;
    struct studio_error error = {0};
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    if (export_to(of, copy, out, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void expect_the_store(void)
{
    const struct store_place copy = {.dir = dir, .copy = fd};
    struct studio_error error;
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    assert_int_equal(store_check(&copy, nowhere, &error), STUDIO_OK);
    assert_int_equal(fclose(nowhere), 0);
    char *copied = lines_of(dir, fd);
    store_close(store);
    store = NULL;
    char *whole = lines_of(dir, -1);
    assert_string_equal(copied, whole);
    free(copied);
    free(whole);
}

/* Rows are added, changed and removed, the log begun anew, all while it is made. */
static void commits_go_on(void **state)
{
    struct store_backup *backup = begin();
    struct store_backup_state now = {.done = false};
    unsigned steps = 0;
    bool more;
    (void)state;
    do {
        commit_batch(store, 40);
        if (steps % 3 == 0)
            assert_int_equal(store_checkpoint(as_sqlite(store), true), STUDIO_OK);
        assert_int_equal(store_housekeep(store, HOUR_MS, &more), STUDIO_OK);
        now = step(backup);
        assert_true(now.copied <= now.total);
        steps++;
    } while (!now.done);
    store_backup_end(backup);
    assert_true(steps > 3);
    assert_int_equal(now.copied, now.total);
    assert_int_equal(now.last_seq, EVENTS + 40 * steps);
    assert_string_equal(now.epoch, store_info(store)->epoch);
    expect_the_store();
}

/* More comes between two steps than a step has pages. */
static void a_store_that_grows_quickly(void **state)
{
    struct store_backup *backup = begin();
    struct store_backup_state now = step(backup);
    unsigned steps = 1;
    (void)state;
    for (; !now.done; steps++) {
        uint64_t total = now.total;
        assert_true(steps < 100);
        commit_batch(store, BATCH);
        now = step(backup);
        assert_true(now.total > total + STORE_BACKUP_STEP);
    }
    store_backup_end(backup);
    assert_true(steps > 3);
    expect_the_store();
}

/* A commit that fails begins the copy anew; it comes to an end nevertheless. */
static void commits_that_fail(void **state)
{
    struct store_backup *backup = begin();
    struct store_backup_state now = {.done = false};
    unsigned steps = 0;
    (void)state;
    for (; !now.done; steps++) {
        assert_true(steps < 50);
        now = step(backup);
        assert_int_equal(store_begin(as_sqlite(store)), STUDIO_OK);
        assert_int_equal(store_put_numbers(as_sqlite(store), 1, 1), SQLITE_OK);
        assert_int_not_equal(store_end(as_sqlite(store), SQLITE_FULL), STUDIO_OK);
    }
    store_backup_end(backup);
    expect_the_store();
}

static void given_up_between(void **state)
{
    struct store_backup *backup = begin();
    (void)state;
    assert_false(step(backup).done);
    store_backup_end(backup);
    commit_batch(store, 10);
    store_backup_end(NULL);
    assert_int_equal(ftruncate(fd, 0), 0);
    backup = begin(); /* and another one */
    while (!step(backup).done)
        ;
    store_backup_end(backup);
    expect_the_store();
}

/* The copy fails, the store does not. */
static void no_room(void **state)
{
    struct rlimit before, small = {.rlim_cur = 100000};
    struct store_backup *backup = begin();
    struct store_backup_state now = {.done = false};
    struct studio_error error = {.text = ""};
    enum studio_err err = STUDIO_OK;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    while (err == STUDIO_OK && !now.done)
        err = store_backup_step(backup, &now, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, STUDIO_ERR_IO);
    assert_non_null(strstr(error.text, "there is no room for the copy"));
    store_backup_end(backup);
    commit_batch(store, 10);
    assert_int_equal(store_info(store)->last_seq, EVENTS + 10);
}

static unsigned told;

static void hear(uint64_t copied, uint64_t total)
{
    assert_true(copied <= total);
    told++;
}

static void without_an_agent(void **state)
{
    struct store_backup_state now;
    struct studio_error error;
    (void)state;
    assert_int_equal(store_backup_all(dir, fd, hear, &now, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "in use by another agent"));
    store_close(store);
    store = NULL;
    assert_int_equal(store_backup_all(dir, fd, hear, &now, &error), STUDIO_OK);
    assert_true(now.done && told > 0);
    assert_int_equal(now.last_seq, EVENTS);
    expect_the_store();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(commits_go_on),     TEST(a_store_that_grows_quickly),
        TEST(commits_that_fail), TEST(given_up_between),
        TEST(no_room),           TEST(without_an_agent),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
