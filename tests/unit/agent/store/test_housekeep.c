/* test_housekeep.c - what may go goes in small steps; what is not acknowledged stays. */
#include <sys/stat.h>

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

static void test_keeps_the_newest(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_retaining(dir, 100, 0);
    struct store_reader *reader = open_reader(store);
    commit_batch(store, 1500);
    ack(store, 1500);
    bool more = false;
    assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_OK);
    assert_true(more);
    assert_int_equal(store_info(store)->oldest, STORE_STEP_ROWS + 1); /* one small step */
    housekeep_all(store, now_ms);
    assert_int_equal(store_info(store)->oldest, 1401);
    struct seen seen = read_events(reader, 0, UINT64_MAX, SIZE_MAX);
    assert_int_equal(seen.count, 100);
    assert_int_equal(seen.first, 1401);
    store_reader_close(reader);
    store_close(store);
    store = open_retaining(dir, 100, 0);
    assert_int_equal(store_info(store)->oldest, 1401);
    assert_int_equal(store_info(store)->last_seq, 1500);
    store_close(store);
}

static void test_never_removes_what_is_not_acknowledged(void **state)
{
    (void)state;
    struct store *store = open_retaining(tmpdir_create(), 10, 1);
    int64_t mono = now_ms;
    commit_batch(store, 1000);
    run_hours(store, &mono, 100);
    assert_int_equal(store_info(store)->oldest, 1);
    ack(store, 300);
    housekeep_all(store, mono);
    assert_int_equal(store_info(store)->oldest, 301);
    ack(store, 995);
    housekeep_all(store, mono);
    assert_int_equal(store_info(store)->oldest, 996);
    store_close(store);
}

/* What the time stamps say is of no interest: they are years apart here, in both directions. */
static void commit_stamped(struct store *store, int64_t wall_ms)
{
    struct change c;
    make_change(&c, "A-1", store_info(store)->last_seq);
    c.event.wall_ms = wall_ms;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    ack(store, store_info(store)->last_seq);
}

static void test_age_is_hours_of_running(void **state)
{
    (void)state;
    enum { DAYS = 2 };
    struct store *store = open_retaining(tmpdir_create(), 0, DAYS);
    int64_t mono = now_ms;
    commit_stamped(store, 0);
    commit_stamped(store, 4000000000000);
    commit_stamped(store, 1700000000000);
    run_hours(store, &mono, 10);
    commit_stamped(store, 1);
    run_hours(store, &mono, DAYS * 24 - 10);
    assert_int_equal(store_info(store)->oldest, 1); /* noted at the end of their first hour */
    run_hours(store, &mono, 1);
    assert_int_equal(store_info(store)->oldest, 4);
    run_hours(store, &mono, 9);
    assert_int_equal(store_info(store)->oldest, 4);
    run_hours(store, &mono, 1);
    assert_int_equal(store_info(store)->oldest, 5);
    assert_in_range(count_rows(store, "hours"), DAYS * 24, DAYS * 24 + 1);
    store_close(store);
}

/* A clock that has gone on by days since it was last looked at is one hour, not many. */
static void test_a_long_hour_is_one(void **state)
{
    (void)state;
    struct store *store = open_retaining(tmpdir_create(), 0, 1);
    int64_t mono = now_ms;
    commit_stamped(store, 0);
    run_hours(store, &mono, 20);
    housekeep_all(store, mono += 100 * (int64_t)DAY_MS);
    assert_int_equal(store_info(store)->oldest, 1);
    run_hours(store, &mono, 4);
    assert_int_equal(store_info(store)->oldest, 2);
    store_close(store);
}

/* Nothing is removed for its age in the first hour of a start, whatever time has passed. */
static void test_a_start_begins_its_hour_anew(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_retaining(dir, 0, 1);
    int64_t mono = now_ms;
    commit_stamped(store, 0);
    run_hours(store, &mono, 24);
    store_close(store);
    store = open_retaining(dir, 0, 1);
    mono = 900 * (int64_t)DAY_MS;
    housekeep_all(store, mono);
    housekeep_all(store, mono + HOUR_MS - 1);
    assert_int_equal(store_info(store)->oldest, 1);
    housekeep_all(store, mono + HOUR_MS);
    assert_int_equal(store_info(store)->oldest, 2);
    store_close(store);
}

static void test_numbers_go_on_when_all_is_removed(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_retaining(dir, 0, 1);
    struct store_reader *reader = open_reader(store);
    int64_t mono = now_ms;
    uint64_t oldest = 0;
    commit_batch(store, 700);
    ack(store, 700);
    run_hours(store, &mono, 25);
    assert_int_equal(store_info(store)->oldest, 701);
    assert_int_equal(store_read_oldest(reader, &oldest), STUDIO_OK);
    assert_int_equal(oldest, 701);
    store_reader_close(reader);
    store_close(store);
    store = open_retaining(dir, 0, 1);
    assert_int_equal(store_info(store)->last_seq, 700);
    assert_int_equal(store_info(store)->oldest, 701);
    commit_batch(store, 1);
    assert_int_equal(store_info(store)->last_seq, 701);
    assert_int_equal(store_info(store)->oldest, 701);
    store_close(store);
}

static void test_no_limit_keeps_all(void **state)
{
    (void)state;
    struct store *store = open_retaining(tmpdir_create(), 0, 0);
    int64_t mono = now_ms;
    commit_batch(store, 1000);
    ack(store, 1000);
    run_hours(store, &mono, 100);
    assert_int_equal(store_info(store)->oldest, 1);
    store_close(store);
}

