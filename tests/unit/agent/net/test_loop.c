#include "net/loop.h"

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

struct counts {
    struct loop *loop;
    unsigned wakes, ticks, turns;
    unsigned stop_at_wake, stop_at_tick; /* 0: never */
    atomic_uint waked;                   /* for the other thread */
};

static void on_wake(void *ctx)
{
    struct counts *c = ctx;

    atomic_store(&c->waked, ++c->wakes);
    if (c->wakes == c->stop_at_wake)
        loop_stop(c->loop);
}

static void on_tick(void *ctx)
{
    struct counts *c = ctx;

    if (++c->ticks == c->stop_at_tick)
        loop_stop(c->loop);
}

static void on_turn(void *ctx)
{
    ((struct counts *)ctx)->turns++;
}

static void create(struct counts *c)
{
    c->loop = loop_create(&(struct loop_hooks){on_wake, on_tick, on_turn, c});
    assert_non_null(c->loop);
    assert_non_null(loop_ev(c->loop));
}

static void it_ticks_and_turns(void **state)
{
    struct counts c = {.stop_at_tick = 3};
    int64_t start = now_ms();

    (void)state;
    create(&c);
    loop_run(c.loop);
    assert_int_equal(c.ticks, 3);
    assert_true(c.turns >= 3);
    assert_true(now_ms() - start >= 2 * LOOP_TICK_MS);
    assert_int_equal(c.wakes, 0);
    loop_destroy(c.loop);
}

static void a_wake_before_it_runs_is_not_lost(void **state)
{
    struct counts c = {.stop_at_wake = 1};

    (void)state;
    create(&c);
    loop_wake(c.loop);
    loop_wake(c.loop); /* coalesce */
    loop_run(c.loop);
    assert_int_equal(c.wakes, 1);
    loop_destroy(c.loop);
}

static void *wake_many_times(void *arg)
{
    struct counts *c = arg;
    int64_t deadline = now_ms() + WAIT_MS;

    for (unsigned i = 0; i < c->stop_at_wake; i++) {
        unsigned before = atomic_load(&c->waked);
        loop_wake(c->loop);
        while (atomic_load(&c->waked) == before && now_ms() < deadline)
            sched_yield();
    }
    return NULL;
}

static void another_thread_wakes_it(void **state)
{
    struct counts c = {.stop_at_wake = 200};
    pthread_t thread;

    (void)state;
    create(&c);
    assert_int_equal(pthread_create(&thread, NULL, wake_many_times, &c), 0);
    loop_run(c.loop);
    pthread_join(thread, NULL);
    assert_int_equal(c.wakes, 200);
    loop_destroy(c.loop);
}

static void it_runs_again_after_a_stop_and_may_never_run(void **state)
{
    struct counts c = {.stop_at_wake = 1};

    (void)state;
    create(&c);
    loop_wake(c.loop);
    loop_run(c.loop);
    c.stop_at_wake = 2;
    loop_wake(c.loop);
    loop_run(c.loop);
    assert_int_equal(c.wakes, 2);
    loop_destroy(c.loop);
    create(&c);
    loop_destroy(c.loop);
    loop_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ticks_and_turns),
        cmocka_unit_test(a_wake_before_it_runs_is_not_lost),
        cmocka_unit_test(another_thread_wakes_it),
        cmocka_unit_test(it_runs_again_after_a_stop_and_may_never_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
