#include "core/committer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/faulty.h"
#include "base/figures.h"
#include "base/log.h"
#include "base/worker.h"
#include "core/copying.h"
#include "core/notes.h"

enum {
    ACK_DELAY_MS = 200,  /* between two writes of the watermark */
    PROBE_MS = 1000,     /* between attempts to write while the store cannot */
    SETTLE_MS = 200,     /* between attempts to find out what became of a batch */
    HOUSEKEEP_MS = 1000, /* between rounds of housekeeping */
    SIZE_MS = 1000,      /* between two looks at the store's size */
    CROWDED_STEPS = 10,  /* of housekeeping after a batch when the store is nearly at its size */
    FORGET_MS = 200      /* between two times names of cleared topics are forgotten */
};

struct committer {
    struct store *store;
    struct copying *copying;
    const struct clock *clock;
    struct figures *figures;
    void (*wake)(void *ctx);
    void *ctx;
    struct worker worker;     /* its lock guards the lines up to the next blank one */
    struct store_item *items; /* the batch under way */
    size_t count;
    bool submitted; /* handed over, not yet done */
    bool done;      /* done, not yet taken */
    enum studio_err result;
    committer_errand_fn *errand; /* to be run; NULL: none */
    void *errand_ctx;
    bool ended; /* nobody runs one any more */
    char standby[STORE_OWNER_MAX + 1];
    pthread_cond_t errand_done;

    struct notes notes;
    atomic_bool busy; /* net thread's view: submitted or done */
    atomic_bool failed;
    atomic_bool doubtful;
    atomic_uint_fast64_t acked;
    atomic_int_fast64_t turned;
    uint64_t acked_written; /* from here on the store thread's only */
    int64_t ack_at, forget_at, housekeep_at, size_at;
};

/* Remembers how a write went, and says each change once. */
static void note(struct committer *c, enum studio_err err)
{
    bool writable = err == STUDIO_OK;

    if (writable != figure_get(&c->figures->store_writable)) {
        figure_set(&c->figures->store_writable, writable);
        if (writable)
            log_info("store", "writable again");
        else if (!store_successor(c->store))
            log_error("store",
                      "cannot write: updates are refused until it can (is the disk full, or "
                      "store.max_bytes reached?)");
    }
    const char *successor = store_successor(c->store);

    if ((err == STUDIO_ERR_IO || successor) && !atomic_exchange(&c->failed, true)) {
        if (!successor)
            log_error("store",
                      "a write may not have reached the disk: stopping, a restart reads back "
                      "what is really there");
        c->wake(c->ctx);
    }
}

/* The watermark has grown, and its next write is due. It only spares repeats after a kill: not worth a
 * page of each batch, nor a sync of its own after each. */
static bool ack_due(const struct committer *c)
{
    return atomic_load(&c->acked) > c->acked_written && clock_mono(c->clock) >= c->ack_at;
}

static void note_size(struct committer *c, int64_t now_ms)
{
    if (now_ms < c->size_at)
        return;
    c->size_at = now_ms + SIZE_MS;
    figure_set(&c->figures->store_bytes, store_bytes(c->store));
}

/* Until it is known what became of the batch. False: the thread is to return, nobody will be told. */
static bool settle(struct committer *c, enum studio_err *err)
{
    bool known = false, stop = false;

    atomic_store(&c->doubtful, true);
    note(c, *err);
    while (!known && !stop) {
        atomic_store(&c->turned, clock_mono(c->clock));
        *err = store_settle(c->store, &known);
        stop = !known && worker_rest(&c->worker, SETTLE_MS);
    }
    atomic_store(&c->doubtful, false);
    return known;
}

static void commit(struct committer *c, struct store_item *items, size_t n, bool with_acked)
{
    uint64_t acked = with_acked ? atomic_load(&c->acked) : c->acked_written;
    /* So that a kill comes between. */
    if (n > 0 && (faulty("early-ack") || faulty("early-publish")))
        nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    int64_t began_us = clock_mono_us(c->clock);
    enum studio_err err = store_commit(c->store, items, n, acked);
    bool known = !store_in_doubt(c->store) || settle(c, &err);
    int64_t now_us = clock_mono_us(c->clock);

    if (err == STUDIO_OK && n > 0)
        histogram_observe(&c->figures->commit, now_us - began_us);
    if (err == STUDIO_OK && with_acked) {
        c->acked_written = acked;
        c->ack_at = now_us / 1000 + ACK_DELAY_MS;
    }
    note_size(c, now_us / 1000);
    copying_wake(c->copying);
    if (n > 0 || err != STUDIO_OK) /* the watermark needs no room: it says nothing about updates */
        note(c, err);
    if (n == 0)
        return;
    pthread_mutex_lock(&c->worker.lock);
    c->submitted = false;
    c->done = known;
    c->result = err;
    pthread_mutex_unlock(&c->worker.lock);
    c->wake(c->ctx);
}

