#include "inquiry.h"

void inquiry_init(struct inquiry *q, void (*wake)(void *ctx), void *ctx)
{
    *q = (struct inquiry){.wake = wake, .ctx = ctx};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->taken, NULL);
}

void inquiry_finish(struct inquiry *q)
{
    pthread_cond_destroy(&q->taken);
    pthread_mutex_destroy(&q->lock);
}

void inquiry_running(struct inquiry *q, bool running)
{
    pthread_mutex_lock(&q->lock);
    q->running = running;
    pthread_cond_signal(&q->taken);
    pthread_mutex_unlock(&q->lock);
}

void inquiry_take(struct inquiry *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->fn) {
        q->fn(q->ctx, q->answer);
        q->fn = NULL;
        pthread_cond_signal(&q->taken);
    }
    pthread_mutex_unlock(&q->lock);
}

bool inquiry_ask(struct inquiry *q, inquiry_fn *fn, struct buf *answer)
{
    bool answered;

    pthread_mutex_lock(&q->lock);
    if (q->running) {
        q->fn = fn;
        q->answer = answer;
        q->wake(q->ctx);
        while (q->running && q->fn)
            pthread_cond_wait(&q->taken, &q->lock);
    }
    answered = q->running && !q->fn;
    q->fn = NULL;
    pthread_mutex_unlock(&q->lock);
    return answered;
}