static void test_parked_events_are_counted_out(void **state)
{
    (void)state;
    struct store *store = open_retaining(tmpdir_create(), 10, 0);
    commit_batch(store, 30);
    assert_int_equal(store_park(store, 5, "x"), STUDIO_OK);
    assert_int_equal(store_park(store, 25, "x"), STUDIO_OK);
    ack(store, 30);
    housekeep_all(store, now_ms);
    assert_int_equal(store_info(store)->oldest, 21);
    assert_int_equal(store_info(store)->parked, 1);
    store_close(store);
}

/* --- size ------------------------------------------------------------------------------------ */

enum { MAX_BYTES = 1 << 20 };

static struct store *open_bounded(const char *dir)
{
    struct store_options options = options_for(dir);
    options.max_bytes = MAX_BYTES;
    return open_with(&options);
}

/* Batches of 500 until one is refused; how many were not. */
static unsigned fill(struct store *store)
{
    for (unsigned batches = 0; batches < 100; batches++) {
        static struct change changes[500];
        static struct store_item items[500];
        for (unsigned i = 0; i < 500; i++) {
            make_change(&changes[i], "A-1", store_info(store)->last_seq + i);
            items[i] = changes[i].item;
        }
        enum studio_err err = store_commit(store, items, 500, 0);
        if (err != STUDIO_OK) {
            assert_int_equal(err, STUDIO_ERR_STORAGE);
            return batches;
        }
    }
    return 100;
}

static off_t file_size(const char *dir)
{
    struct stat st;
    assert_int_equal(stat(tmpdir_path(dir, STORE_FILE), &st), 0);
    return st.st_size;
}

/* The oldest acknowledged go, and all that comes is taken. */
static void test_size_is_kept_by_the_oldest_going(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_bounded(dir);
    for (int i = 0; i < 60; i++) {
        commit_batch(store, 500);
        ack(store, store_info(store)->last_seq);
        housekeep_all(store, now_ms);
    }
    assert_false(store_crowded(store));
    assert_int_equal(store_info(store)->last_seq, 30000);
    assert_in_range(store_info(store)->oldest, 20000, 29900);
    store_close(store);
    if (!on_postgres())
        assert_in_range(file_size(dir), MAX_BYTES / 4, MAX_BYTES);
}

/* What is not acknowledged stays: then updates are refused, until something is. */
static void test_size_refuses_when_nothing_may_go(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_bounded(dir);
    assert_in_range(fill(store), 5, 20);
    uint64_t last = store_info(store)->last_seq;
    housekeep_all(store, now_ms);
    assert_true(store_crowded(store));
    assert_int_equal(store_info(store)->oldest, 1);
    assert_int_equal(fill(store), 0);
    ack(store, last);
    housekeep_all(store, now_ms);
    assert_false(store_crowded(store));
    commit_batch(store, 100);
    assert_int_equal(store_info(store)->last_seq, last + 100);
    store_close(store);
    if (!on_postgres())
        assert_in_range(file_size(dir), MAX_BYTES / 2, MAX_BYTES);
    store = open_bounded(dir);
    assert_int_equal(store_info(store)->last_seq, last + 100);
    store_close(store);
}

/* --- requests -------------------------------------------------------------------------------- */

static void commit_request(struct store *store, const char *id)
{
    struct store_request request = {.table_id = "A-1",
                                    .client = "plc",
                                    .request_id = id,
                                    .digest = {1},
                                    .answer = "{}",
                                    .answer_len = 2,
                                    .wall_ms = 4000000000000};
    struct change c;
    make_change(&c, "A-1", 0);
    c.item.request = &request;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
}

static void test_requests_are_forgotten_after_a_day(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    int64_t mono = now_ms;
    char id[16];
    run_hours(store, &mono, 3);
    for (int i = 0; i < 600; i++) {
        snprintf(id, sizeof id, "%d", i);
        commit_request(store, id);
    }
    run_hours(store, &mono, 1);
    commit_request(store, "\"young\"");
    run_hours(store, &mono, 23); /* they may be of the end of their hour */
    assert_int_equal(count_rows(store, "requests"), 601);
    assert_int_equal(ask_number(store, "SELECT value FROM meta WHERE key = 'hours'",
                                "SELECT hours FROM studio_agents"),
                     27);
    bool more = false;
    assert_int_equal(store_housekeep(store, mono += HOUR_MS, &more), STUDIO_OK); /* the hour */
    assert_int_equal(store_housekeep(store, mono, &more), STUDIO_OK);
    assert_true(more);
    assert_int_equal(count_rows(store, "requests"), 101);
    housekeep_all(store, mono);
    assert_int_equal(count_rows(store, "requests"), 1);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_newest),
        cmocka_unit_test(test_never_removes_what_is_not_acknowledged),
        cmocka_unit_test(test_age_is_hours_of_running),
        cmocka_unit_test(test_a_long_hour_is_one),
        cmocka_unit_test(test_a_start_begins_its_hour_anew),
        cmocka_unit_test(test_numbers_go_on_when_all_is_removed),
        cmocka_unit_test(test_no_limit_keeps_all),
        cmocka_unit_test(test_size_is_kept_by_the_oldest_going),
        cmocka_unit_test(test_size_refuses_when_nothing_may_go),
        cmocka_unit_test(test_parked_events_are_counted_out),
        cmocka_unit_test(test_requests_are_forgotten_after_a_day),
    };
    return run_store_tests(tests);
}
