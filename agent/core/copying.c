#include "core/copying.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"

struct copying {
    struct store *store;
    struct store_copier *copier;
    struct log log; /* of the thread that created it */
    pthread_t thread;
    pthread_mutex_t lock; /* guards the lines below */
    pthread_cond_t work;
    atomic_bool due; /* read without it, to lock only when it is not set yet */
    bool stop;
};

/* A step that failed is tried again when the next commit says that one is due. */
static void *run(void *arg)
{
    struct copying *c = arg;

    log_use(&c->log);
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (!atomic_exchange(&c->due, false)) {
            pthread_cond_wait(&c->work, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        if (store_copy(c->copier) == STUDIO_OK && store_copy_due(c->store))
            atomic_store(&c->due, true);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct copying *copying_create(struct store *store)
{
    struct copying *c = calloc(1, sizeof(*c));
    struct studio_error error = {0};

    if (!c)
        return NULL;
    c->store = store;
    c->log = *log_used();
    if (store_copier_open(store, &c->copier, &error) != STUDIO_OK) {
        log_error("store", "%s", error.text);
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    if (pthread_create(&c->thread, NULL, run, c) == 0)
        return c;
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    store_copier_close(c->copier);
    free(c);
    return NULL;
}

void copying_destroy(struct copying *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    store_copier_close(c->copier);
    free(c);
}

void copying_wake(struct copying *c)
{
    if (!store_copy_due(c->store) || atomic_load(&c->due))
        return;
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->due, true);
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
}
