/* test_commit.c - a batch is durable whole or has not happened, whatever fails on the way. */
#include "unit/agent/store/batch_fixture.h"
#include "unit/agent/store/fixture.h"

static void test_one_commit_of_many(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    make_batch(0);
    assert_int_equal(store_commit(store, items, BATCH, 0), STUDIO_OK);
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(items[i].event->seq, i + 1);
    assert_int_equal(store_info(store)->last_seq, BATCH);
    struct seen seen = read_events(reader, 0, UINT64_MAX, SIZE_MAX);
    assert_int_equal(seen.count, BATCH);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.last, BATCH);
    assert_string_equal(seen.body, batch[BATCH - 1].body);
    store_reader_close(reader);
    store_close(store);
}

static void test_watermark(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 10);
    assert_int_equal(store_commit(store, NULL, 0, 4), STUDIO_OK);
    assert_int_equal(store_info(store)->acked, 4);
    assert_int_equal(store_commit(store, NULL, 0, 3), STUDIO_OK); /* never back */
    assert_int_equal(store_info(store)->acked, 4);
    assert_int_equal(store_commit(store, NULL, 0, 99), STUDIO_OK); /* never ahead */
    assert_int_equal(store_info(store)->acked, 10);
    struct change c;
    make_change(&c, "A-1", 10);
    assert_int_equal(store_commit(store, &c.item, 1, 11), STUDIO_OK); /* not yet sent */
    assert_int_equal(store_info(store)->acked, 10);
    store_close(store);
    store = open_store(dir);
    assert_int_equal(store_info(store)->acked, 10);
    store_close(store);
}

static void test_cleared_fields(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    static const char *const both[] = {"note", "light"};
    struct change c;
    make_change(&c, "A-1", 0);
    c.item.cleared = both;
    c.item.cleared_count = 2;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK); /* again does no harm */
    assert_int_equal(count_rows(store, "cleared"), 2);
    make_change(&c, "A-1", 1);
    c.item.set = both;
    c.item.set_count = 1;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(count_rows(store, "cleared"), 1);
    store_close(store);
}

/* Table A-1 removes so many names, one with each rev. */
static void remove_names(struct store *store, uint64_t from, uint64_t to)
{
    for (uint64_t rev = from; rev <= to; rev++) {
        char name[16];
        const char *names[] = {name};
        struct change c;
        snprintf(name, sizeof name, "n%llu", (unsigned long long)rev);
        make_change(&c, "A-1", rev);
        c.item.cleared = names;
        c.item.cleared_count = 1;
        assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    }
}

static int64_t names_kept(struct store *store, uint64_t above_rev)
{
    char rows[64];
    snprintf(rows, sizeof rows, "cleared WHERE rev > %llu", (unsigned long long)above_rev);
    return count_rows(store, rows);
}

static void test_cleared_names_are_forgotten_but_for_the_newest(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct store_clearing told[] = {{"B-1", 900}, {"A-1", 50}};
    remove_names(store, 1, 100);
    assert_int_equal(names_kept(store, 0), 100); /* none is cleared yet */
    assert_int_equal(store_forget_cleared(store, told, 2), STUDIO_OK);
    assert_int_equal(names_kept(store, 0), 50);
    told[1].rev = 90;
    assert_int_equal(store_forget_cleared(store, told, 2), STUDIO_OK);
    assert_int_equal(names_kept(store, 0), STORE_CLEARED_KEPT);
    assert_int_equal(names_kept(store, 100 - STORE_CLEARED_KEPT), STORE_CLEARED_KEPT);
    store_close(store);
}

static void test_without_a_broker_only_the_newest_names_are_kept(void **state)
{
    (void)state;
    struct store_options options = options_for(tmpdir_create());
    options.mirror = false;
    struct store *store = open_with(&options);
    remove_names(store, 1, 100);
    assert_int_equal(names_kept(store, 0), STORE_CLEARED_KEPT);
    assert_int_equal(names_kept(store, 100 - STORE_CLEARED_KEPT), STORE_CLEARED_KEPT);
    store_close(store);
}

static void test_park(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    commit_changes(store, "A-1", 0, 5);
    assert_int_equal(store_park(store, 3, "0x87"), STUDIO_OK);
    assert_int_equal(store_park(store, 3, "again"), STUDIO_OK);
    assert_int_equal(store_park(store, 4, NULL), STUDIO_OK);
    assert_int_equal(store_park(store, 99, "no such event"), STUDIO_OK);
    assert_int_equal(store_info(store)->parked, 2);
    struct seen seen = read_events(reader, 1, 9, 99);
    assert_int_equal(seen.count, 5); /* parked ones are kept for replay */
    assert_int_equal(seen.parked, 2);
    store_reader_close(reader);
    store_close(store);
    store = open_store(dir);
    assert_int_equal(store_info(store)->parked, 2);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_commit_of_many),
        cmocka_unit_test(test_watermark),
        cmocka_unit_test(test_cleared_fields),
        cmocka_unit_test(test_cleared_names_are_forgotten_but_for_the_newest),
        cmocka_unit_test(test_without_a_broker_only_the_newest_names_are_kept),
        cmocka_unit_test(test_park),
    };
    return run_store_tests(tests);
}
