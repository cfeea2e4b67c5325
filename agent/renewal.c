#include "renewal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/times.h"
#include "base/worker.h"
#include "net/lws.h"

enum {
    LOOK_MS = 1000, /* between two looks at the files */
    SOON_DAYS = 14, /* before its end one is told of it */
    FILE_COUNT = 3,
    DAY_S = 86400
};

/* By which a file is known to be another, or changed. Zeroed: there is none. */
struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified, changed;
};

struct renewal {
    char *cert, *key, *client_ca;
    const struct clock *clock;
    struct figures *figures;
    void (*wake)(void *ctx);
    void *ctx;
    pthread_mutex_t turn; /* one reads at a time; guards the stamps */
    struct stamp read[FILE_COUNT];
    pthread_mutex_t lock;         /* guards what follows */
    struct certificate *fresh;    /* read, and not shown yet */
    struct certificate *shown;    /* the net thread's; NULL: none yet */
    _Atomic int64_t chain_ends_s; /* of the certificate that is shown */
    struct worker worker;         /* looks at the files */
};

/* --- reading ----------------------------------------------------------------------------------- */

static void look(const struct renewal *r, struct stamp stamps[FILE_COUNT])
{
    const char *const files[FILE_COUNT] = {r->cert, r->key, r->client_ca};

    memset(stamps, 0, FILE_COUNT * sizeof(*stamps)); /* they are compared as bytes */
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct stat about;

        if (!files[i] || stat(files[i], &about) != 0)
            continue;
        stamps[i].dev = about.st_dev;
        stamps[i].ino = about.st_ino;
        stamps[i].size = about.st_size;
        stamps[i].modified = about.st_mtim;
        stamps[i].changed = about.st_ctim;
    }
}

/* Clients do without one of the chain where they know another way to their authority. */
static void tell_chain_end(const struct renewal *r, int64_t ends_s, int64_t now_s)
{
    static const char what[] = "clients that need it refuse ours then; renew both, or take it out "
                               "of the file if it is not needed";

    if (ends_s <= now_s)
        log_warn("tls", "a certificate behind ours in %s has expired: %s", r->cert, what);
    else if (time_days_left(ends_s, now_s) < SOON_DAYS)
        log_warn("tls", "a certificate behind ours in %s ends in %u days: %s", r->cert,
                 time_days_left(ends_s, now_s), what);
}

static void tell_ends(const struct renewal *r)
{
    const int64_t now_s = clock_wall(r->clock) / 1000;
    const int64_t ends_s = (int64_t)figure_get(&r->figures->tls_ends);
    const int64_t chain_ends_s = atomic_load(&r->chain_ends_s);

    if (ends_s <= now_s)
        log_error("tls", "the certificate in %s has expired: clients will refuse it", r->cert);
    else if (time_days_left(ends_s, now_s) < SOON_DAYS)
        log_warn("tls", "the certificate in %s ends in %u days: renew it", r->cert,
                 time_days_left(ends_s, now_s));
    if (chain_ends_s < ends_s)
        tell_chain_end(r, chain_ends_s, now_s);
}

static enum studio_err read_files(struct renewal *r, struct studio_error *error)
{
    const struct certificate_files files = {r->cert, r->key, r->client_ca};
    struct certificate *read;
    enum studio_err err;

    pthread_mutex_lock(&r->turn);
    look(r, r->read); /* before: what changes meanwhile is seen later */
    err = certificate_read(&files, &read, error);
    if (err == STUDIO_OK) {
        pthread_mutex_lock(&r->lock);
        certificate_free(r->fresh);
        r->fresh = read;
        pthread_mutex_unlock(&r->lock);
    }
    pthread_mutex_unlock(&r->turn);
    return err;
}

enum studio_err renewal_ask(struct renewal *r, struct studio_error *error)
{
    enum studio_err err = r ? read_files(r, error) : STUDIO_OK;

    if (!r)
        return err;
    figure_set(&r->figures->tls_refused, err != STUDIO_OK);
    if (err == STUDIO_OK)
        r->wake(r->ctx);
    else
        log_error("tls", "the certificate is as before, its files were not taken: %s", error->text);
    return err;
}

