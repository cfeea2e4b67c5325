#include "base/worker.h"

#include "base/clock.h"

static void *begin(void *arg)
{
    struct worker *w = arg;

    log_use(&w->log);
    w->run(w->ctx);
    return NULL;
}

bool worker_start(struct worker *w, void (*run)(void *ctx), void *ctx)
{
    *w = (struct worker){.lock = PTHREAD_MUTEX_INITIALIZER,
                         .work = PTHREAD_COND_INITIALIZER,
                         .log = *log_used(),
                         .run = run,
                         .ctx = ctx};
    w->started = pthread_create(&w->thread, NULL, begin, w) == 0;
    return w->started;
}

void worker_stop(struct worker *w)
{
    if (!w->started || w->stop) /* both are written by this thread only */
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

bool worker_rest(struct worker *w, int64_t ms)
{
    const struct timespec until = clock_after(ms);
    bool stop;

    pthread_mutex_lock(&w->lock);
    while (!w->stop && pthread_cond_clockwait(&w->work, &w->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return stop;
}
