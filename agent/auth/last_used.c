#include "auth/last_used.h"

#include <stdlib.h>
#include <string.h>

#include "auth/days.h"
#include "base/log.h"
#include "base/worker.h"

enum { REST_MS = 60000 /* between two times the file is written */ };

struct last_used {
    char *dir;
    pthread_mutex_t
        lock; /* guards the next line, and the life of these tokens while they are written */
    struct tokens *tokens;
    struct worker worker; /* its lock guards the next line */
    bool waiting;         /* there is something to be written */
    bool failed;          /* the thread's: the last time; it is told of once */
};

/* --- the thread ------------------------------------------------------------------------------ */

static void save(struct last_used *u)
{
    struct studio_error error;
    enum studio_err err;

    pthread_mutex_lock(&u->lock);
    err = u->tokens ? days_write(u->dir, u->tokens, &error) : STUDIO_OK;
    pthread_mutex_unlock(&u->lock);
    if (err != STUDIO_OK && !u->failed)
        log_warn("auth", "on which day tokens are used is not kept: %s", error.text);
    u->failed = err != STUDIO_OK;
}

/* Is there something to be written? If not, waits for it, or for the end. */
static bool take(struct last_used *u)
{
    bool waiting;

    pthread_mutex_lock(&u->worker.lock);
    while (!u->waiting && !u->worker.stop)
        pthread_cond_wait(&u->worker.work, &u->worker.lock);
    waiting = u->waiting;
    u->waiting = false;
    pthread_mutex_unlock(&u->worker.lock);
    return waiting;
}

static void run(void *ctx)
{
    struct last_used *u = ctx;

    do {
        if (take(u))
            save(u);
    } while (!worker_rest(&u->worker, REST_MS));
    if (take(u)) /* what came during the rest */
        save(u);
}

/* --- the others ------------------------------------------------------------------------------ */

void last_used_tell(struct last_used *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&u->worker.lock);
    u->waiting = true;
    pthread_cond_signal(&u->worker.work);
    pthread_mutex_unlock(&u->worker.lock);
}

/* True: the file has lines of tokens that are gone. */
static bool learn_from_file(const struct last_used *u, struct tokens *tokens)
{
    struct studio_error error;
    struct days *days;
    size_t found = 0, count;

    if (days_read(u->dir, &days, &error) != STUDIO_OK) {
        log_warn("auth", "on which day tokens were used is not known: %s", error.text);
        return false;
    }
    count = days_count(days);
    for (size_t i = 0; count > 0 && i < tokens_count(tokens); i++) {
        int day = days_find(days, tokens_at(tokens, i));

        tokens_learn_day(tokens, i, day);
        found += day != 0;
    }
    days_free(days);
    return found < count;
}

void last_used_change(struct last_used *u, struct tokens *tokens)
{
    bool changed = true;

    if (!u)
        return;
    pthread_mutex_lock(&u->lock);
    if (u->tokens)
        tokens_learn_days(tokens, u->tokens);
    else
        changed = learn_from_file(u, tokens);
    u->tokens = tokens;
    pthread_mutex_unlock(&u->lock);
    if (changed)
        last_used_tell(u);
}

struct last_used *last_used_create(const char *dir)
{
    struct last_used *u = calloc(1, sizeof(*u));

    if (!u)
        return NULL;
    pthread_mutex_init(&u->lock, NULL);
    u->dir = strdup(dir);
    if (u->dir && worker_start(&u->worker, run, u))
        return u;
    last_used_destroy(u);
    return NULL;
}

void last_used_destroy(struct last_used *u)
{
    if (!u)
        return;
    worker_stop(&u->worker);
    pthread_mutex_destroy(&u->lock);
    free(u->dir);
    free(u);
}
