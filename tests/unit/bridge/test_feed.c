/* test_feed.c - events in order and without a gap, from memory or from the store. */
#include "bridge/feed.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static struct fake_source source;
static struct feed f;

static int setup(void **state)
{
    (void)state;
    fake_source_init(&source, 20000);
    return feed_init(&f, &source.ops, 1, 0) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    feed_finish(&f);
    fake_source_finish(&source);
    return 0;
}

/* Hands over the events from..to that are committed, in one piece. */
static void hand_over(uint64_t from, uint64_t to)
{
    static struct studio_event *events[FEED_MAX_EVENTS * 2];
    size_t n = 0;

    for (uint64_t seq = from; seq <= to; seq++)
        events[n++] = fake_event(&source, seq);
    feed_add(&f, events, n);
    while (n > 0)
        studio_event_unref(events[--n]);
}

static void commit(unsigned n)
{
    uint64_t first = source.count + 1;

    while (n-- > 0)
        fake_commit(&source, "T", source.count + 1);
    hand_over(first, source.count);
}

/* A start with n events that only the store has. */
static void start_with(unsigned n)
{
    while (n-- > 0)
        fake_commit(&source, "T", source.count + 1);
    feed_finish(&f);
    assert_int_equal(feed_init(&f, &source.ops, 1, source.count), STUDIO_OK);
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
    assert_true(feed_next(&f) > feed_committed(&f));
}

static void from_memory_the_store_is_not_read(void **state)
{
    (void)state;
    commit(1000);
    expect_to(1, 1000);
    assert_int_equal(source.reads, 0);
}

static void a_backlog_is_read_in_pages(void **state)
{
    (void)state;
    start_with(1000);
    expect_to(1, 1000);
    assert_int_equal(source.reads, 4);
}

static void the_store_fills_up_to_where_memory_begins(void **state)
{
    (void)state;
    start_with(300);
    commit(50);
    expect_to(1, 350);
    assert_int_equal(source.reads, 2);
}

static void what_does_not_fit_is_read_later(void **state)
{
    (void)state;
    commit(FEED_MAX_EVENTS + 500);
    for (uint64_t i = 1; i <= 10; i++)
        studio_event_unref(feed_take(&f));
    commit(5); /* there is room, but they would leave a gap */
    for (uint64_t i = 11; i <= FEED_MAX_EVENTS; i++)
        studio_event_unref(feed_take(&f));
    assert_int_equal(source.reads, 0);
    expect_to(FEED_MAX_EVENTS + 1, FEED_MAX_EVENTS + 505);
    assert_int_equal(source.reads, 2);
}

static void events_that_come_while_paging_follow(void **state)
{
    (void)state;
    start_with(100);
    assert_int_equal(feed_peek(&f, 0)->seq, 1);
    commit(20);
    expect_to(1, 120);
    assert_int_equal(source.reads, 1);
}

static void a_rewind_sends_again_from_there(void **state)
{
    (void)state;
    commit(300);
    for (uint64_t i = 1; i <= 50; i++)
        studio_event_unref(feed_take(&f));
    feed_rewind(&f, 20);
    expect_to(20, 300);
    assert_int_equal(source.reads, 1);
}

static void a_store_that_cannot_be_read_is_asked_again_later(void **state)
{
    (void)state;
    start_with(10);
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
    start_with(10);
    source.oldest = 4;
    expect_to(4, 10);
    feed_rewind(&f, 1);
    source.oldest = 11; /* nothing is left */
    assert_null(feed_peek(&f, 0));
    assert_null(feed_peek(&f, 0));
    commit(1);
    assert_int_equal(feed_peek(&f, 0)->seq, 11);
}

static void bytes_are_bounded_too(void **state)
{
    static char body[1 << 20];
    struct feed_list list = {.count = 0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct studio_event *event =
            studio_event_create(EVENT_CHANGE, "T", 1, 0, body, sizeof(body));

        if (!feed_list_add(&list, event))
            studio_event_unref(event);
    }
    assert_true(list.bytes <= FEED_MAX_BYTES);
    assert_int_equal(list.count, 7);
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
    start_with(9);
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
        TEST(events_that_come_while_paging_follow),
        TEST(a_rewind_sends_again_from_there),
        TEST(a_store_that_cannot_be_read_is_asked_again_later),
        TEST(events_that_are_gone_do_not_stop_the_rest),
        TEST(bytes_are_bounded_too),
        TEST(events_to_be_sent_again_find_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
