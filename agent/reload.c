#include "reload.h"

#include <string.h>

#include "api/guard.h"

void reload_init(struct reload *r, struct admission *admission, struct api_metrics *metrics,
                 struct last_used *used, const char *file, void (*wake)(void *ctx), void *ctx)
{
    *r = (struct reload){.admission = admission,
                         .metrics = metrics,
                         .used = used,
                         .file = file,
                         .wake = wake,
                         .ctx = ctx};
    pthread_mutex_init(&r->turn, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->taken, NULL);
}

void reload_finish(struct reload *r)
{
    pthread_cond_destroy(&r->taken);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->turn);
}

/* With the lock held, on the thread the admission belongs to. */
static void take(struct reload *r)
{
    if (!r->fresh)
        return;
    r->old = admission_reload(r->admission, r->fresh);
    if (r->metrics->token_file)
        memcpy(r->metrics->token, r->token, sizeof(r->token));
    r->fresh = NULL;
    pthread_cond_signal(&r->taken);
}

void reload_running(struct reload *r, bool running)
{
    pthread_mutex_lock(&r->lock);
    take(r);
    r->running = running;
    pthread_mutex_unlock(&r->lock);
}

void reload_take(struct reload *r)
{
    pthread_mutex_lock(&r->lock);
    take(r);
    pthread_mutex_unlock(&r->lock);
}

/* Returns the tokens that count no longer: who asked frees them, not the net thread. */
static struct tokens *hand_over(struct reload *r, struct tokens *tokens,
                                const unsigned char token[DIGEST_LEN])
{
    struct tokens *old;

    pthread_mutex_lock(&r->lock);
    r->fresh = tokens;
    memcpy(r->token, token, sizeof(r->token));
    if (r->running)
        r->wake(r->ctx);
    else
        take(r);
    while (r->fresh)
        pthread_cond_wait(&r->taken, &r->lock);
    old = r->old;
    r->old = NULL;
    pthread_mutex_unlock(&r->lock);
    return old;
}

enum studio_err reload_ask(struct reload *r, size_t *users, struct studio_error *error)
{
    const char *metrics_file = r->metrics->token_file; /* does not change */
    unsigned char token[DIGEST_LEN] = {0};
    struct tokens *tokens = NULL, *fresh;
    enum studio_err err;

    pthread_mutex_lock(&r->turn);
    err = tokens_reread(r->file, &tokens, error);
    if (err == STUDIO_OK && metrics_file)
        err = guard_read(metrics_file, token, error);
    if (err == STUDIO_OK) {
        *users = tokens_count(tokens);
        fresh = tokens;
        tokens = hand_over(r, fresh, token);
        last_used_change(r->used, fresh);
    }
    tokens_destroy(tokens);
    pthread_mutex_unlock(&r->turn);
    return err;
}