/* Under load there may be no pause, and a batch brings more events than one step removes. What was
 * acknowledged meanwhile may go, also when no batch that would tell so finds room. */
static void make_room(struct committer *c)
{
    bool more = true;

    if (!store_crowded(c->store))
        return;
    if (atomic_load(&c->acked) > c->acked_written)
        commit(c, NULL, 0, true);
    for (int i = 0; more && i < CROWDED_STEPS && store_crowded(c->store); i++)
        if (store_housekeep(c->store, clock_mono(c->clock), &more) != STUDIO_OK)
            return; /* the next commit tells how it is */
}

/* Marks the first in line. True: it went well. */
static bool write_parked(struct committer *c)
{
    const enum studio_err err = notes_write_parked(&c->notes, c->store);

    note(c, err);
    return err == STUDIO_OK;
}

static void forget_cleared(struct committer *c)
{
    bool any;

    if (clock_mono(c->clock) < c->forget_at)
        return;
    const enum studio_err err = notes_write_cleared(&c->notes, c->store, &any);
    if (any)
        c->forget_at = clock_mono(c->clock) + FORGET_MS;
    if (err == STUDIO_ERR_IO) /* else updates go on, and their commits tell how that goes */
        note(c, err);
}

static void write_memo(struct committer *c)
{
    bool any;
    const enum studio_err err = notes_write_memo(&c->notes, c->store, &any);

    if (any)
        note(c, err);
}

/* Who waits for this store, if others can have it. */
static void count_standbys(struct committer *c)
{
    char name[STORE_OWNER_MAX + 1];
    size_t count;

    if (store_waiting(c->store, name, &count) != STUDIO_OK)
        return;
    figure_set(&c->figures->standbys, count);
    pthread_mutex_lock(&c->worker.lock);
    memcpy(c->standby, name, sizeof(name));
    pthread_mutex_unlock(&c->worker.lock);
}

/* What to do when no batch waits: the watermark, a probe, housekeeping. Returns how long to wait.
 */
static int64_t idle_work(struct committer *c)
{
    int64_t now = clock_mono(c->clock);
    bool more = false;

    if (!figure_get(&c->figures->store_writable)) {
        make_room(c);
        note(c, store_probe(c->store));
        return PROBE_MS;
    }
    note_size(c, now);
    if (ack_due(c))
        commit(c, NULL, 0, true);
    forget_cleared(c);
    write_memo(c);
    if (now >= c->housekeep_at) {
        enum studio_err err = store_housekeep(c->store, now, &more);
        /* Without a disk of its own it has asked a database, else updates go on, and their commits tell how that
         * goes. */
        if (err == STUDIO_ERR_IO || (err != STUDIO_OK && !store_has_log(c->store)))
            note(c, err);
        if (!more)
            c->housekeep_at = now + HOUSEKEEP_MS;
        if (!more && err == STUDIO_OK)
            count_standbys(c);
    }
    return more ? 0 : ACK_DELAY_MS;
}

static void wait_for_work(struct committer *c, int64_t ms)
{
    const struct timespec until = clock_after(ms);

    while (ms > 0 && !c->submitted && !c->errand && !c->worker.stop &&
           pthread_cond_clockwait(&c->worker.work, &c->worker.lock, CLOCK_MONOTONIC, &until) !=
               ETIMEDOUT)
        ;
}

static void run_errand(struct committer *c)
{
    committer_errand_fn *fn;

    pthread_mutex_lock(&c->worker.lock);
    fn = c->errand;
    pthread_mutex_unlock(&c->worker.lock);
    if (!fn)
        return;
    fn(c->store, c->errand_ctx);
    pthread_mutex_lock(&c->worker.lock);
    c->errand = NULL;
    pthread_cond_signal(&c->errand_done);
    pthread_mutex_unlock(&c->worker.lock);
}

static void end_errands(struct committer *c)
{
    pthread_mutex_lock(&c->worker.lock);
    c->ended = true;
    pthread_cond_signal(&c->errand_done);
    pthread_mutex_unlock(&c->worker.lock);
}

