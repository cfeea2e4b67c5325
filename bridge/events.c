#include "events.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum studio_err events_init(struct events *e)
{
    pthread_condattr_t attr;

    *e = (struct events){.ring = calloc(EVENTS_MAX, sizeof(struct link_event))};
    if (!e->ring)
        return STUDIO_ERR_NO_MEMORY;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->cond, &attr);
    pthread_condattr_destroy(&attr);
    return STUDIO_OK;
}

void events_finish(struct events *e)
{
    if (!e->ring)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->lock);
    free(e->ring);
    e->ring = NULL;
}

void events_push(struct events *e, const struct link_event *event)
{
    pthread_mutex_lock(&e->lock);
    if (e->count < EVENTS_MAX)
        e->ring[(e->head + e->count++) % EVENTS_MAX] = *event;
    else
        e->overflow = true;
    pthread_cond_signal(&e->cond);
    pthread_mutex_unlock(&e->lock);
}

void events_wake(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    e->woken = true;
    pthread_cond_signal(&e->cond);
    pthread_mutex_unlock(&e->lock);
}

bool events_take(struct events *e, struct link_event *out)
{
    bool any;

    pthread_mutex_lock(&e->lock);
    any = e->count > 0;
    if (any) {
        *out = e->ring[e->head];
        e->head = (e->head + 1) % EVENTS_MAX;
        e->count--;
    }
    pthread_mutex_unlock(&e->lock);
    return any;
}

bool events_overflowed(struct events *e)
{
    bool was;

    pthread_mutex_lock(&e->lock);
    was = e->overflow;
    e->overflow = false;
    pthread_mutex_unlock(&e->lock);
    return was;
}

void events_wait(struct events *e, int64_t timeout_ms)
{
    const struct timespec until = clock_after(timeout_ms > 0 ? timeout_ms : 0);

    pthread_mutex_lock(&e->lock);
    while (e->count == 0 && !e->woken)
        if (pthread_cond_timedwait(&e->cond, &e->lock, &until) != 0)
            break;
    e->woken = false;
    pthread_mutex_unlock(&e->lock);
}