void renewal_take(struct renewal *r, struct server *server)
{
    struct certificate *fresh;
    int64_t ends_s;

    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    fresh = r->fresh;
    r->fresh = NULL;
    pthread_mutex_unlock(&r->lock);
    if (!fresh)
        return;
    ends_s = certificate_ends(fresh);
    if (server_show(server, fresh)) {
        certificate_free(r->shown);
        r->shown = certificate_share(fresh);
        figure_set(&r->figures->tls_ends, (uint64_t)ends_s);
        atomic_store(&r->chain_ends_s, certificate_chain_ends(fresh));
        log_info("tls", "the certificate in %s is shown now, for %u days", r->cert,
                 time_days_left(ends_s, clock_wall(r->clock) / 1000));
        tell_ends(r);
    } else {
        log_error("tls", "out of memory: the certificate in %s is not shown", r->cert);
    }
    certificate_free(fresh);
}

/* --- watching ---------------------------------------------------------------------------------- */

/* What has changed is read when it has been left alone for a moment: it may be two files. */
static bool have_settled(struct renewal *r, struct stamp before[FILE_COUNT])
{
    struct stamp now[FILE_COUNT];
    bool settled;

    look(r, now);
    settled = memcmp(now, before, sizeof(now)) == 0;
    memcpy(before, now, sizeof(now));
    pthread_mutex_lock(&r->turn);
    settled = settled && memcmp(now, r->read, sizeof(now)) != 0;
    pthread_mutex_unlock(&r->turn);
    return settled;
}

static void tell_daily(const struct renewal *r, int64_t *told)
{
    int64_t day = clock_wall(r->clock) / 1000 / DAY_S;

    if (day == *told)
        return;
    *told = day;
    tell_ends(r);
}

static void run(void *ctx)
{
    struct renewal *r = ctx;
    struct studio_error error;
    struct stamp before[FILE_COUNT];
    int64_t told = -1;

    look(r, before);
    do {
        tell_daily(r, &told);
        if (have_settled(r, before))
            (void)!renewal_ask(r, &error);
    } while (!worker_rest(&r->worker, LOOK_MS));
}

enum studio_err renewal_watch(struct renewal *r, struct studio_error *error)
{
    if (!r || worker_start(&r->worker, run, r))
        return STUDIO_OK;
    return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

/* --- construction ------------------------------------------------------------------------------ */

static bool keep(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

enum studio_err renewal_create(const struct studio_agent_config *config, const struct clock *clock,
                               struct figures *figures, void (*wake)(void *ctx), void *ctx,
                               struct renewal **out, struct studio_error *error)
{
    struct renewal *r;
    enum studio_err err = STUDIO_ERR_NO_MEMORY;

    *out = NULL;
    if (!config->tls_cert)
        return STUDIO_OK;
    r = calloc(1, sizeof(*r));
    if (!r)
        return studio_error_set(error, err, NULL);
    r->clock = clock;
    r->figures = figures;
    r->wake = wake;
    r->ctx = ctx;
    pthread_mutex_init(&r->turn, NULL);
    pthread_mutex_init(&r->lock, NULL);
    if (keep(&r->cert, config->tls_cert) && keep(&r->key, config->tls_key) &&
        keep(&r->client_ca, config->tls_client_ca))
        err = read_files(r, error);
    else
        (void)studio_error_set(error, err, NULL);
    if (err != STUDIO_OK) {
        renewal_destroy(r);
        return err;
    }
    *out = r;
    return STUDIO_OK;
}

void renewal_destroy(struct renewal *r)
{
    if (!r)
        return;
    worker_stop(&r->worker);
    certificate_free(r->fresh);
    certificate_free(r->shown);
    free(r->cert);
    free(r->key);
    free(r->client_ca);
    free(r);
}

struct certificate *renewal_certificate(const struct renewal *r)
{
    return !r ? NULL : r->shown ? r->shown : r->fresh;
}
