#include "core/tables.h"

#include "support/cmocka_all.h"

static struct tables *tables;

static int setup(void **state)
{
    (void)state;
    tables = tables_create();
    return tables ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tables_destroy(tables);
    return 0;
}

/* The table at `rev`, there or removed. */
static struct studio_snapshot *snapshot(const struct table *table, uint64_t rev, bool exists)
{
    const struct snapshot_text text = {"{}", 2, 0, 2};
    struct table_state state;

    state_init(&state, &studio_built_in_values, 1000);
    state.rev = rev;
    return studio_snapshot_create(table_id(table), &state, exists ? &text : NULL);
}

/* One on top of the newest; let go of by commit() or studio_snapshot_unref(). */
static struct studio_snapshot *stage(struct table *table, uint64_t rev, bool exists)
{
    struct studio_snapshot *staged = snapshot(table, rev, exists);

    tables_stage(tables, table, staged);
    return staged;
}

static void commit(struct table *table, struct studio_snapshot *staged)
{
    tables_commit(tables, table, staged);
    studio_snapshot_unref(staged);
}

static struct table *restored(const char *id, uint64_t rev, bool exists)
{
    struct table *table = tables_add(tables, id);
    struct studio_snapshot *stored = snapshot(table, rev, exists);

    tables_restore(tables, table, stored);
    studio_snapshot_unref(stored);
    return table;
}

static void count_one(void *ctx, struct table *table)
{
    (void)table;
    ++*(size_t *)ctx;
}

static void a_name_is_added_once_and_does_not_exist_yet(void **state)
{
    struct table *table = tables_add(tables, "ARO-001");
    size_t seen = 0;

    (void)state;
    assert_null(tables_find(tables, "ARO-002"));
    assert_ptr_equal(tables_add(tables, "ARO-001"), table);
    assert_ptr_equal(tables_find(tables, "ARO-001"), table);
    assert_string_equal(table_id(table), "ARO-001");
    assert_false(table_exists(table));
    assert_false(table_exists_staged(table));
    assert_false(table_known(table));
    assert_int_equal(table_newest(table)->rev, 0);
    assert_int_equal(tables_count(tables), 0);
    tables_each(tables, count_one, &seen);
    assert_int_equal(seen, 0);
}

static void staged_is_seen_by_the_next_message_only(void **state)
{
    struct table *table = tables_add(tables, "ARO-001");
    struct studio_snapshot *first, *second;

    (void)state;
    first = stage(table, 0, true);
    assert_true(table_exists_staged(table));
    assert_false(table_exists(table));
    assert_true(table_known(table));
    assert_int_equal(tables_count(tables), 0);
    assert_int_equal(tables_count_staged(tables), 1);
    second = stage(table, 1, true);
    assert_int_equal(tables_count_staged(tables), 1);
    assert_int_equal(table_newest(table)->rev, 1);

    commit(table, first);
    assert_true(table_exists(table));
    assert_int_equal(tables_count(tables), 1);
    assert_int_equal(table_snapshot(table)->rev, 0);
    assert_int_equal(table_newest(table)->rev, 1);
    commit(table, second);
    assert_int_equal(table_newest(table)->rev, 1);
    assert_int_equal(table_snapshot(table)->rev, 1);
    assert_int_equal(tables_count(tables), 1);
    assert_int_equal(tables_count_staged(tables), 1);
}

static void dropping_goes_back_to_what_is_committed(void **state)
{
    struct table *table = restored("ARO-001", 5, true);
    struct table *fresh = tables_add(tables, "ARO-002");
    struct studio_snapshot *update, *removal, *creation;

    (void)state;
    update = stage(table, 6, true);
    removal = stage(table, 7, false);
    creation = stage(fresh, 0, true);
    assert_false(table_exists_staged(table));
    assert_int_equal(tables_count_staged(tables), 1);
    tables_drop(tables, table);
    tables_drop(tables, table);
    tables_drop(tables, fresh);
    assert_true(table_exists_staged(table));
    assert_int_equal(table_newest(table)->rev, 5);
    assert_false(table_exists_staged(fresh));
    assert_false(table_known(fresh));
    assert_int_equal(tables_count_staged(tables), 1);
    assert_int_equal(tables_count(tables), 1);
    studio_snapshot_unref(update);
    studio_snapshot_unref(removal);
    studio_snapshot_unref(creation);
}

