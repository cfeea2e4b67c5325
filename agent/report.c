#include "report.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/figures.h"
#include "base/log.h"
#include "service.h"

typedef unsigned long long number;

static void print_broker(const struct figures *f, char *out, size_t size)
{
    const uint64_t acked = figure_get(&f->acked_seq), seq = figure_get(&f->seq);

    if (!figure_get(&f->mirror))
        snprintf(out, size, "no broker configured");
    else
        snprintf(out, size, "broker %s, %llu events wait for it",
                 figure_get(&f->broker) ? "connected" : "not reached",
                 (number)(seq > acked ? seq - acked : 0));
}

static void print_words(const struct figures *f, char *out, size_t size)
{
    char broker[64];

    print_broker(f, broker, sizeof(broker));
    snprintf(out, size, "%llu tables, %llu connections, %s%s", (number)figure_get(&f->tables),
             (number)FIGURE_SUM(f->connections), broker,
             figure_get(&f->store_writable) ? "" : "; the store cannot write, updates are refused");
}

/* The store's thread goes round; the log says when it does not any more, and when it does again. */
static bool store_alive(struct report *r, int64_t now_ms, int64_t store_ms)
{
    const bool silent = now_ms - store_ms > STORE_PATIENCE_MS;

    if (silent && !r->silent)
        log_error("store",
                  "its thread has been at one thing for %d s: the service manager gets no "
                  "sign of life until it is done with it",
                  STORE_PATIENCE_MS / 1000);
    else if (!silent && r->silent)
        log_info("store", "its thread goes on");
    r->silent = silent;
    return !silent;
}

void report_tick(struct report *r, int64_t now_ms, int64_t store_ms)
{
    char words[sizeof(r->words)], space[sizeof(words) + 64];
    struct buf lines;

    if (!r->service)
        return;
    const bool alive =
        r->service->watchdog_ms > 0 && store_alive(r, now_ms, store_ms) && now_ms >= r->alive_at;
    const bool looked = now_ms >= r->words_at;

    buf_init_fixed(&lines, space, sizeof(space));
    if (!r->ready)
        buf_str(&lines, "READY=1\n");
    if (alive)
        buf_str(&lines, "WATCHDOG=1\n");
    if (looked) {
        if (r->standby)
            snprintf(words, sizeof(words), "%s", r->standby);
        else
            print_words(r->figures, words, sizeof(words));
        if (strcmp(words, r->words) != 0)
            buf_printf(&lines, "STATUS=%s\n", words);
    }
    if (lines.len > 0 && !service_tell(r->service, lines.data, false))
        return; /* the next tick tries again */
    r->ready = true;
    if (alive)
        r->alive_at = now_ms + r->service->watchdog_ms / 4;
    if (looked) {
        memcpy(r->words, words, sizeof(r->words));
        r->words_at = now_ms + REPORT_WORDS_MS;
    }
}

void report_stop(const struct report *r)
{
    (void)service_tell(r->service, "STOPPING=1\nSTATUS=stopping", false);
}
