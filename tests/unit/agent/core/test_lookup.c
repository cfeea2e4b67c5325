#include "core/lookup.h"

#include <pthread.h>
#include <stdatomic.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/oom.h"

/* The real thread. Its jobs wait at a gate, so that the test knows what is out. */

struct job {
    struct lookup_job job; /* first */
    bool read, done;       /* each belongs to its thread */
};

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* guards the lines up to the next blank one */
static pthread_cond_t cond;
static bool closed; /* the gate */
static unsigned rung, begun;
static struct store_reader *seen;

static struct lookup *lookup;
static struct job jobs[LOOKUP_MAX + 1];
static struct job *order[LOOKUP_MAX + 1]; /* as they became done */
static size_t done_count;
static char somewhere; /* what the reader is does not matter here */

#define READER ((struct store_reader *)(void *)&somewhere)

static void ring(void *ctx)
{
    assert_ptr_equal(ctx, &rung);
    pthread_mutex_lock(&lock);
    rung++;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
}

static void on_read(struct lookup_job *job, struct store_reader *reader)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&lock);
    seen = reader;
    begun++;
    pthread_cond_broadcast(&cond);
    while (closed)
        if (!deadline_cond_wait(&cond, &lock, deadline))
            break;
    pthread_mutex_unlock(&lock);
    ((struct job *)job)->read = true;
}

static void on_done(struct lookup_job *job)
{
    struct job *j = (struct job *)job;

    assert_true(j->read);
    assert_false(j->done);
    j->done = true;
    order[done_count++] = j;
}

/* Until `*value`, which the lock guards, is at least `n`. */
static void wait_until(const unsigned *value, unsigned n)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&lock);
    while (*value < n)
        if (!deadline_cond_wait(&cond, &lock, deadline))
            test_fail("the reader's thread does not go on");
    pthread_mutex_unlock(&lock);
}

static void set_gate(bool close)
{
    pthread_mutex_lock(&lock);
    closed = close;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
}

/* Waits for wakes and takes after each, as the net thread does, until `n` are done. */
static void take_until(size_t n)
{
    unsigned heard = 0;

    for (lookup_take(lookup); done_count < n; lookup_take(lookup)) {
        wait_until(&rung, heard + 1);
        pthread_mutex_lock(&lock);
        heard = rung;
        pthread_mutex_unlock(&lock);
    }
    assert_int_equal(done_count, n);
}

static bool submit(size_t i)
{
    jobs[i] = (struct job){.job = {.read = on_read, .done = on_done}};
    return lookup_submit(lookup, &jobs[i].job);
}

static int setup(void **state)
{
    (void)state;
    deadline_cond_init(&cond);
    closed = false;
    rung = begun = 0;
    seen = NULL;
    done_count = 0;
    lookup = lookup_create(READER, ring, &rung);
    return lookup ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    set_gate(false);
    lookup_destroy(lookup);
    pthread_cond_destroy(&cond);
    return 0;
}

static void jobs_come_back_in_order(void **state)
{
    (void)state;
    lookup_take(lookup); /* nothing is out */
    for (size_t i = 0; i < 500; i++)
        assert_true(submit(i));
    take_until(500);
    for (size_t i = 0; i < 500; i++)
        assert_ptr_equal(order[i], &jobs[i]);
    assert_ptr_equal(seen, READER);
}

static void at_most_1024_are_out(void **state)
{
    (void)state;
    set_gate(true);
    for (size_t i = 0; i < LOOKUP_MAX; i++)
        assert_true(submit(i));
    assert_false(submit(LOOKUP_MAX));
    lookup_take(lookup);
    assert_int_equal(done_count, 0);
    assert_false(submit(LOOKUP_MAX));
    set_gate(false);
    take_until(LOOKUP_MAX);
    assert_true(submit(LOOKUP_MAX));
    take_until(LOOKUP_MAX + 1);
    assert_ptr_equal(order[LOOKUP_MAX], &jobs[LOOKUP_MAX]);
}

static void one_wake_for_all_that_are_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(submit(i));
    wait_until(&begun, 3);
    lookup_stop(lookup); /* after the last, which had begun */
    assert_int_equal(rung, 1);
    lookup_take(lookup);
    assert_int_equal(done_count, 3);
}

static void each_taking_is_followed_by_a_wake(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(submit(i));
        wait_until(&rung, i + 1);
        lookup_take(lookup);
        assert_int_equal(done_count, i + 1);
    }
}

static void it_stops_with_jobs_out(void **state)
{
    (void)state;
    set_gate(true);
    for (size_t i = 0; i < 3; i++)
        assert_true(submit(i));
    wait_until(&begun, 1);
    set_gate(false);
    lookup_stop(lookup);
    lookup_stop(lookup);       /* once more does nothing */
    assert_true(jobs[0].read); /* it was under way */
    assert_true(jobs[1].read || !jobs[2].read);
    lookup_destroy(lookup);
    lookup = NULL;
    assert_int_equal(done_count, 0);
}

static void without_memory_or_a_thread_there_is_none(void **state)
{
    (void)state;
#if OOM_POSSIBLE
    pthread_attr_t before, huge;

    oom_arm(1, 1);
    assert_null(lookup_create(READER, ring, &rung));
    assert_true(oom_disarm());
    assert_int_equal(pthread_getattr_default_np(&before), 0);
    pthread_attr_init(&huge);
    assert_int_equal(pthread_attr_setstacksize(&huge, SIZE_MAX - SIZE_MAX / 4), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    assert_null(lookup_create(READER, ring, &rung));
    assert_int_equal(pthread_setattr_default_np(&before), 0);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
#endif
    lookup_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(jobs_come_back_in_order),        TEST(at_most_1024_are_out),
        TEST(one_wake_for_all_that_are_done), TEST(each_taking_is_followed_by_a_wake),
        TEST(it_stops_with_jobs_out),         TEST(without_memory_or_a_thread_there_is_none),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
