#include "reload.h"

void reload_init(struct reload *r, struct admission *admission, const char *file,
                 void (*wake)(void *ctx), void *ctx)
{
    *r = (struct reload){.admission = admission, .file = file, .wake = wake, .ctx = ctx};
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
static struct tokens *hand_over(struct reload *r, struct tokens *tokens)
{
    struct tokens *old;

    pthread_mutex_lock(&r->lock);
    r->fresh = tokens;
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
    struct tokens *tokens;
    enum studio_err err;

    pthread_mutex_lock(&r->turn);
    err = tokens_reread(r->file, &tokens, error);
    if (err == STUDIO_OK) {
        *users = tokens_count(tokens);
        tokens_destroy(hand_over(r, tokens));
    }
    pthread_mutex_unlock(&r->turn);
    return err;
}
