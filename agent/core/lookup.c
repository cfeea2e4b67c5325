#include "core/lookup.h"

#include <stdlib.h>

#include "base/worker.h"

struct job_list {
    struct lookup_job *first, *last;
};

struct lookup {
    struct store_reader *reader;
    void (*wake)(void *ctx);
    void *ctx;
    size_t count;         /* net thread only: submitted and not taken */
    struct worker worker; /* its lock guards the line below */
    struct job_list waiting, done;
};

static void append(struct job_list *list, struct lookup_job *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static struct lookup_job *take_first(struct job_list *list)
{
    struct lookup_job *job = list->first;

    if (job && !(list->first = job->next))
        list->last = NULL;
    return job;
}

static void run(void *arg)
{
    struct lookup *l = arg;
    struct lookup_job *job;

    pthread_mutex_lock(&l->worker.lock);
    while (!l->worker.stop) {
        if (!(job = take_first(&l->waiting))) {
            pthread_cond_wait(&l->worker.work, &l->worker.lock);
            continue;
        }
        pthread_mutex_unlock(&l->worker.lock);
        job->read(job, l->reader);
        pthread_mutex_lock(&l->worker.lock);
        bool first = !l->done.first; /* one wake for all that are done by the time it is followed */
        append(&l->done, job);
        if (!first)
            continue;
        pthread_mutex_unlock(&l->worker.lock);
        l->wake(l->ctx);
        pthread_mutex_lock(&l->worker.lock);
    }
    pthread_mutex_unlock(&l->worker.lock);
}

struct lookup *lookup_create(struct store_reader *reader, void (*wake)(void *ctx), void *ctx)
{
    struct lookup *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->reader = reader;
    l->wake = wake;
    l->ctx = ctx;
    if (worker_start(&l->worker, run, l))
        return l;
    free(l);
    return NULL;
}

void lookup_stop(struct lookup *l)
{
    worker_stop(&l->worker);
}

void lookup_destroy(struct lookup *l)
{
    if (!l)
        return;
    lookup_stop(l);
    free(l);
}

bool lookup_submit(struct lookup *l, struct lookup_job *job)
{
    if (l->count >= LOOKUP_MAX)
        return false;
    l->count++;
    pthread_mutex_lock(&l->worker.lock);
    append(&l->waiting, job);
    pthread_cond_signal(&l->worker.work);
    pthread_mutex_unlock(&l->worker.lock);
    return true;
}

void lookup_take(struct lookup *l)
{
    struct job_list done;
    struct lookup_job *job;

    if (l->count == 0)
        return;
    pthread_mutex_lock(&l->worker.lock);
    done = l->done;
    l->done = (struct job_list){NULL, NULL};
    pthread_mutex_unlock(&l->worker.lock);
    while ((job = take_first(&done)) != NULL) {
        l->count--;
        job->done(job);
    }
}
