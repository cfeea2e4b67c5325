/* test_store.c - what a restart brings back. */
#include "unit/agent/store/fixture.h"

static void test_new_store(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    const struct store_info *info = store_info(store);
    assert_int_equal(strlen(info->epoch), STORE_EPOCH_LEN);
    assert_int_equal(strspn(info->epoch, "0123456789abcdef"), STORE_EPOCH_LEN);
    assert_string_equal(info->agent_id, "edge-1");
    assert_int_equal(info->boot, 1);
    assert_int_equal(info->last_seq, 0);
    assert_int_equal(info->acked, 0);
    assert_int_equal(info->oldest, 1);
    assert_int_equal(info->parked, 0);
    store_close(store);
    store_close(NULL);
}

static void test_epoch_is_kept_and_boots_count(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char epoch[STORE_EPOCH_LEN + 1];
    struct store *store = open_store(dir);
    memcpy(epoch, store_info(store)->epoch, sizeof epoch);
    store_close(store);
    for (uint64_t boot = 2; boot < 5; boot++) {
        store = open_store(dir);
        assert_string_equal(store_info(store)->epoch, epoch);
        assert_int_equal(store_info(store)->boot, boot);
        store_close(store);
    }
    store = open_store(tmpdir_create());
    assert_string_not_equal(store_info(store)->epoch, epoch);
    store_close(store);
}

static void test_a_memo_is_kept(void **state)
{
    (void)state;
    char large[STORE_MEMO_MAX + 2];
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    assert_string_equal(store_info(store)->memo, "");
    assert_int_equal(store_put_memo(store, "mqtt://a"), STUDIO_OK);
    memset(large, 'x', sizeof large - 1);
    large[STORE_MEMO_MAX] = '\0';
    assert_int_equal(store_put_memo(store, large), STUDIO_OK);
    store_close(store);
    store = open_store(dir);
    assert_string_equal(store_info(store)->memo, large);
    large[STORE_MEMO_MAX] = 'x';
    large[STORE_MEMO_MAX + 1] = '\0';
    assert_int_equal(store_put_memo(store, large), STUDIO_OK);
    store_close(store);
    store = open_store(dir);
    assert_string_equal(store_info(store)->memo, "");
    store_close(store);
}

/* --- tables ---------------------------------------------------------------------------------- */

struct row {
    char id[16];
    uint64_t rev;
    bool present;
    char document[96];
};
struct rows {
    struct row row[4];
    size_t count;
    size_t stop_at;
};

static bool keep_row(void *ctx, const char *table_id, uint64_t rev, const char *document,
                     size_t len)
{
    struct rows *rows = ctx;
    if (rows->count == rows->stop_at)
        return false;
    struct row *row = &rows->row[rows->count++];
    snprintf(row->id, sizeof row->id, "%s", table_id);
    row->rev = rev;
    row->present = document != NULL;
    snprintf(row->document, sizeof row->document, "%.*s", (int)len, document ? document : "");
    return true;
}

static void test_restart_brings_everything_back(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "B-2", 0, 3);
    commit_changes(store, "A-1", 0, 1);
    struct change gone;
    make_removal(&gone, "A-1", 1);
    assert_int_equal(store_commit(store, &gone.item, 1, 3), STUDIO_OK);
    assert_int_equal(store_park(store, 2, "too large"), STUDIO_OK);
    store_close(store);

    store = open_store(dir);
    const struct store_info *info = store_info(store);
    assert_int_equal(info->last_seq, 5);
    assert_int_equal(info->acked, 3);
    assert_int_equal(info->oldest, 1);
    assert_int_equal(info->parked, 1);
    struct rows rows = {.stop_at = 4};
    assert_int_equal(store_tables(store, keep_row, &rows), STUDIO_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.row[0].id, "A-1");
    assert_int_equal(rows.row[0].rev, 1);
    assert_false(rows.row[0].present);
    assert_string_equal(rows.row[1].id, "B-2");
    assert_int_equal(rows.row[1].rev, 2);
    assert_string_equal(rows.row[1].document, "{\"TABLE_ID\":\"B-2\",\"UPTIME\":2}");
    rows = (struct rows){.stop_at = 1};
    assert_int_equal(store_tables(store, keep_row, &rows), STUDIO_ERR_NO_MEMORY);
    store_close(store);
}

static void test_removed_table_may_return(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct change c;
    commit_changes(store, "A-1", 0, 5);
    make_change(&c, "A-1", 5);
    c.snapshot.removed = true; /* its document, if given, does not count */
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    struct rows rows = {.stop_at = 4};
    assert_int_equal(store_tables(store, keep_row, &rows), STUDIO_OK);
    assert_false(rows.row[0].present);
    assert_int_equal(commit_change(store, "A-1", 6), STUDIO_OK);
    store_close(store);
    store = open_store(dir);
    rows = (struct rows){.stop_at = 4};
    assert_int_equal(store_tables(store, keep_row, &rows), STUDIO_OK);
    assert_int_equal(rows.count, 1);
    assert_true(rows.row[0].present);
    assert_int_equal(rows.row[0].rev, 6);
    store_close(store);
}

static void test_exception_leaves_the_row(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct change c;
    commit_changes(store, "A-1", 0, 2);
    make_exception(&c, "A-1", 1);
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(c.event.seq, 3);
    struct rows rows = {.stop_at = 4};
    assert_int_equal(store_tables(store, keep_row, &rows), STUDIO_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.row[0].rev, 1);
    assert_true(rows.row[0].present);
    store_close(store);
}

/* --- with and without a broker --------------------------------------------------------------- */

static void test_without_broker_all_is_acknowledged(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    struct store *store = open_with(&options);
    commit_changes(store, "A-1", 0, 4);
    assert_int_equal(store_info(store)->acked, 0);
    store_close(store);

    options.mirror = false;
    store = open_with(&options);
    assert_int_equal(store_info(store)->acked, 4);
    commit_changes(store, "A-1", 4, 2);
    assert_int_equal(store_info(store)->acked, 6);
    store_close(store);

    options.mirror = true; /* mirroring begins with the next event */
    store = open_with(&options);
    assert_int_equal(store_info(store)->acked, 6);
    commit_changes(store, "A-1", 6, 1);
    assert_int_equal(store_info(store)->acked, 6);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_store),
        cmocka_unit_test(test_epoch_is_kept_and_boots_count),
        cmocka_unit_test(test_a_memo_is_kept),
        cmocka_unit_test(test_restart_brings_everything_back),
        cmocka_unit_test(test_removed_table_may_return),
        cmocka_unit_test(test_exception_leaves_the_row),
        cmocka_unit_test(test_without_broker_all_is_acknowledged),
    };
    return run_store_tests(tests);
}
