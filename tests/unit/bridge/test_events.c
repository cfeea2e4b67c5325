/* test_events.c - records from the library's threads to the bridge thread. */
#include "bridge/events.h"

#include <time.h>

#include "support/cmocka_all.h"

static struct events e;

static int setup(void **state)
{
    (void)state;
    return events_init(&e) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    events_finish(&e);
    return 0;
}

static int64_t mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void records_keep_their_order_and_a_full_queue_says_so(void **state)
{
    struct link_event event = {.kind = LINK_DONE};

    (void)state;
    for (unsigned i = 0; i < EVENTS_MAX + 3; i++) {
        event.slot = i;
        events_push(&e, &event);
    }
    assert_true(events_overflowed(&e));
    assert_false(events_overflowed(&e));
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        assert_true(events_take(&e, &event));
        assert_int_equal(event.slot, i);
    }
    assert_false(events_take(&e, &event));
}

static void waiting_ends_with_a_record_a_wake_or_the_time(void **state)
{
    const struct link_event event = {.kind = LINK_UP};
    struct link_event out;
    int64_t start = mono_ms();

    (void)state;
    events_wake(&e);
    events_wait(&e, 60000);
    events_push(&e, &event);
    events_wait(&e, 60000);
    assert_true(mono_ms() - start < 30000);
    assert_true(events_take(&e, &out));
    start = mono_ms();
    events_wait(&e, 20);
    assert_true(mono_ms() - start >= 19);
    events_wait(&e, -5);
}

static void *push_many(void *arg)
{
    struct link_event event = {.kind = LINK_DONE};

    (void)arg;
    for (unsigned i = 0; i < EVENTS_MAX / 4; i++) {
        event.slot = i;
        events_push(&e, &event);
    }
    return NULL;
}

static void several_threads_lose_nothing(void **state)
{
    pthread_t threads[3];
    struct link_event out;
    unsigned taken = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_many, NULL), 0);
    while (taken < EVENTS_MAX / 4 * 3) {
        events_wait(&e, 1000);
        while (events_take(&e, &out))
            taken++;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(events_overflowed(&e));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_keep_their_order_and_a_full_queue_says_so),
        TEST(waiting_ends_with_a_record_a_wake_or_the_time),
        TEST(several_threads_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
