/* test_recent.c - the newest events, without a gap and within bounds. */
#include "api/recent.h"

#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

static struct recent recent;

static void add(uint64_t seq, size_t body_len)
{
    char *body = test_alloc(body_len + 1);
    struct studio_event *event;

    memset(body, 'x', body_len);
    event = studio_event_create(EVENT_CHANGE, "T", seq, 0, body, body_len);
    event->seq = seq;
    recent_add(&recent, "e", event);
    studio_event_unref(event);
    free(body);
}

static int teardown(void **state)
{
    (void)state;
    recent_clear(&recent);
    return 0;
}

static void found_by_number(void **state)
{
    const struct recent_line *line;

    (void)state;
    assert_null(recent_find(&recent, 1));
    add(7, 1);
    add(8, 1);
    assert_null(recent_find(&recent, 6));
    assert_null(recent_find(&recent, 9));
    line = recent_find(&recent, 8);
    assert_int_equal(line->event->seq, 8);
    assert_string_equal(line->text,
                        "id: e:8\nevent: change\ndata: {\"seq\":8,\"epoch\":\"e\",x\n\n");
    assert_int_equal(line->len, strlen(line->text));
    recent_clear(&recent);
    assert_null(recent_find(&recent, 8));
}

static void the_oldest_go(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= RECENT_MAX + 10; seq++)
        add(seq, 1);
    assert_null(recent_find(&recent, 10));
    for (uint64_t seq = 11; seq <= RECENT_MAX + 10; seq++)
        assert_int_equal(recent_find(&recent, seq)->event->seq, seq);
}

static void large_ones_are_fewer(void **state)
{
    size_t kept = 0;

    (void)state;
    for (uint64_t seq = 1; seq <= 100; seq++)
        add(seq, RECENT_BYTES_MAX / 10);
    for (uint64_t seq = 1; seq <= 100; seq++)
        kept += recent_find(&recent, seq) != NULL;
    assert_in_range(kept, 8, 10);
    assert_non_null(recent_find(&recent, 100));
}

static void none_before_a_gap(void **state)
{
    (void)state;
    add(1, 1);
    add(2, 1);
    add(4, 1);
    assert_null(recent_find(&recent, 2));
    assert_non_null(recent_find(&recent, 4));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(found_by_number),
        TEST(the_oldest_go),
        TEST(large_ones_are_fewer),
        TEST(none_before_a_gap),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
