#include "auth/verifier.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "auth/slow_hash.h"
#include "base/networks.h"
#include "base/secret.h"
#include "base/worker.h"

enum { NICE = 10 };

struct question {
    char site[PEER_TEXT_MAX + 1];
    char *token; /* of secret.h */
    char hashes[VERIFIER_HASHES][SLOW_HASH_MAX + 1];
    size_t count, which;
    verified_fn *done; /* NULL: forgotten; the asking thread's */
    void *ctx;
    struct question *prev, *next;
};

struct verifier {
    struct worker worker; /* its lock guards the lists */
    struct question *asked, *answered;
    struct question *open; /* the worker has it */
    void (*wake)(void *ctx);
    void *ctx;
    /* What a question without hashes is compared with: nobody can tell it from one with. */
    char decoy[SLOW_HASH_MAX + 1];
};

static void finish(struct question *q)
{
    secret_free(q->token);
    free(q);
}

static void answer(const struct verifier *v, struct question *q)
{
    for (q->which = 0; q->which < q->count; q->which++)
        if (slow_hash_fits(q->hashes[q->which], q->token))
            break;
    if (q->count == 0)
        (void)slow_hash_fits(v->decoy, q->token);
    secret_free(q->token);
    q->token = NULL;
}

/* The thread. It leaves the processor to those who serve. */
static void run(void *ctx)
{
    struct verifier *v = ctx;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    pthread_mutex_lock(&v->worker.lock);
    while (!v->worker.stop) {
        struct question *q = v->asked;

        if (!q) {
            pthread_cond_wait(&v->worker.work, &v->worker.lock);
            continue;
        }
        DL_DELETE(v->asked, q);
        v->open = q;
        pthread_mutex_unlock(&v->worker.lock);
        answer(v, q);
        pthread_mutex_lock(&v->worker.lock);
        v->open = NULL;
        DL_APPEND(v->answered, q);
        v->wake(v->ctx);
    }
    pthread_mutex_unlock(&v->worker.lock);
}

struct verifier *verifier_create(void (*wake)(void *ctx), void *ctx)
{
    struct verifier *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    v->wake = wake;
    v->ctx = ctx;
    return v;
}

static void drop(struct question *list)
{
    struct question *q, *next;

    DL_FOREACH_SAFE(list, q, next)
    finish(q);
}

void verifier_stop(struct verifier *v)
{
    worker_stop(&v->worker);
}

void verifier_destroy(struct verifier *v)
{
    if (!v)
        return;
    verifier_stop(v);
    drop(v->asked);
    drop(v->answered);
    free(v);
}

/* Makes the decoy and starts the thread, once. */
static bool is_ready(struct verifier *v)
{
    if (!v->decoy[0] && !slow_hash_make("none", v->decoy))
        return false;
    return v->worker.started || worker_start(&v->worker, run, v);
}

/* With the lock held. */
static bool has_room(const struct verifier *v, const char *site)
{
    const struct question *q;
    size_t all = 0, here = 0;

    DL_FOREACH(v->asked, q)
    {
        all++;
        here += strcmp(q->site, site) == 0;
    }
    return all < VERIFIER_WAITING && here < VERIFIER_WAITING_OF_SITE;
}

static struct question *make(const char *site, const char *token, const char *const *hashes,
                             size_t count)
{
    struct question *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    strncpy(q->site, site, sizeof(q->site) - 1);
    for (; q->count < count && q->count < VERIFIER_HASHES; q->count++)
        strncpy(q->hashes[q->count], hashes[q->count], SLOW_HASH_MAX);
    q->token = secret_dup(token, strlen(token));
    if (q->token)
        return q;
    free(q);
    return NULL;
}

struct question *verifier_ask(struct verifier *v, const char *site, const char *token,
                              const char *const *hashes, size_t count, verified_fn *done, void *ctx)
{
    struct question *q = is_ready(v) ? make(site, token, hashes, count) : NULL;
    bool room;

    if (!q)
        return NULL;
    q->done = done;
    q->ctx = ctx;
    pthread_mutex_lock(&v->worker.lock);
    room = has_room(v, site);
    if (room) {
        DL_APPEND(v->asked, q);
        pthread_cond_signal(&v->worker.work);
    }
    pthread_mutex_unlock(&v->worker.lock);
    if (room)
        return q;
    finish(q);
    return NULL;
}

void verifier_forget(struct verifier *v, struct question *q)
{
    q->done = NULL;
    pthread_mutex_lock(&v->worker.lock);
    if (v->open != q) {
        struct question *found;

        DL_FOREACH(v->asked, found)
        {
            if (found == q)
                break;
        }
        if (found) { /* nobody waits for it: it takes no place of others */
            DL_DELETE(v->asked, q);
            finish(q);
        }
    }
    pthread_mutex_unlock(&v->worker.lock);
}

void verifier_settle(struct verifier *v)
{
    struct question *list, *q, *next;

    if (!v->worker.started)
        return;
    pthread_mutex_lock(&v->worker.lock);
    list = v->answered;
    v->answered = NULL;
    pthread_mutex_unlock(&v->worker.lock);
    DL_FOREACH_SAFE(list, q, next)
    {
        if (q->done)
            q->done(q->ctx, q->which, q->count);
        finish(q);
    }
}
