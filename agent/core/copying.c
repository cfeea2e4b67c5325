#include "core/copying.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/worker.h"

struct copying {
    struct store *store;
    struct store_copier *copier;
    struct worker worker; /* its lock guards the line below */
    atomic_bool due;      /* read without it, to lock only when it is not set yet */
};

/* A step that failed is tried again when the next commit says that one is due. */
static void run(void *arg)
{
    struct copying *c = arg;

    pthread_mutex_lock(&c->worker.lock);
    while (!c->worker.stop) {
        if (!atomic_exchange(&c->due, false)) {
            pthread_cond_wait(&c->worker.work, &c->worker.lock);
            continue;
        }
        pthread_mutex_unlock(&c->worker.lock);
        if (store_copy(c->copier) == STUDIO_OK && store_copy_due(c->store))
            atomic_store(&c->due, true);
        pthread_mutex_lock(&c->worker.lock);
    }
    pthread_mutex_unlock(&c->worker.lock);
}

struct copying *copying_create(struct store *store)
{
    struct copying *c = calloc(1, sizeof(*c));
    struct studio_error error = {0};

    if (!c)
        return NULL;
    c->store = store;
    if (!store_has_log(store))
        return c;
    if (store_copier_open(store, &c->copier, &error) != STUDIO_OK) {
        log_error("store", "%s", error.text);
        free(c);
        return NULL;
    }
    if (worker_start(&c->worker, run, c))
        return c;
    store_copier_close(c->copier);
    free(c);
    return NULL;
}

void copying_destroy(struct copying *c)
{
    if (!c)
        return;
    worker_stop(&c->worker);
    store_copier_close(c->copier);
    free(c);
}

void copying_wake(struct copying *c)
{
    if (!c->copier || !store_copy_due(c->store) || atomic_load(&c->due))
        return;
    pthread_mutex_lock(&c->worker.lock);
    atomic_store(&c->due, true);
    pthread_cond_signal(&c->worker.work);
    pthread_mutex_unlock(&c->worker.lock);
}