static void a_removed_table_keeps_its_number(void **state)
{
    struct table *table = restored("ARO-001", 5, true);

    (void)state;
    commit(table, stage(table, 6, false));
    assert_false(table_exists(table));
    assert_true(table_known(table));
    assert_int_equal(table_newest(table)->rev, 6);
    assert_int_equal(tables_count(tables), 0);
    assert_int_equal(tables_count_staged(tables), 0);
    assert_true(table_snapshot(table)->removed);
    assert_int_equal(table_snapshot(table)->rev, 6);
}

static void restored_tables_count_if_they_exist(void **state)
{
    size_t seen = 0;

    (void)state;
    restored("ARO-001", 5, true);
    restored("ARO-002", 9, false);
    assert_int_equal(tables_count(tables), 1);
    assert_int_equal(tables_count_staged(tables), 1);
    assert_true(table_known(tables_find(tables, "ARO-002")));
    tables_each(tables, count_one, &seen);
    assert_int_equal(seen, 2); /* the removed one too */
}

static void a_change_is_told_once_and_printed_once(void **state)
{
    struct table *table = restored("ARO-001", 5, true);
    struct studio_snapshot *before, *update;

    (void)state;
    assert_true(table_changed(table));
    table_announced(table);
    assert_false(table_changed(table));
    before = table_snapshot(table);
    assert_ptr_equal(table_snapshot(table), before);
    studio_snapshot_ref(before);
    update = stage(table, 6, true);
    assert_false(table_changed(table));
    commit(table, update);
    assert_true(table_changed(table));
    table_announced(table);
    assert_ptr_not_equal(table_snapshot(table), before);
    assert_int_equal(before->rev, 5); /* who kept it still reads the old one */
    studio_snapshot_unref(before);
}

static void names_nothing_came_of_are_forgotten(void **state)
{
    struct studio_snapshot *staged;
    struct table *table = tables_add(tables, "ARO-001");

    (void)state;
    tables_forget(tables, table);
    assert_null(tables_find(tables, "ARO-001"));
    table = restored("ARO-002", 3, false); /* removed, but its number is to go on */
    tables_forget(tables, table);
    assert_ptr_equal(tables_find(tables, "ARO-002"), table);
    for (int i = 0; i < 3; i++) {
        static const char *const ids[] = {"A", "B", "C"};
        table = tables_add(tables, ids[i]);
    }
    staged = stage(table, 0, true); /* C */
    tables_sweep(tables);
    assert_null(tables_find(tables, "A"));
    assert_null(tables_find(tables, "B"));
    assert_ptr_equal(tables_find(tables, "C"), table);
    tables_drop(tables, table);
    studio_snapshot_unref(staged);
    tables_sweep(tables);
    assert_null(tables_find(tables, "C"));
    tables_sweep(tables);
    assert_non_null(tables_find(tables, "ARO-002"));
}

static void of_a_prefix_are_as_many_as_there_are(void **state)
{
    char prefix[3] = "";

    (void)state;
    (void)restored("ARO-1", 1, true);
    (void)restored("ARO-2", 1, false);
    (void)restored("BAC-1", 1, true);
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 1);
    assert_int_equal(tables_count_like(tables, "", 0), 2);
    struct table *table = tables_add(tables, "ARO-3");
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 1);
    struct studio_snapshot *staged = stage(table, 0, true);
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 2);
    tables_drop(tables, table);
    studio_snapshot_unref(staged);
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 1);
    commit(table, stage(table, 0, true));
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 2);
    for (char c = 'a'; c <= 'z'; c++) { /* more than are kept in mind */
        prefix[0] = c;
        assert_int_equal(tables_count_like(tables, prefix, 1), 0);
    }
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 2);
    commit(table, stage(table, 1, false));
    assert_int_equal(tables_count_like(tables, "ARO-", 4), 1);
    assert_int_equal(tables_count_like(tables, "", 0), 2);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tables_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_added_once_and_does_not_exist_yet),
        TEST(staged_is_seen_by_the_next_message_only),
        TEST(dropping_goes_back_to_what_is_committed),
        TEST(a_removed_table_keeps_its_number),
        TEST(restored_tables_count_if_they_exist),
        TEST(a_change_is_told_once_and_printed_once),
        TEST(names_nothing_came_of_are_forgotten),
        TEST(of_a_prefix_are_as_many_as_there_are),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
