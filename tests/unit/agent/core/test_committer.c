#include "core/committer.h"

#include <sched.h>
#include <sqlite3.h>
#include <string.h>

#include "base/log.h"
#include "support/core_fixture.h"
#include "support/faultvfs.h"

/* The real thread on a real store. The test waits for its wake, or for what it must do sooner or
 * later, always with a deadline. */

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    unsigned rung;
};

static struct core_fixture f; /* its store and clock only */
static struct bell bell;
static struct committer *committer;

static void ring(void *ctx)
{
    struct bell *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->rung++;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
}

static void wait_for_bell(void)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&bell.lock);
    while (bell.rung == 0)
        if (!deadline_cond_wait(&bell.cond, &bell.lock, deadline))
            test_fail("the committer did not wake the net thread");
    bell.rung--;
    pthread_mutex_unlock(&bell.lock);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, true);
    pthread_mutex_init(&bell.lock, NULL);
    deadline_cond_init(&bell.cond);
    bell.rung = 0;
    committer = committer_create(f.store, &f.clock.clock, &f.figures, ring, &bell);
    return committer ? 0 : -1;
}

/* From here on the store is the test's again. */
static void stop(void)
{
    committer_destroy(committer);
    committer = NULL;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    core_fixture_close(&f);
    pthread_cond_destroy(&bell.cond);
    pthread_mutex_destroy(&bell.lock);
    return 0;
}

static struct store_item change(const char *table_id, uint64_t rev)
{
    static struct studio_event events[256];
    static struct studio_snapshot snapshot;
    struct studio_event *event = &events[rev % 256];

    *event = (struct studio_event){
        .kind = EVENT_CHANGE,
        .table_id = table_id,
        .rev = rev,
        .wall_ms = FAKE_WALL_MS,
        .body = "\"changes\":{}}",
        .body_len = 13,
    };
    snapshot = (struct studio_snapshot){.table_id = table_id, .document = "{}", .document_len = 2};
    return (struct store_item){.event = event, .snapshot = &snapshot};
}

static enum studio_err submit_and_take(struct store_item *items, size_t n)
{
    enum studio_err err = STUDIO_OK;

    committer_submit(committer, items, n);
    while (!committer_take(committer, &err))
        wait_for_bell();
    return err;
}

static void a_batch_comes_back_with_its_numbers(void **state)
{
    struct store_item items[] = {change("ARO-001", 0), change("ARO-001", 1)};
    enum studio_err err;

    (void)state;
    assert_true(committer_idle(committer));
    assert_false(committer_take(committer, &err));
    assert_int_equal(submit_and_take(items, 2), STUDIO_OK);
    assert_true(committer_idle(committer));
    assert_false(committer_take(committer, &err));
    assert_int_equal(items[0].event->seq, 1);
    assert_int_equal(items[1].event->seq, 2);
    for (uint64_t i = 0; i < 100; i++) {
        struct store_item item = change("ARO-001", i + 2);
        assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
        assert_int_equal(item.event->seq, i + 3);
    }
    assert_true(figure_get(&f.figures.store_writable));
    assert_false(committer_failed(committer));
}

static void what_it_does_is_measured(void **state)
{
    struct histogram_view view;
    uint64_t before = figure_get(&f.figures.store_bytes);
    int64_t deadline = now_ms() + WAIT_MS;

    (void)state;
    assert_true(before > 0);
    for (uint64_t i = 0; i < 50; i++) {
        struct store_item item = change("ARO-001", i);
        assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
    }
    histogram_read(&f.figures.commit, &view);
    assert_int_equal(view.count, 50);
    fake_clock_advance(&f.clock, 2000);
    while (figure_get(&f.figures.store_bytes) <= before && deadline_left(deadline) > 0)
        sched_yield();
    assert_true(figure_get(&f.figures.store_bytes) > before);
}

/* --- errands --- */

struct errand {
    struct store *store;
    pthread_t thread;
    unsigned run;
};

static void run_errand(struct store *store, void *ctx)
{
    struct errand *errand = ctx;

    assert_ptr_equal(store, errand->store);
    assert_false(pthread_equal(pthread_self(), errand->thread));
    errand->run++;
}

