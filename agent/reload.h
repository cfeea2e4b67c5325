/*
 * reload.h - the files of tokens read again while the agent runs: read and checked on the thread of who
 * asks, however large they are; then the net thread takes all of it, or nothing.
 */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include <pthread.h>

#include "api/api.h"
#include "auth/admission.h"

struct reload {
    struct admission *admission;
    struct api_metrics *metrics;
    struct last_used *used; /* NULL: nobody is told */
    const char *file;
    void (*wake)(void *ctx); /* the net thread, to call reload_take */
    void *ctx;
    pthread_mutex_t turn; /* one asks at a time */
    pthread_mutex_t lock; /* guards what follows, and the admission while it is not `running` */
    pthread_cond_t taken;
    bool running; /* the admission is the net thread's */
    struct tokens *fresh, *old;
    unsigned char
        token[DIGEST_LEN]; /* with `fresh`: that of the metrics, if they have a file for it */
};

void reload_init(struct reload *reload, struct admission *admission, struct api_metrics *metrics,
                 struct last_used *used, const char *file, void (*wake)(void *ctx), void *ctx);
void reload_finish(struct reload *reload);

/* The net thread begins and ends to run. */
void reload_running(struct reload *reload, bool running);
/* The net thread takes what was read, if something was. */
void reload_take(struct reload *reload);

/* Any other thread: returns when the new tokens count, *users of them, or why they do not; then
 * nothing has changed. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err reload_ask(struct reload *reload, size_t *users,
                                           struct studio_error *error);

#endif