static void work(struct committer *c)
{
    int64_t pause_ms = 0;

    for (;;) {
        pthread_mutex_lock(&c->worker.lock);
        wait_for_work(c, pause_ms);
        atomic_store(&c->turned, clock_mono(c->clock));
        bool submitted = c->submitted, stop = c->worker.stop;
        pthread_mutex_unlock(&c->worker.lock);
        if (submitted) {
            commit(c, c->items, c->count, ack_due(c));
            make_room(c);
            if (!atomic_load(&c->failed))
                forget_cleared(c);
        }
        if (!stop)
            run_errand(c);
        if (submitted) {
            pause_ms = 0;
            continue;
        }
        pause_ms = 0;
        if (!atomic_load(&c->failed) && notes_has_parked(&c->notes) && write_parked(c))
            continue;
        if (stop)
            break;
        pause_ms = atomic_load(&c->failed) ? PROBE_MS : idle_work(c);
    }
    /* The watermark only spares repeats, the memo attempts: not worth a slow disk's time at the end. */
    if (atomic_load(&c->failed) || store_slow(c->store))
        return;
    if (atomic_load(&c->acked) > c->acked_written)
        commit(c, NULL, 0, true);
    write_memo(c);
}

static void run(void *arg)
{
    work(arg);
    end_errands(arg);
}

struct committer *committer_create(struct store *store, const struct clock *clock,
                                   struct figures *figures, void (*wake)(void *ctx), void *ctx)
{
    struct committer *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->store = store;
    c->clock = clock;
    c->figures = figures;
    c->wake = wake;
    c->ctx = ctx;
    pthread_cond_init(&c->errand_done, NULL);
    notes_init(&c->notes);
    c->acked_written = store_info(store)->acked;
    atomic_init(&c->acked, c->acked_written);
    atomic_init(&c->turned, clock_mono(clock));
    figure_set(&figures->store_writable, 1);
    note_size(c, clock_mono(clock));
    c->copying = copying_create(store);
    if (c->copying && worker_start(&c->worker, run, c))
        return c;
    committer_destroy(c);
    return NULL;
}

void committer_stop(struct committer *c)
{
    worker_stop(&c->worker);
    copying_destroy(c->copying);
    c->copying = NULL;
}

void committer_destroy(struct committer *c)
{
    if (!c)
        return;
    committer_stop(c);
    pthread_cond_destroy(&c->errand_done);
    notes_finish(&c->notes);
    free(c);
}

bool committer_idle(const struct committer *c)
{
    return !atomic_load(&c->busy);
}

void committer_submit(struct committer *c, struct store_item *items, size_t n)
{
    atomic_store(&c->busy, true);
    pthread_mutex_lock(&c->worker.lock);
    c->items = items;
    c->count = n;
    c->submitted = true;
    pthread_mutex_unlock(&c->worker.lock);
    pthread_cond_signal(&c->worker.work); /* after it: who wakes would wait for the lock */
}

bool committer_take(struct committer *c, enum studio_err *err)
{
    if (!atomic_load(&c->busy))
        return false;
    pthread_mutex_lock(&c->worker.lock);
    bool done = c->done;
    if (done) {
        c->done = false;
        *err = c->result;
        atomic_store(&c->busy, false);
    }
    pthread_mutex_unlock(&c->worker.lock);
    return done;
}

void committer_acked(struct committer *c, uint64_t seq)
{
    uint_fast64_t old = atomic_load(&c->acked);

    while (old < seq && !atomic_compare_exchange_weak(&c->acked, &old, seq))
        ;
}

uint64_t committer_get_acked(const struct committer *c)
{
    return atomic_load(&c->acked);
}

void committer_park(struct committer *c, uint64_t seq, const char *reason)
{
    notes_park(&c->notes, seq, reason);
}

void committer_cleared(struct committer *c, const char *table_id, uint64_t rev)
{
    notes_clear(&c->notes, table_id, rev);
}

void committer_memo(struct committer *c, const char *text)
{
    notes_keep(&c->notes, text);
}

bool committer_errand(struct committer *c, committer_errand_fn *fn, void *ctx)
{
    bool done;

    pthread_mutex_lock(&c->worker.lock);
    c->errand = fn;
    c->errand_ctx = ctx;
    pthread_cond_signal(&c->worker.work);
    while (c->errand && !c->ended)
        pthread_cond_wait(&c->errand_done, &c->worker.lock);
    done = !c->errand;
    c->errand = NULL;
    pthread_mutex_unlock(&c->worker.lock);
    return done;
}

int64_t committer_turned(const struct committer *c)
{
    return atomic_load(&c->turned);
}

bool committer_in_doubt(const struct committer *c)
{
    return atomic_load(&c->doubtful);
}

bool committer_owned(const struct committer *c)
{
    return store_owned(c->store);
}

void committer_standby(struct committer *c, char name[STORE_OWNER_MAX + 1])
{
    pthread_mutex_lock(&c->worker.lock);
    memcpy(name, c->standby, sizeof(c->standby));
    pthread_mutex_unlock(&c->worker.lock);
}

bool committer_failed(const struct committer *c)
{
    return atomic_load(&c->failed);
}
