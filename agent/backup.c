#include "backup.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"
#include "store/backup.h"

enum {
    BYTES_PER_MS = 16 * 1024, /* 16 MB a second */
    STEP_SHARE = 5,           /* of the time a step of it takes, so much passes until the next */
    SYNC_PAGES = 1024,        /* are written, then synced: never much for the disk at once */
    TELL_MS = 250
};

struct backup {
    struct committer *committer;
    struct worker worker;
    bool begun;       /* there is a thread, or was: the control thread's */
    atomic_bool busy; /* it is at work */
    atomic_bool stop;
    int caller, file;
    /* What an errand is to do, and what came of it: */
    struct store_backup *copy;
    struct store_backup_state state;
    enum studio_err err;
    struct studio_error error;
    int64_t step_us;
};

/* --- on the store's thread ------------------------------------------------------------------- */

static void begin(struct store *store, void *ctx)
{
    struct backup *b = ctx;

    b->err = store_backup_begin(store, b->file, &b->copy, &b->error);
}

static void step(struct store *store, void *ctx)
{
    struct backup *b = ctx;
    int64_t began_us = clock_mono_us(clock_system());

    (void)store;
    b->err = store_backup_step(b->copy, &b->state, &b->error);
    b->step_us = clock_mono_us(clock_system()) - began_us;
}

static void end(struct store *store, void *ctx)
{
    struct backup *b = ctx;

    (void)store;
    store_backup_end(b->copy);
    b->copy = NULL;
}

/* --- on its own ------------------------------------------------------------------------------ */

/* False: nobody listens any more. A listener that is only slow misses a line. */
static bool say(const struct backup *b, const char *text)
{
    return send(b->caller, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
           errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Waits. False: whoever asked has hung up. */
static bool rest(const struct backup *b, int64_t ms)
{
    struct pollfd fd = {.fd = b->caller, .events = POLLRDHUP};

    return poll(&fd, 1, (int)ms) <= 0;
}

static bool sync_file(struct backup *b)
{
    if (fdatasync(b->file) == 0)
        return true;
    b->err = studio_error_set(&b->error, STUDIO_ERR_IO, ": the copy cannot be synced: %s",
                              strerror(errno));
    return false;
}

static bool go_on(const struct backup *b)
{
    return b->err == STUDIO_OK && !b->state.done && !atomic_load(&b->stop);
}

/* True: it is whole, and on the disk. */
static bool copy(struct backup *b)
{
    char line[64];
    int64_t told_ms = 0;
    uint64_t synced = 0;
    bool heard = true;

    while (heard && go_on(b)) {
        if (!committer_errand(b->committer, step, b))
            return false;
        const int64_t now = clock_mono(clock_system());
        if (b->err == STUDIO_OK && b->state.copied >= synced + SYNC_PAGES) {
            synced = b->state.copied;
            (void)sync_file(b);
        }
        if (now - told_ms >= TELL_MS) {
            told_ms = now;
            snprintf(line, sizeof(line), "at %llu %llu\n", (unsigned long long)b->state.copied,
                     (unsigned long long)b->state.total);
            heard = say(b, line);
        }
        if (heard && go_on(b)) {
            int64_t pause = STORE_BACKUP_STEP * STORE_BACKUP_PAGE / BYTES_PER_MS;
            if (pause < b->step_us * STEP_SHARE / 1000)
                pause = b->step_us * STEP_SHARE / 1000;
            heard = rest(b, pause);
        }
    }
    return b->err == STUDIO_OK && b->state.done && sync_file(b);
}

static void tell_end(struct backup *b, bool whole)
{
    char line[sizeof(b->error.text) + 16];

    if (whole)
        snprintf(line, sizeof(line), "ok %s %llu", b->state.epoch,
                 (unsigned long long)b->state.last_seq);
    else
        snprintf(line, sizeof(line), "error %s",
                 b->err == STUDIO_OK ? "the agent is stopping" : b->error.text);
    (void)say(b, line);
    if (whole)
        log_info("store", "copied, up to event %llu", (unsigned long long)b->state.last_seq);
    else
        log_warn("store", "a copy was not finished: %s",
                 b->err != STUDIO_OK     ? b->error.text
                 : atomic_load(&b->stop) ? "the agent is stopping"
                                         : "whoever asked for it has gone");
}

static void run(void *ctx)
{
    struct backup *b = ctx;
    bool whole = committer_errand(b->committer, begin, b) && b->err == STUDIO_OK && copy(b);

    if (!committer_errand(b->committer, end, b))
        end(NULL, b); /* its thread has ended, nobody else uses the store */
    tell_end(b, whole);
    close(b->caller);
    close(b->file);
    atomic_store(&b->busy, false);
}

struct backup *backup_create(struct committer *committer)
{
    struct backup *b = calloc(1, sizeof(*b));

    if (b)
        b->committer = committer;
    return b;
}

bool backup_begin(struct backup *b, int caller, int file, const char **why)
{
    if (atomic_load(&b->busy)) {
        *why = "a copy is being made already";
        return false;
    }
    if (b->begun)
        worker_stop(&b->worker);
    b->caller = caller;
    b->file = file;
    b->err = STUDIO_OK;
    b->state = (struct store_backup_state){.done = false};
    atomic_store(&b->busy, true);
    b->begun = worker_start(&b->worker, run, b);
    if (!b->begun) {
        atomic_store(&b->busy, false);
        *why = "a thread cannot be started";
    }
    return b->begun;
}

void backup_destroy(struct backup *b)
{
    if (!b)
        return;
    atomic_store(&b->stop, true);
    if (b->begun)
        worker_stop(&b->worker);
    free(b);
}
