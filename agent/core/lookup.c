#include "core/lookup.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

struct job_list {
    struct lookup_job *first, *last;
};

struct lookup {
    struct store_reader *reader;
    void (*wake)(void *ctx);
    void *ctx;
    struct log log; /* of the thread that created it */
    pthread_t thread;
    size_t count;         /* net thread only: submitted and not taken */
    pthread_mutex_t lock; /* guards the lines below */
    pthread_cond_t work;
    struct job_list waiting, done;
    bool stop;
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

static void *run(void *arg)
{
    struct lookup *l = arg;
    struct lookup_job *job;

    log_use(&l->log);
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (!(job = take_first(&l->waiting))) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        job->read(job, l->reader);
        pthread_mutex_lock(&l->lock);
        bool first = !l->done.first; /* one wake for all that are done by the time it is followed */
        append(&l->done, job);
        if (!first)
            continue;
        pthread_mutex_unlock(&l->lock);
        l->wake(l->ctx);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

struct lookup *lookup_create(struct store_reader *reader, void (*wake)(void *ctx), void *ctx)
{
    struct lookup *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->reader = reader;
    l->wake = wake;
    l->ctx = ctx;
    l->log = *log_used();
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    if (pthread_create(&l->thread, NULL, run, l) == 0)
        return l;
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

void lookup_stop(struct lookup *l)
{
    if (l->stop) /* written here only */
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
}

void lookup_destroy(struct lookup *l)
{
    if (!l)
        return;
    lookup_stop(l);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

bool lookup_submit(struct lookup *l, struct lookup_job *job)
{
    if (l->count >= LOOKUP_MAX)
        return false;
    l->count++;
    pthread_mutex_lock(&l->lock);
    append(&l->waiting, job);
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    return true;
}

void lookup_take(struct lookup *l)
{
    struct job_list done;
    struct lookup_job *job;

    if (l->count == 0)
        return;
    pthread_mutex_lock(&l->lock);
    done = l->done;
    l->done = (struct job_list){NULL, NULL};
    pthread_mutex_unlock(&l->lock);
    while ((job = take_first(&done)) != NULL) {
        l->count--;
        job->done(job);
    }
}