/* Also between the batches of one who never pauses; none when it has stopped. */
static void an_errand_is_run_on_its_thread(void **state)
{
    struct errand errand = {.store = f.store, .thread = pthread_self()};

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct store_item item = change("ARO-001", i);
        enum studio_err err;
        committer_submit(committer, &item, 1);
        assert_true(committer_errand(committer, run_errand, &errand));
        assert_int_equal(errand.run, i + 1);
        while (!committer_take(committer, &err))
            wait_for_bell();
        assert_int_equal(err, STUDIO_OK);
    }
    committer_stop(committer);
    assert_false(committer_errand(committer, run_errand, &errand));
    assert_int_equal(errand.run, 20);
}

static void it_is_busy_until_the_batch_is_taken(void **state)
{
    struct store_item item = change("ARO-001", 0);
    enum studio_err err;

    (void)state;
    committer_submit(committer, &item, 1);
    assert_false(committer_idle(committer));
    wait_for_bell();
    assert_false(committer_idle(committer));
    assert_true(committer_take(committer, &err));
    assert_true(committer_idle(committer));
}

static void a_memo_is_there_at_the_next_start(void **state)
{
    const struct store_options options = {.dir = f.dir, .host_name = "edge-1", .mirror = true};
    struct studio_error error;

    (void)state;
    committer_memo(committer, "first");
    committer_memo(committer, "second");
    stop(); /* at once: it is written on the way out */
    store_close(f.store);
    assert_int_equal(store_open(&options, &f.store, &error), STUDIO_OK);
    assert_string_equal(store_info(f.store)->memo, "second");
}

static void the_batch_under_way_is_finished_before_the_end(void **state)
{
    struct store_item item = change("ARO-001", 0);

    (void)state;
    committer_submit(committer, &item, 1);
    stop();
    assert_int_equal(store_info(f.store)->last_seq, 1);
    committer_destroy(NULL);
}

static void the_watermark_only_grows_and_is_written(void **state)
{
    struct store_item items[] = {change("ARO-001", 0), change("ARO-001", 1), change("ARO-001", 2)};

    (void)state;
    assert_int_equal(committer_get_acked(committer), 0);
    assert_int_equal(submit_and_take(items, 3), STUDIO_OK);
    committer_acked(committer, 2);
    committer_acked(committer, 1);
    assert_int_equal(committer_get_acked(committer), 2);
    committer_acked(committer, 3);
    stop(); /* at the latest now */
    assert_int_equal(store_info(f.store)->acked, 3);
}

