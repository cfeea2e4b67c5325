/* test_housekeep.c - housekeeping on a disk that is full. */
#include "support/faultvfs.h"
#include "unit/agent/store/fixture.h"

static const int64_t now_ms = 5000; /* monotonic; what make_change writes is of no interest */

static struct store *open_retaining(const char *dir, uint64_t events, unsigned days)
{
    struct store_options options = options_for(dir);
    options.retention_events = events;
    options.retention_days = days;
    return open_with(&options);
}

static void ack(struct store *store, uint64_t seq)
{
    assert_int_equal(store_commit(store, NULL, 0, seq), STUDIO_OK);
}

static void test_full_disk_in_housekeeping_passes(void **state)
{
    (void)state;
    faultvfs_register();
    struct store *store = open_retaining(tmpdir_create(), 10, 0);
    bool more = true;
    commit_batch(store, 100);
    ack(store, 100);
    faultvfs_arm(FAULTVFS_WRITE, 0, 1, 0, SQLITE_FULL);
    assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_ERR_STORAGE);
    assert_false(more);
    faultvfs_disarm();
    assert_int_equal(store_info(store)->oldest, 1);
    housekeep_all(store, now_ms);
    assert_int_equal(store_info(store)->oldest, 91);
    store_close(store);
    faultvfs_unregister();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk_in_housekeeping_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
