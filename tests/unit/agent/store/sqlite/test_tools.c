/* test_tools.c - no tool runs beside an agent or makes a store; a restored one gets a new epoch. */
#include <sys/stat.h>
#include <unistd.h>

#include "unit/agent/store/tools_fixture.h"

static void test_open(void **state)
{
    (void)state;
    struct studio_error error = {0};
    struct tool tool;
    const char *dir = full_store();
    assert_int_equal(tool_open(dir, false, &tool, &error), STUDIO_OK);
    tool_close(&tool);
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 2); /* the tool did not count */
    assert_int_equal(tool_open(dir, false, &tool, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "in use by another agent"));
    store_close(store);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct studio_error error = {0};
    struct tool tool;
    struct stat st;
    const char *dir = tmpdir_path(tmpdir_create(), "none");
    assert_int_equal(tool_open(dir, false, &tool, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "no store"));
    assert_int_not_equal(stat(dir, &st), 0);
    dir = tmpdir_create();
    alter_store(dir, "PRAGMA journal_mode = WAL");
    assert_int_equal(tool_open(dir, false, &tool, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "still empty"));
}

static void test_restored(void **state)
{
    (void)state;
    char old[STORE_EPOCH_LEN + 1], new[STORE_EPOCH_LEN + 1] = "";
    struct studio_error error = {0};
    const char *dir = full_store();
    struct store *store = open_store(dir);
    memcpy(old, store_info(store)->epoch, sizeof old);
    store_close(store);
    assert_int_equal(restored(dir, new, &error), STUDIO_OK);
    assert_string_not_equal(old, new);
    assert_int_equal(strlen(new), STORE_EPOCH_LEN);
    store = open_store(dir);
    const struct store_info *info = store_info(store);
    assert_string_equal(info->epoch, new);
    assert_int_equal(info->last_seq, 12); /* numbers go on */
    assert_int_equal(info->acked, 8);     /* 9 to 12 are sent again */
    assert_int_equal(info->parked, 1);
    assert_int_equal(commit_change(store, "A-1", 7), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 13);
    store_close(store);
}

static void test_restored_refuses_damage(void **state)
{
    (void)state;
    char epoch[STORE_EPOCH_LEN + 1] = "";
    struct studio_error error = {0};
    const char *dir = full_store();
    alter_store(dir, "UPDATE meta SET value = 50 WHERE key = 'last_seq'");
    char *before = tmpdir_read(tmpdir_path(dir, STORE_FILE), NULL);
    assert_int_equal(restored(dir, epoch, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_string_equal(epoch, "");
    char *after = tmpdir_read(tmpdir_path(dir, STORE_FILE), NULL);
    assert_memory_equal(before, after, 4096);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_restored),
        cmocka_unit_test(test_restored_refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
