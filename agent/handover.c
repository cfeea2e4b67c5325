#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { PATIENCE_MS = 15000 /* for the other one to take it */ };

void handover_init(struct handover *h, void (*wake)(void *ctx), void *ctx)
{
    *h = (struct handover){.wake = wake, .ctx = ctx};
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->settled, NULL);
}

void handover_finish(struct handover *h)
{
    pthread_cond_destroy(&h->settled);
    pthread_mutex_destroy(&h->lock);
}

bool handover_ask(struct handover *h, const char *to, struct buf *answer)
{
    const struct timespec until = clock_after(PATIENCE_MS);
    const int64_t began = clock_mono(clock_system());
    int failed = 0;

    pthread_mutex_lock(&h->lock);
    snprintf(h->to, sizeof(h->to), "%s", to);
    h->why = "it has not taken it yet; its log may tell more";
    h->state = h->ended ? HANDOVER_FAILED : HANDOVER_ASKED;
    pthread_mutex_unlock(&h->lock);
    h->wake(h->ctx);
    pthread_mutex_lock(&h->lock);
    while (h->state == HANDOVER_ASKED && failed != ETIMEDOUT)
        failed = pthread_cond_clockwait(&h->settled, &h->lock, CLOCK_MONOTONIC, &until);
    const bool done = h->state == HANDOVER_DONE;
    if (done)
        buf_printf(answer, "%s has it, after %lld ms; this one is its standby", h->to,
                   (long long)(clock_mono(clock_system()) - began));
    else
        buf_printf(answer, "it was not handed over to %s: %s", h->to, h->why);
    h->state = HANDOVER_NONE;
    pthread_mutex_unlock(&h->lock);
    return done;
}

bool handover_wanted(struct handover *h, char to[STORE_OWNER_MAX + 1])
{
    pthread_mutex_lock(&h->lock);
    const bool wanted = h->state == HANDOVER_ASKED;
    memcpy(to, h->to, sizeof(h->to));
    pthread_mutex_unlock(&h->lock);
    return wanted;
}

static void settle(struct handover *h, enum handover_state state, const char *why)
{
    if (h->state != HANDOVER_ASKED)
        return;
    h->state = state;
    h->why = why;
    pthread_cond_signal(&h->settled);
}

void handover_taken(struct handover *h, const char *owner)
{
    pthread_mutex_lock(&h->lock);
    if (strcmp(owner, h->to) == 0)
        settle(h, HANDOVER_DONE, NULL);
    pthread_mutex_unlock(&h->lock);
}

void handover_fail(struct handover *h, const char *why)
{
    pthread_mutex_lock(&h->lock);
    settle(h, HANDOVER_FAILED, why);
    pthread_mutex_unlock(&h->lock);
}

void handover_end(struct handover *h)
{
    pthread_mutex_lock(&h->lock);
    h->ended = true;
    settle(h, HANDOVER_FAILED, "this agent has ended");
    pthread_mutex_unlock(&h->lock);
}
