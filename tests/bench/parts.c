/* parts.c - how each row is measured. */
#include "bench/parts.h"

#include <poll.h>
#include <stdlib.h>

#include "bench/listener.h"
#include "bench/load.h"
#include "bench/load_inside.h"
#include "support/broker.h"
#include "support/deadline.h"

void column_set(struct column *c, unsigned row, double value)
{
    c->has[row] = true;
    c->value[row] = value;
}

static double per(double seconds, uint64_t count)
{
    return count > 0 ? seconds / (double)count * 1e6 : 0;
}

static struct load *load_on(const struct server *s)
{
    return load_create(s->port, s->pid, s->wire);
}

static struct load *writers_on(const struct server *s, const struct sizes *sizes)
{
    struct load *load = load_on(s);
    if (s->broker_port)
        load_listen(load, s->broker_port);
    load_connect(load, LOAD_WRITER, sizes->writers);
    return load;
}

static void run_window(struct column *c, struct load *load, unsigned row, unsigned window,
                       const struct sizes *sizes)
{
    const struct load_plan plan = {
        .seconds = sizes->seconds, .window = window, .scraped = row == ROW_BOARDS};
    struct load_result *r = test_alloc(sizeof *r);
    load_run(load, &plan, r);
    column_set(c, row + RATE, (double)r->answers / r->seconds);
    column_set(c, row + RATE_CPU, per(r->cpu_seconds, r->answers));
    column_set(c, row + RATE_P50, histogram_ms(&r->answer, 0.5));
    column_set(c, row + RATE_P99, histogram_ms(&r->answer, 0.99));
    free(r);
}

static void run_paced(struct column *c, struct load *load, unsigned row, unsigned rate,
                      const struct sizes *sizes)
{
    const struct load_plan plan = {.seconds = sizes->seconds, .rate = rate};
    const bool in_detail = row == ROW_2000 || row == ROW_3000 || row == ROW_IDLE_2000;
    struct load_result *r = test_alloc(sizeof *r);
    load_run(load, &plan, r);
    column_set(c, row + PACED_CPU, per(r->cpu_seconds, r->answers));
    if (in_detail) {
        column_set(c, row + ANSWER_P50, histogram_ms(&r->answer, 0.5));
        column_set(c, row + ANSWER_P99, histogram_ms(&r->answer, 0.99));
    }
    if (r->arrival.total > 0 && in_detail) {
        column_set(c, row + ARRIVAL_P50, histogram_ms(&r->arrival, 0.5));
        column_set(c, row + ARRIVAL_P99, histogram_ms(&r->arrival, 0.99));
    }
    free(r);
}

static void measure_window(struct column *c, enum server_kind kind, const struct part *part,
                           const struct sizes *sizes)
{
    struct server s;
    server_start(&s, kind);
    struct load *load = writers_on(&s, sizes);
    run_window(c, load, part->first, part->arg, sizes);
    load_destroy(load);
    server_stop(&s);
}

static void measure_paced(struct column *c, enum server_kind kind, const struct part *part,
                          const struct sizes *sizes)
{
    struct server s;
    server_start(&s, kind);
    struct load *load = writers_on(&s, sizes);
    load_settle(load);
    run_paced(c, load, part->first, part->arg, sizes);
    load_destroy(load);
    server_stop(&s);
}

static void measure_fresh(struct column *c, enum server_kind kind, const struct part *part,
                          const struct sizes *sizes)
{
    const struct load_plan plan = {.seconds = 1, .rate = part->arg, .cold = true};
    struct server s;
    struct load_result *r = test_alloc(sizeof *r);
    server_start(&s, kind);
    struct load *load = writers_on(&s, sizes);
    load_run(load, &plan, r);
    column_set(c, ROW_FRESH_P50, histogram_ms(&r->arrival, 0.5));
    column_set(c, ROW_FRESH_P99, histogram_ms(&r->arrival, 0.99));
    load_destroy(load);
    server_stop(&s);
    free(r);
}

static void measure_idle(struct column *c, enum server_kind kind, const struct part *part,
                         const struct sizes *sizes)
{
    struct server s;
    server_start(&s, kind);
    struct load *load = load_on(&s);
    load_settle(load);
    double before = load_memory(s.pid);
    load_connect(load, LOAD_IDLE, sizes->idle);
    load_settle(load);
    column_set(c, ROW_IDLE_MEMORY, (load_memory(s.pid) - before) / 1024 / (double)sizes->idle);
    if (s.broker_port)
        load_listen(load, s.broker_port);
    load_connect(load, LOAD_WRITER, sizes->writers);
    run_paced(c, load, ROW_IDLE_2000, part->arg, sizes);
    run_window(c, load, ROW_IDLE_1, 1, sizes);
    run_window(c, load, ROW_IDLE_16, 16, sizes);
    load_destroy(load);
    server_stop(&s);
}

