/* test_store.c - the files of a store, and whose it is. */
#include <sys/stat.h>

#include "unit/agent/store/fixture.h"

static void expect_agent_id(const char *dir, const char *given, const char *host, const char *id)
{
    struct store_options options = options_for(dir);
    options.agent_id = given;
    options.host_name = host;
    struct store *store = open_with(&options);
    assert_string_equal(store_info(store)->agent_id, id);
    store_close(store);
}

static void test_agent_id(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    expect_agent_id(dir, NULL, "host-a", "host-a");
    expect_agent_id(dir, NULL, "host-b", "host-a"); /* a renamed host changes nothing */
    expect_agent_id(dir, "pit-1", "host-b", "pit-1");
    expect_agent_id(dir, NULL, "host-b", "pit-1");
    expect_agent_id(tmpdir_create(), "pit-2", "host-b", "pit-2");

    struct studio_error error = {0};
    struct store *store = NULL;
    struct store_options options = options_for(tmpdir_create());
    options.agent_id = "a-name-of-sixty-five-bytes-"
                       "0123456789012345678901234567890123456789";
    assert_int_equal(store_open(&options, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "--agent-id"));
}

static void test_wal_is_gone_after_an_orderly_close(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct stat st;
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 50);
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE "-wal"), &st), 0);
    assert_true(st.st_size > 0);
    store_close(store);
    assert_int_not_equal(stat(tmpdir_path(dir, STORE_FILE "-wal"), &st), 0);
}

static void test_the_file_is_this_users_only(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct stat st;
    store_close(open_store(dir));
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_without_broker_nobody_waits_after_a_kill(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    options.mirror = false;
    struct store *store = open_with(&options);
    commit_changes(store, "A-1", 0, 6);
    const char *killed = killed_copy(dir);
    store_close(store);
    store = open_store(killed);
    assert_int_equal(store_info(store)->acked, 6);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_id),
        cmocka_unit_test(test_wal_is_gone_after_an_orderly_close),
        cmocka_unit_test(test_the_file_is_this_users_only),
        cmocka_unit_test(test_without_broker_nobody_waits_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
