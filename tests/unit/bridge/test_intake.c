/* test_intake.c - what other threads hand over. */
#include "bridge/intake.h"

#include "support/cmocka_all.h"
#include "unit/bridge/fakes.h"

static struct intake in;

static int setup(void **state)
{
    (void)state;
    return intake_init(&in, 5) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    intake_finish(&in);
    assert_int_equal(fake_snapshots(), 0);
    return 0;
}

static void hand_over(uint64_t seq)
{
    struct studio_event *event = studio_event_create(EVENT_CHANGE, "T", 0, 0, "}", 1);

    event->seq = seq;
    assert_int_equal(intake_committed(&in, &event, 1, NULL, 0), STUDIO_OK);
    studio_event_unref(event);
}

static void events_come_out_in_order_up_to_the_bound(void **state)
{
    struct feed_list list;
    uint64_t committed;

    (void)state;
    for (uint64_t i = 6; i < 6 + FEED_MAX_EVENTS + 10; i++)
        hand_over(i);
    list = intake_take_events(&in, &committed);
    assert_int_equal(committed, 5 + FEED_MAX_EVENTS + 10);
    assert_int_equal(list.count, FEED_MAX_EVENTS);
    assert_int_equal(feed_list_first(&list)->seq, 6);
    assert_int_equal(feed_list_last(&list)->seq, 5 + FEED_MAX_EVENTS);
    feed_list_finish(&list);
    list = intake_take_events(&in, &committed);
    assert_int_equal(list.count, 0);
}

static void a_table_has_one_newest_state(void **state)
{
    struct intake_news news;

    (void)state;
    for (uint64_t rev = 1; rev <= 3; rev++) {
        struct studio_snapshot *s = fake_snapshot("A", rev, "up", NULL);

        assert_int_equal(intake_committed(&in, NULL, 0, &s, 1), STUDIO_OK);
        studio_snapshot_unref(s);
    }
    assert_int_equal(intake_presence(&in, "B", "x"), STUDIO_OK);
    assert_int_equal(intake_presence(&in, "A", "y"), STUDIO_OK);
    assert_int_equal(intake_presence(&in, "A", NULL), STUDIO_OK);
    assert_true(intake_take_news(&in, &news));
    assert_string_equal(news.table_id, "A");
    assert_int_equal(news.snapshot->rev, 3);
    assert_true(news.has_presence);
    assert_null(news.presence);
    studio_snapshot_unref(news.snapshot);
    assert_true(intake_take_news(&in, &news));
    assert_string_equal(news.table_id, "B");
    assert_null(news.snapshot);
    assert_string_equal(news.presence, "x");
    free(news.presence);
    assert_false(intake_take_news(&in, &news));
}

static void what_is_put_back_comes_again_unless_there_is_newer(void **state)
{
    struct studio_snapshot *old = fake_snapshot("A", 1, "up", NULL);
    struct studio_snapshot *newer = fake_snapshot("A", 2, "down", NULL);
    struct intake_news news;

    (void)state;
    assert_int_equal(intake_committed(&in, NULL, 0, &old, 1), STUDIO_OK);
    assert_int_equal(intake_presence(&in, "A", "x"), STUDIO_OK);
    assert_true(intake_take_news(&in, &news));
    intake_put_back(&in, &news);
    assert_true(intake_take_news(&in, &news));
    assert_ptr_equal(news.snapshot, old);
    assert_string_equal(news.presence, "x");
    assert_int_equal(intake_committed(&in, NULL, 0, &newer, 1), STUDIO_OK);
    assert_int_equal(intake_presence(&in, "A", "y"), STUDIO_OK);
    intake_put_back(&in, &news);
    assert_true(intake_take_news(&in, &news));
    assert_ptr_equal(news.snapshot, newer);
    assert_string_equal(news.presence, "y");
    assert_false(intake_take_news(&in, &(struct intake_news){.has_presence = false}));
    free(news.presence);
    studio_snapshot_unref(news.snapshot);
    studio_snapshot_unref(newer);
    studio_snapshot_unref(old);
}

static void what_nobody_took_is_freed(void **state)
{
    struct studio_snapshot *s = fake_snapshot("A", 1, "up", NULL);

    (void)state;
    assert_int_equal(intake_committed(&in, NULL, 0, &s, 1), STUDIO_OK);
    assert_int_equal(intake_presence(&in, "A", "y"), STUDIO_OK);
    assert_true(intake_reply(&in, reply_create(NULL, "t", NULL, 0, "x", 1)));
    assert_true(intake_request(&in, reply_create("c", "t", NULL, 0, "x", 1)));
    studio_snapshot_unref(s);
}

static void answers_and_requests_are_bounded(void **state)
{
    struct reply *reply;
    size_t taken = 0;

    (void)state;
    assert_false(intake_has_reply(&in));
    for (size_t i = 0; i < REPLIES_MAX; i++)
        assert_true(intake_reply(&in, reply_create(NULL, "t", NULL, 0, "x", 1)));
    assert_false(intake_reply(&in, reply_create(NULL, "t", NULL, 0, "x", 1)));
    assert_true(intake_has_reply(&in));
    while ((reply = intake_take_reply(&in))) {
        taken++;
        free(reply);
    }
    assert_int_equal(taken, REPLIES_MAX);
    for (size_t i = 0; i < INTAKE_REQUESTS_MAX; i++)
        assert_true(intake_request(&in, reply_create("c", "t", NULL, 0, "x", 1)));
    reply = reply_create("c", "t", NULL, 0, "x", 1);
    assert_false(intake_request(&in, reply));
    free(reply);
    free(intake_take_request(&in));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_come_out_in_order_up_to_the_bound),
        TEST(a_table_has_one_newest_state),
        TEST(what_is_put_back_comes_again_unless_there_is_newer),
        TEST(what_nobody_took_is_freed),
        TEST(answers_and_requests_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