static void measure_boards(struct column *c, enum server_kind kind, const struct part *part,
                           const struct sizes *sizes)
{
    struct server s;
    server_start(&s, kind);
    struct load *load = writers_on(&s, sizes);
    load_connect(load, LOAD_BOARD, sizes->boards);
    run_window(c, load, part->first, part->arg, sizes);
    load_destroy(load);
    server_stop(&s);
}

static void measure_change(struct column *c, enum server_kind kind, const struct part *part,
                           const struct sizes *sizes)
{
    struct server s;
    struct load_changes *r = test_alloc(sizeof *r);
    server_start(&s, kind);
    struct load *load = load_on(&s);
    load_connect(load, LOAD_FAN_WRITER, 1);
    load_connect(load, LOAD_SUBSCRIBER, part->first == ROW_FEW ? sizes->few : sizes->many);
    load_settle(load);
    load_changes(load, sizes->seconds, r);
    column_set(c, part->first + CHANGE_MS, histogram_ms(&r->last, 0.5));
    column_set(c, part->first + CHANGE_CPU, per(r->cpu_seconds, r->pushes));
    load_destroy(load);
    server_stop(&s);
    free(r);
}

static void measure_tables(struct column *c, enum server_kind kind, const struct part *part,
                           const struct sizes *sizes)
{
    struct server s;
    server_start(&s, kind);
    struct load *load = load_on(&s);
    load_settle(load);
    double before = load_memory(s.pid);
    load_tables(load, 0, sizes->tables);
    load_settle(load);
    column_set(c, part->first, (load_memory(s.pid) - before) / 1024 / (double)sizes->tables);
    load_destroy(load);
    server_stop(&s);
}

/* listener_fn */
static void count_event(void *user, unsigned long table, uint64_t rev)
{
    (void)table;
    ++*(uint64_t *)user;
    (void)rev;
}

/* Events per second from here until so many have arrived. */
static double drain(struct listener *listener, const uint64_t *arrived, uint64_t count)
{
    int64_t start = load_now(), deadline = now_ms() + 20 * WAIT_MS;
    while (*arrived < count) {
        struct pollfd fd = {.fd = listener_fd(listener), .events = POLLIN};
        if (poll(&fd, 1, 1000) > 0)
            listener_read(listener);
        if (now_ms() > deadline)
            test_fail("only %llu of %llu events in ten minutes", (unsigned long long)*arrived,
                      (unsigned long long)count);
    }
    return (double)count / ((double)(load_now() - start) / (double)SECOND);
}

static void measure_library(struct column *c, const struct part *part, size_t events)
{
    struct server s;
    uint64_t arrived = 0;
    server_start(&s, SERVER_LIBRARY);
    struct listener *listener = listener_open(s.broker_port, count_event, &arrived);
    server_publish(&s, events);
    column_set(c, part->first + BACKLOG_RATE, drain(listener, &arrived, events));
    listener_close(listener);
    server_stop(&s);
}

static void measure_backlog(struct column *c, enum server_kind kind, const struct part *part,
                            const struct sizes *sizes)
{
    struct server s;
    uint64_t arrived = 0;
    size_t events = sizes->backlog[part->arg];
    if (kind == SERVER_LIBRARY) {
        measure_library(c, part, events);
        return;
    }
    server_start_unconnected(&s, kind);
    struct load *load = load_on(&s);
    load_connect(load, LOAD_WRITER, sizes->writers);
    int64_t start = load_now();
    load_fill(load, 64, events);
    column_set(c, part->first + BACKLOG_FILL,
               (double)events / ((double)(load_now() - start) / (double)SECOND));
    load_destroy(load);
    broker_start(s.broker);
    struct listener *listener = listener_open(s.broker_port, count_event, &arrived);
    column_set(c, part->first + BACKLOG_START, server_restart(&s));
    column_set(c, part->first + BACKLOG_RATE, drain(listener, &arrived, events));
    listener_close(listener);
    server_stop(&s);
}

static void measure_storm(struct column *c, enum server_kind kind, const struct part *part,
                          const struct sizes *sizes)
{
    struct server s;
    struct load_storm r;
    (void)part;
    server_start(&s, kind);
    struct load *load = load_on(&s);
    load_connect(load, LOAD_IDLE, sizes->storm);
    load_reconnect(load, &r);
    column_set(c, ROW_STORM_SECONDS, r.seconds);
    column_set(c, ROW_STORM_REFUSED, (double)r.refused);
    load_destroy(load);
    server_stop(&s);
}

