/* test_inquiry.c - a question that the net thread answers. */
#include "inquiry.h"

#include "support/cmocka_all.h"
#include "support/deadline.h"

struct net {
    struct inquiry inquiry;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken, stops; /* without an answer */
    unsigned answers;
};

static void wake(void *ctx)
{
    struct net *net = ctx;

    pthread_mutex_lock(&net->lock);
    net->woken = true;
    pthread_cond_signal(&net->cond);
    pthread_mutex_unlock(&net->lock);
}

static void *run(void *arg)
{
    struct net *net = arg;

    pthread_mutex_lock(&net->lock);
    while (!net->woken)
        pthread_cond_wait(&net->cond, &net->lock);
    pthread_mutex_unlock(&net->lock);
    if (!net->stops)
        inquiry_take(&net->inquiry);
    inquiry_running(&net->inquiry, false);
    return NULL;
}

static void answer(void *ctx, struct buf *out)
{
    struct net *net = ctx;

    assert_true(pthread_equal(pthread_self(), net->thread));
    net->answers++;
    buf_str(out, "42");
}

static void ask(bool stops)
{
    struct net net = {.lock = PTHREAD_MUTEX_INITIALIZER, .stops = stops};
    struct buf out;

    pthread_cond_init(&net.cond, NULL);
    buf_init(&out, 100);
    inquiry_init(&net.inquiry, wake, &net);
    assert_false(inquiry_ask(&net.inquiry, answer, &out)); /* it does not run yet */
    inquiry_running(&net.inquiry, true);
    inquiry_take(&net.inquiry); /* nothing is asked */
    assert_int_equal(pthread_create(&net.thread, NULL, run, &net), 0);
    const bool answered = inquiry_ask(&net.inquiry, answer, &out);
    assert_int_equal(pthread_join(net.thread, NULL), 0);
    assert_int_equal(net.answers, stops ? 0 : 1);
    assert_true(out.len == (stops ? 0 : 2));
    if (stops)
        assert_false(answered);
    assert_false(inquiry_ask(&net.inquiry, answer, &out)); /* nor any more */
    inquiry_finish(&net.inquiry);
    pthread_cond_destroy(&net.cond);
    buf_finish(&out);
}

static void it_is_answered_there(void **state)
{
    (void)state;
    ask(false);
}

static void nobody_waits_for_a_thread_that_ends(void **state)
{
    (void)state;
    ask(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_answered_there),
        cmocka_unit_test(nobody_waits_for_a_thread_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
