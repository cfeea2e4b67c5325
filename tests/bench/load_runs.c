/* load_runs.c - what the clients do: the measurements of load.h. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/load_inside.h"
#include "support/deadline.h"
#include "support/http.h"

static struct conn *writer_of(struct load *l, uint64_t n)
{
    return &l->conns[l->writers[n % l->writer_count]];
}

/* Serves until `end`; without a window, sends what is due by then. */
static void drive(struct load *l, const struct load_plan *plan, int64_t end)
{
    int64_t start = load_now();
    uint64_t sent = 0;
    l->window = plan->window;
    for (size_t i = 0; plan->window > 0 && i < l->writer_count; i++)
        load_send(l, writer_of(l, i), plan->window);
    for (int64_t now = start; now < end; now = load_now()) {
        uint64_t due = (uint64_t)((double)(now - start) / (double)SECOND * plan->rate);
        for (; plan->window == 0 && sent < due; sent++)
            load_send(l, writer_of(l, sent), 1);
        load_serve(l, 1);
    }
    l->window = 0;
}

bool load_all_here(const struct load *l)
{
    for (size_t i = 0; i < l->writer_count; i++) {
        const struct writer *w = l->conns[l->writers[i]].writer;
        if (w->answered < w->sent || (l->listener && w->arrived < w->sent))
            return false;
    }
    return true;
}

static void finish(struct load *l)
{
    int64_t deadline = now_ms() + 4 * WAIT_MS;
    while (!load_all_here(l)) {
        load_serve(l, 100);
        if (now_ms() > deadline)
            test_fail("answers or events are missing two minutes after the last update");
    }
}

struct scraper {
    uint16_t port;
    atomic_bool end;
    pthread_t thread;
};

static void *scrape(void *arg)
{
    struct scraper *s = arg;
    for (unsigned i = 0; !atomic_load(&s->end); i++) {
        if (i % 20 == 0) {
            struct http_answer answer = http_get(s->port, "/metrics");
            if (answer.status != 200)
                test_fail("/metrics was answered %d", answer.status);
            http_answer_finish(&answer);
        }
        usleep(50 * 1000);
    }
    return NULL;
}

static void scraper_start(struct scraper *s, uint16_t port)
{
    s->port = port;
    atomic_init(&s->end, false);
    if (pthread_create(&s->thread, NULL, scrape, s) != 0)
        test_fail("no thread to ask for metrics");
}

static void scraper_stop(struct scraper *s)
{
    atomic_store(&s->end, true);
    pthread_join(s->thread, NULL);
}

void load_run(struct load *l, const struct load_plan *plan, struct load_result *result)
{
    struct scraper scraper;
    memset(result, 0, sizeof *result);
    if (plan->scraped)
        scraper_start(&scraper, l->port);
    if (!plan->cold) {
        drive(l, plan, load_now() + SECOND / 2);
        finish(l);
    }
    int64_t start = load_now();
    double cpu = load_cpu(l->pid);
    l->result = result;
    drive(l, plan, start + (int64_t)(plan->seconds * (double)SECOND));
    finish(l);
    l->result = NULL;
    result->seconds = (double)(load_now() - start) / (double)SECOND;
    result->cpu_seconds = load_cpu(l->pid) - cpu;
    if (plan->scraped)
        scraper_stop(&scraper);
}

/* One change, to the last watcher; returns the nanoseconds. */
static int64_t change(struct load *l, size_t watchers)
{
    struct conn *c = writer_of(l, 0);
    int64_t start = load_now(), deadline = now_ms() + WAIT_MS;
    uint64_t wanted = l->pushes + watchers;
    load_send(l, c, 1);
    while (l->pushes < wanted || c->writer->answered < c->writer->sent) {
        load_serve(l, 100);
        if (now_ms() > deadline)
            test_fail("a watcher did not hear of a change in half a minute");
    }
    return load_now() - start;
}

void load_changes(struct load *l, double seconds, struct load_changes *result)
{
    size_t watchers = l->ready - l->writer_count;
    memset(result, 0, sizeof *result);
    for (int i = 0; i < 3; i++)
        change(l, watchers);
    int64_t end = load_now() + (int64_t)(seconds * (double)SECOND);
    double cpu = load_cpu(l->pid);
    while (load_now() < end || result->changes < 3) {
        histogram_add(&result->last, change(l, watchers));
        result->changes++;
        result->pushes += watchers;
    }
    result->cpu_seconds = load_cpu(l->pid) - cpu;
}

void load_fill(struct load *l, unsigned window, uint64_t count)
{
    uint64_t answered = 0;
    l->window = window;
    for (size_t i = 0; i < l->writer_count; i++)
        load_send(l, writer_of(l, i), window);
    while (answered < count) {
        load_serve(l, 100);
        answered = 0;
        for (size_t i = 0; i < l->writer_count; i++)
            answered += writer_of(l, i)->writer->answered;
    }
    l->window = 0;
    finish(l);
}

void load_tables(struct load *l, size_t first, size_t count)
{
    size_t next = 0;
    struct conn *slots = l->conns + l->count;
    int64_t deadline = now_ms() + 20 * WAIT_MS;
    l->tables_done = 0;
    if (l->count + CONNECTING_MAX > CONNS_MAX)
        test_fail("no room for the clients of new tables");
    while (l->tables_done < count) {
        for (size_t i = 0; i < CONNECTING_MAX; i++) {
            struct conn *c = &slots[i];
            if (c->fd >= 0 || next == count)
                continue;
            c->tabled = true;
            c->number = first + next++;
            snprintf(c->client.table, sizeof c->client.table, "T-%zu", c->number);
            snprintf(c->client.device, sizeof c->client.device, "d");
            load_open(l, c, 0);
        }
        load_serve(l, 100);
        if (now_ms() > deadline)
            test_fail("only %zu of %zu tables in ten minutes", l->tables_done, count);
    }
}

void load_reconnect(struct load *l, struct load_storm *result)
{
    size_t wanted = l->count;
    for (size_t i = 0; i < wanted; i++)
        load_close(l, &l->conns[i]);
    load_settle(l);
    l->storming = true;
    l->refused = 0;
    int64_t start = load_now(), deadline = now_ms() + 2 * WAIT_MS;
    for (size_t i = 0; i < wanted; i++)
        load_open(l, &l->conns[i], INADDR_LOOPBACK + 1 + (uint32_t)i);
    while (l->ready < wanted) {
        load_serve(l, 100);
        if (now_ms() > deadline)
            test_fail("only %zu of %zu reconnected in a minute", l->ready, wanted);
    }
    l->storming = false;
    *result = (struct load_storm){(double)(load_now() - start) / (double)SECOND, l->refused};
}

void load_settle(struct load *l)
{
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    double before, after = load_cpu(l->pid);
    do {
        int64_t until = now_ms() + 500;
        while (now_ms() < until)
            load_serve(l, 50);
        before = after;
        after = load_cpu(l->pid);
    } while (after - before > 0.015 && now_ms() < deadline);
}