static void measure_scale(struct column *c, enum server_kind kind, const struct part *part,
                          const struct sizes *sizes)
{
    struct server s;
    size_t there = 0;
    server_start(&s, kind);
    for (unsigned i = 0; i < SCALES; i++) {
        unsigned row = part->first + i * SCALE_ROWS;
        size_t more = sizes->scale[i] - there;
        struct load *load = load_on(&s);
        double cpu = load_cpu(s.pid);
        load_tables(load, there, more);
        load_settle(load);
        column_set(c, row + SCALE_COST, per(load_cpu(s.pid) - cpu, more));
        column_set(c, row + SCALE_MEMORY, load_memory(s.pid) / (1 << 20));
        load_destroy(load);
        there = sizes->scale[i];
        column_set(c, row + SCALE_START, server_restart(&s));
    }
    server_stop(&s);
}

static void measure_sync(struct column *c, enum server_kind kind, const struct part *part,
                         const struct sizes *sizes)
{
    (void)kind;
    (void)sizes;
    column_set(c, part->first, server_sync_us());
}

#define BIT(kind)       (1U << (kind))
#define SIEGE_ROW(kind) (ROW_SIEGE + (kind)*SIEGE_ROWS)
enum {
    AGENTS = BIT(SERVER_AGENT) | BIT(SERVER_OTHER),
    MQTT = AGENTS | BIT(SERVER_NODE) | BIT(SERVER_MOSQUITTO),
    PUSHING = MQTT | BIT(SERVER_ALONE) | BIT(SERVER_PYTHON),
    ALL = PUSHING | BIT(SERVER_SYNC) | BIT(SERVER_ECHO),
};

/* One line per part reads as a table. */
/* clang-format off */
const struct part parts[] = {
    {ROW_WINDOW_1, RATE_ROWS, ALL | BIT(SERVER_DATABASE), 1, measure_window},
    {ROW_WINDOW_16, RATE_ROWS, ALL | BIT(SERVER_DATABASE), 16, measure_window},
    {ROW_200, 1, ALL, 200, measure_paced},
    {ROW_1000, 1, ALL, 1000, measure_paced},
    {ROW_2000, PACED_ROWS, ALL | BIT(SERVER_DATABASE), 2000, measure_paced},
    {ROW_3000, PACED_ROWS, AGENTS | BIT(SERVER_DATABASE), 3000, measure_paced},
    {ROW_4000, 1, ALL, 4000, measure_paced},
    {ROW_FRESH_P50, 2, MQTT, 2000, measure_fresh},
    {ROW_IDLE_MEMORY, 1 + 2 * RATE_ROWS + PACED_ROWS, ALL, 2000, measure_idle},
    {ROW_BOARDS, RATE_ROWS, AGENTS | BIT(SERVER_ALONE), 1, measure_boards},
    {ROW_FEW, CHANGE_ROWS, PUSHING, 0, measure_change},
    {ROW_MANY, CHANGE_ROWS, PUSHING, 0, measure_change},
    {ROW_TABLE_MEMORY, 1, AGENTS, 0, measure_tables},
    {ROW_BACKLOG, BACKLOG_ROWS, AGENTS, 0, measure_backlog},
    {ROW_BACKLOG + BACKLOG_ROWS, BACKLOG_ROWS, AGENTS, 1, measure_backlog},
    {ROW_BACKLOG + 2 * BACKLOG_ROWS, BACKLOG_ROWS, AGENTS | BIT(SERVER_LIBRARY), 2, measure_backlog},
    {ROW_STORM_SECONDS, 2, ALL, 0, measure_storm},
    {ROW_SCALE, SCALES * SCALE_ROWS, AGENTS, 0, measure_scale},
    {SIEGE_ROW(SIEGE_HEADERS), SIEGE_ROWS, AGENTS, SIEGE_HEADERS, measure_siege},
    {SIEGE_ROW(SIEGE_BODIES), SIEGE_ROWS, AGENTS, SIEGE_BODIES, measure_siege},
    {SIEGE_ROW(SIEGE_SILENT), SIEGE_ROWS, AGENTS, SIEGE_SILENT, measure_siege},
    {SIEGE_ROW(SIEGE_MESSAGES), SIEGE_ROWS, AGENTS, SIEGE_MESSAGES, measure_siege},
    {SIEGE_ROW(SIEGE_FLOOD), SIEGE_ROWS, AGENTS, SIEGE_FLOOD, measure_siege},
    {ROW_SYNC, 1, BIT(SERVER_SYNC), 0, measure_sync},
};
/* clang-format on */

const size_t part_count = sizeof parts / sizeof parts[0];
