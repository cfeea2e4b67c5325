/* test_feed.c - events in order and without a gap, from memory or from the store. */
#include "bridge/feed.h"

#include "support/cmocka_all.h"
#include "unit/bridge/fakes.h"

static struct fake_source source;
static struct feed f;

static int setup(void **state)
{
    (void)state;
    fake_source_init(&source, 20000);
    feed_init(&f, &source.ops, 1, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    feed_finish(&f);
    fake_source_finish(&source);
    return 0;
}

/* Commits n events; those for which `hand_over` is set also come through memory. */
static void commit(unsigned n, bool hand_over)
{
    while (n-- > 0) {
        uint64_t seq = fake_commit(&source, "T", source.count + 1);

        if (hand_over)
            feed_add(&f, fake_event(&source, seq));
        else
            feed_committed(&f, seq);
    }
}

/* Takes everything; they come in order up to `last`. */
static void expect_to(uint64_t from, uint64_t last)
{
    for (uint64_t seq = from; seq <= last; seq++) {
        const struct studio_event *peeked = feed_peek(&f, 0);
        struct studio_event *event;

        assert_non_null(peeked);
        event = feed_take(&f);
        assert_ptr_equal(event, peeked);
        assert_int_equal(event->seq, seq);
        assert_string_equal(event->body, source.events[seq - 1].body);
        studio_event_unref(event);
    }
    assert_null(feed_peek(&f, 0));
    assert_false(feed_pending(&f));
}

static void from_memory_the_store_is_not_read(void **state)
{
    (void)state;
    commit(1000, true);
    expect_to(1, 1000);
    assert_int_equal(source.reads, 0);
}

static void a_backlog_is_read_in_pages(void **state)
{
    (void)state;
    commit(1000, false);
    expect_to(1, 1000);
    assert_int_equal(source.reads, 4);
}

static void the_store_fills_up_to_where_memory_begins(void **state)
{
    (void)state;
    commit(300, false);
    commit(50, true);
    expect_to(1, 350);
    assert_int_equal(source.reads, 2);
}

static void what_does_not_fit_is_read_later(void **state)
{
    (void)state;
    commit(FEED_MAX_EVENTS + 500, true);
    assert_int_equal(f.live.count, FEED_MAX_EVENTS);
    for (uint64_t i = 1; i <= 10; i++)
        studio_event_unref(feed_take(&f));
    commit(5, true); /* there is room, but they would leave a gap */
    assert_int_equal(f.live.count, FEED_MAX_EVENTS - 10);
    expect_to(11, FEED_MAX_EVENTS + 505);
}

static void events_that_come_while_paging_are_not_doubled(void **state)
{
    (void)state;
    commit(100, false);
    assert_int_equal(feed_peek(&f, 0)->seq, 1);
    /* The inbox is behind: these are in the page already. */
    for (uint64_t i = 90; i <= 100; i++)
        feed_add(&f, fake_event(&source, i));
    commit(20, true);
    expect_to(1, 120);
}

static void a_rewind_sends_again_from_there(void **state)
{
    (void)state;
    commit(300, true);
    for (uint64_t i = 1; i <= 50; i++)
        studio_event_unref(feed_take(&f));
    feed_rewind(&f, 20);
    expect_to(20, 300);
    assert_int_equal(source.reads, 1);
}

static void a_store_that_cannot_be_read_is_asked_again_later(void **state)
{
    (void)state;
    commit(10, false);
    source.read_fails = true;
    assert_null(feed_peek(&f, 1000));
    assert_null(feed_peek(&f, 1500));
    assert_int_equal(source.reads, 1);
    source.read_fails = false;
    assert_non_null(feed_peek(&f, 2000));
    expect_to(1, 10);
}

static void events_that_are_gone_do_not_stop_the_rest(void **state)
{
    (void)state;
    commit(10, false);
    source.oldest = 4;
    expect_to(4, 10);
    feed_rewind(&f, 1);
    source.oldest = 11; /* nothing is left */
    assert_null(feed_peek(&f, 0));
    assert_null(feed_peek(&f, 0));
    commit(1, true);
    assert_int_equal(feed_peek(&f, 0)->seq, 11);
}

static void bytes_are_bounded_too(void **state)
{
    static char body[1 << 20];
    struct feed_list list = {.count = 0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        struct studio_event *event =
            studio_event_create(EVENT_CHANGE, "T", 1, 0, body, sizeof(body));

        if (!feed_list_add(&list, event))
            studio_event_unref(event);
    }
    assert_true(list.bytes <= FEED_MAX_BYTES);
    assert_int_equal(list.count, 3);
    feed_list_clear(&list);
    assert_int_equal(list.bytes, 0);
    feed_list_finish(&list);
}

static void events_to_be_sent_again_find_their_place(void **state)
{
    static const uint64_t seqs[] = {5, 3, 9, 4, 1};
    struct feed_list list = {.count = 0};
    uint64_t before = 0;

    (void)state;
    commit(9, false);
    assert_true(feed_list_reserve(&list, 4));
    assert_true(feed_list_add(&list, fake_event(&source, 2)));
    studio_event_unref(feed_list_take(&list)); /* the ring begins in its middle */
    assert_true(feed_list_reserve(&list, 5));
    for (size_t i = 0; i < 5; i++)
        feed_list_insert(&list, fake_event(&source, seqs[i]));
    assert_int_equal(feed_list_last(&list)->seq, 9);
    while (list.count > 0) {
        struct studio_event *event = feed_list_take(&list);
        assert_true(event->seq > before);
        before = event->seq;
        studio_event_unref(event);
    }
    assert_int_equal(before, 9);
    assert_null(feed_list_first(&list));
    feed_list_finish(&list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(from_memory_the_store_is_not_read),
        TEST(a_backlog_is_read_in_pages),
        TEST(the_store_fills_up_to_where_memory_begins),
        TEST(what_does_not_fit_is_read_later),
        TEST(events_that_come_while_paging_are_not_doubled),
        TEST(a_rewind_sends_again_from_there),
        TEST(a_store_that_cannot_be_read_is_asked_again_later),
        TEST(events_that_are_gone_do_not_stop_the_rest),
        TEST(bytes_are_bounded_too),
        TEST(events_to_be_sent_again_find_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
