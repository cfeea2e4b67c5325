#include "waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/worker.h"

enum {
    LOOK_MS = 100,     /* between two looks at who has it: a part of what a handover takes */
    AWAY_MS = 500,     /* at a database that went away */
    AWAY_DOUBLINGS = 3 /* where it has not been seen yet, of the rest: up to 8 s */
};

struct waiting {
    struct store_options options;
    int64_t after_ms;
    void (*wake)(void *ctx);
    void *ctx;
    struct worker worker; /* its lock guards what follows */
    pthread_cond_t looked;
    enum waiting_state state;
    char owner[STORE_OWNER_MAX + 1];
    struct store *store;
    enum studio_err err;
    struct studio_error error;
    struct log_limit complaints; /* these three are the thread's own */
    bool seen; /* the database: a take-over is not to wait for longer than it must */
    struct backoff backoff;
};

/* A thousand agents of one database that start at once give up on it, and must not come back in step. */
static unsigned rest_away(struct waiting *w)
{
    uint32_t random = 0;

    if (w->seen)
        return AWAY_MS;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK); /* without: the shortest of them */
    if (w->backoff.tries > AWAY_DOUBLINGS)
        w->backoff.tries = AWAY_DOUBLINGS;
    return backoff_next(&w->backoff, random);
}

/* Says it once for each owner. */
static bool on_held(void *ctx, const char *owner, const char *why)
{
    struct waiting *w = ctx;

    w->seen = w->seen || owner;
    if (owner && !*owner)
        return !worker_rest(&w->worker, LOOK_MS);
    pthread_mutex_lock(&w->worker.lock);
    const bool news = w->state != WAITING_HELD || strcmp(w->owner, owner ? owner : "") != 0;
    snprintf(w->owner, sizeof(w->owner), "%s", owner ? owner : "");
    w->state = WAITING_HELD;
    pthread_cond_broadcast(&w->looked);
    pthread_mutex_unlock(&w->worker.lock);
    if (news && owner)
        log_info("agent", "standby: agent %s is %s's, this one waits for it", w->options.agent_id,
                 owner);
    else if (!owner)
        log_limited(&w->complaints, LOG_WARN, "agent", "standby, it waits: %s", why);
    if (news)
        w->wake(w->ctx);
    return !worker_rest(&w->worker, owner ? LOOK_MS : rest_away(w));
}

static void run(void *arg)
{
    struct waiting *w = arg;
    struct studio_error error;
    struct store *store = NULL;
    enum studio_err err = STUDIO_ERR_STORE_UNUSABLE;

    if (w->after_ms > 0 && worker_rest(&w->worker, w->after_ms))
        (void)studio_error_set(&error, err, ": it was not waited for");
    else
        err = store_open(&w->options, &store, &error);

    pthread_mutex_lock(&w->worker.lock);
    w->store = store;
    w->err = err;
    w->error = error;
    w->state = WAITING_OVER;
    pthread_cond_broadcast(&w->looked);
    pthread_mutex_unlock(&w->worker.lock);
    w->wake(w->ctx);
}

struct waiting *waiting_start(const struct store_options *options, int64_t after_ms,
                              void (*wake)(void *ctx), void *ctx)
{
    struct waiting *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->options = *options;
    w->options.held = on_held;
    w->options.held_ctx = w;
    w->after_ms = after_ms;
    w->seen = options->former;
    w->wake = wake;
    w->ctx = ctx;
    pthread_cond_init(&w->looked, NULL);
    if (worker_start(&w->worker, run, w))
        return w;
    pthread_cond_destroy(&w->looked);
    free(w);
    return NULL;
}

void waiting_stop(struct waiting *w)
{
    if (!w)
        return;
    worker_stop(&w->worker);
    store_close(w->store);
    pthread_cond_destroy(&w->looked);
    free(w);
}

/* With the lock held. */
static enum waiting_state tell(const struct waiting *w, char owner[STORE_OWNER_MAX + 1])
{
    memcpy(owner, w->owner, sizeof(w->owner));
    return w->state;
}

enum waiting_state waiting_state(struct waiting *w, char owner[STORE_OWNER_MAX + 1])
{
    pthread_mutex_lock(&w->worker.lock);
    const enum waiting_state state = tell(w, owner);
    pthread_mutex_unlock(&w->worker.lock);
    return state;
}

enum waiting_state waiting_look(struct waiting *w, char owner[STORE_OWNER_MAX + 1])
{
    pthread_mutex_lock(&w->worker.lock);
    while (w->state == WAITING_LOOKS)
        pthread_cond_wait(&w->looked, &w->worker.lock);
    const enum waiting_state state = tell(w, owner);
    pthread_mutex_unlock(&w->worker.lock);
    return state;
}

enum studio_err waiting_take(struct waiting *w, struct store **store, struct studio_error *error)
{
    pthread_mutex_lock(&w->worker.lock);
    *store = w->store;
    w->store = NULL;
    *error = w->error;
    const enum studio_err err = w->err;
    pthread_mutex_unlock(&w->worker.lock);
    return err;
}