/* A number of what a start would find. */
static uint64_t on_disk(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(
        sqlite3_open_v2(tmpdir_path(f.dir, "studio.db"), &db, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    uint64_t n = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

static uint64_t acked_on_disk(void)
{
    return on_disk("SELECT value FROM meta WHERE key = 'acked'");
}

/* A batch that comes back has been followed by no work yet, the one before it has. */
static void names_of_cleared_topics_are_forgotten(void **state)
{
    enum { NAMES = STORE_CLEARED_KEPT + 20 };
    static char names[NAMES][16];
    const char *cleared[NAMES];
    struct store_item item = change("ARO-001", 7);

    (void)state;
    for (int i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        cleared[i] = names[i];
    }
    item.cleared = cleared;
    item.cleared_count = NAMES;
    assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
    committer_cleared(committer, "ARO-001", 6);
    committer_cleared(committer, "ARO-001", 7);
    for (uint64_t rev = 8; rev < 10; rev++) {
        item = change("ARO-001", rev);
        assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
    }
    stop();
    assert_int_equal(on_disk("SELECT count(*) FROM cleared"), STORE_CLEARED_KEPT);
}

/* Alone it costs a sync, in a batch a page: not for every event. */
static void a_busy_store_writes_the_watermark_every_200_ms(void **state)
{
    uint64_t seen = 0;
    unsigned writes = 0;

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        struct store_item item = change("ARO-001", i);
        assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
        committer_acked(committer, i + 1);
        fake_clock_advance(&f.clock, 10);
        uint64_t acked = acked_on_disk();
        writes += acked != seen;
        assert_true(acked + 22 > i);
        seen = acked;
    }
    assert_in_range(writes, 4, 7);
    stop();
    assert_int_equal(store_info(f.store)->acked, 100);
}

static bool count_parked(void *ctx, struct studio_event *event)
{
    *(unsigned *)ctx += event->parked;
    return true;
}

static unsigned parked(void)
{
    unsigned n = 0;

    assert_int_equal(store_read_events(f.reader, 1, 1000, 1000, count_parked, &n), STUDIO_OK);
    return n;
}

static void parked_events_are_marked_all_of_them_by_the_end(void **state)
{
    struct store_item items[50];
    char reason[400];

    (void)state;
    memset(reason, 'x', sizeof(reason) - 1); /* longer than is kept */
    reason[sizeof(reason) - 1] = '\0';
    for (uint64_t i = 0; i < 50; i++)
        items[i] = change("ARO-001", i);
    assert_int_equal(submit_and_take(items, 50), STUDIO_OK);
    for (uint64_t seq = 1; seq <= 50; seq += 2)
        committer_park(committer, seq, reason);
    stop();
    assert_int_equal(parked(), 25);
    assert_int_equal(store_info(f.store)->parked, 25);
}

static void more_than_64_marks_are_not_kept_waiting(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= 1000; seq++) /* events there never were */
        committer_park(committer, seq, "refused");
    stop();
    assert_int_equal(parked(), 0);
}

/* --- a disk that fails ----------------------------------------------------------------------- */

static int setup_failing(void **state)
{
    faultvfs_register();
    return setup(state);
}

static int teardown_failing(void **state)
{
    int rc;

    stop(); /* the plan must not change under the thread */
    faultvfs_disarm();
    rc = teardown(state);
    faultvfs_unregister();
    return rc;
}

/* The thread leaves the files alone between this and the next submit: nothing else is due. */
static void restart_with(enum faultvfs_op op, unsigned times, int rc)
{
    stop();
    faultvfs_arm(op, SQLITE_OPEN_WAL, 1, times, rc);
    committer = committer_create(f.store, &f.clock.clock, &f.figures, ring, &bell);
    assert_non_null(committer);
}

static void a_full_disk_refuses_until_there_is_room(void **state)
{
    struct store_item item = change("ARO-001", 0);
    int64_t deadline = now_ms() + WAIT_MS;

    (void)state;
    restart_with(FAULTVFS_WRITE, 1, SQLITE_FULL);
    assert_int_equal(submit_and_take(&item, 1), STUDIO_ERR_STORAGE);
    while (!figure_get(&f.figures.store_writable) && now_ms() < deadline)
        sched_yield(); /* the probe finds it */
    assert_true(figure_get(&f.figures.store_writable));
    assert_false(committer_failed(committer));
    assert_int_equal(submit_and_take(&item, 1), STUDIO_OK);
    assert_int_equal(item.event->seq, 1);
}

static void a_failed_sync_ends_all_trust(void **state)
{
    struct store_item item = change("ARO-001", 0);

    (void)state;
    restart_with(FAULTVFS_SYNC, 1, SQLITE_IOERR_FSYNC);
    assert_int_equal(submit_and_take(&item, 1), STUDIO_ERR_IO);
    assert_true(committer_failed(committer));
    assert_false(figure_get(&f.figures.store_writable));
    assert_int_equal(submit_and_take(&item, 1), STUDIO_ERR_IO); /* the disk would work again */
    committer_acked(committer, 1);
    committer_park(committer, 1, "refused");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_comes_back_with_its_numbers),
        TEST(what_it_does_is_measured),
        TEST(an_errand_is_run_on_its_thread),
        TEST(it_is_busy_until_the_batch_is_taken),
        TEST(the_batch_under_way_is_finished_before_the_end),
        TEST(a_memo_is_there_at_the_next_start),
        TEST(the_watermark_only_grows_and_is_written),
        TEST(names_of_cleared_topics_are_forgotten),
        TEST(a_busy_store_writes_the_watermark_every_200_ms),
        TEST(parked_events_are_marked_all_of_them_by_the_end),
        TEST(more_than_64_marks_are_not_kept_waiting),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_until_there_is_room, setup_failing,
                                        teardown_failing),
        cmocka_unit_test_setup_teardown(a_failed_sync_ends_all_trust, setup_failing,
                                        teardown_failing),
    };
#undef TEST

    log_use(&(const struct log){.level = LOG_ERROR});
    return cmocka_run_group_tests(tests, NULL, NULL);
}
