#include "base/worker.h"

#include "support/cmocka_all.h"

struct sum {
    struct worker worker;
    pthread_cond_t done;
    int given, taken;
    const struct log *log; /* of the thread */
};

static void add(void *ctx)
{
    struct sum *s = ctx;

    s->log = log_used();
    pthread_mutex_lock(&s->worker.lock);
    while (!s->worker.stop || s->given > 0) {
        if (s->given == 0) {
            pthread_cond_wait(&s->worker.work, &s->worker.lock);
            continue;
        }
        s->taken += s->given;
        s->given = 0;
        pthread_cond_signal(&s->done);
    }
    pthread_mutex_unlock(&s->worker.lock);
}

static void give(struct sum *s, int n)
{
    pthread_mutex_lock(&s->worker.lock);
    s->given += n;
    pthread_cond_signal(&s->worker.work);
    pthread_mutex_unlock(&s->worker.lock);
}

static void it_works_until_it_is_stopped(void **state)
{
    struct sum s = {.done = PTHREAD_COND_INITIALIZER};

    (void)state;
    assert_true(worker_start(&s.worker, add, &s));
    give(&s, 1);
    pthread_mutex_lock(&s.worker.lock);
    while (s.taken == 0)
        pthread_cond_wait(&s.done, &s.worker.lock);
    pthread_mutex_unlock(&s.worker.lock);
    give(&s, 2);
    worker_stop(&s.worker);
    assert_int_equal(s.taken, 3);
    worker_stop(&s.worker);
    pthread_mutex_lock(&s.worker.lock); /* still there */
    pthread_mutex_unlock(&s.worker.lock);
}

static void it_logs_as_who_started_it(void **state)
{
    struct sum s = {.done = PTHREAD_COND_INITIALIZER};
    struct log log;

    (void)state;
    log_init(&log, LOG_ERROR, LOG_JSON);
    const struct log *before = log_use(&log);
    assert_true(worker_start(&s.worker, add, &s));
    log_use(before);
    worker_stop(&s.worker);
    assert_ptr_equal(s.log, &s.worker.log);
    assert_int_equal(s.log->level, LOG_ERROR);
    assert_int_equal(s.log->format, LOG_JSON);
}

static void sleep_twice(void *ctx)
{
    struct sum *s = ctx;

    while (!worker_rest(&s->worker, 1)) {
        pthread_mutex_lock(&s->worker.lock);
        s->taken++;
        pthread_cond_signal(&s->done);
        pthread_mutex_unlock(&s->worker.lock);
        if (worker_rest(&s->worker, 3600 * 1000)) /* told of work it sleeps on */
            break;
    }
}

static void a_rest_ends_with_the_end(void **state)
{
    struct sum s = {.done = PTHREAD_COND_INITIALIZER};

    (void)state;
    assert_true(worker_start(&s.worker, sleep_twice, &s));
    pthread_mutex_lock(&s.worker.lock);
    while (s.taken == 0)
        pthread_cond_wait(&s.done, &s.worker.lock);
    pthread_mutex_unlock(&s.worker.lock);
    give(&s, 1);
    worker_stop(&s.worker);
    assert_int_equal(s.taken, 1);
}

static void one_that_was_not_started_needs_no_end(void **state)
{
    struct worker worker = {0};

    (void)state;
    worker_stop(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_until_it_is_stopped),
        cmocka_unit_test(it_logs_as_who_started_it),
        cmocka_unit_test(a_rest_ends_with_the_end),
        cmocka_unit_test(one_that_was_not_started_needs_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
