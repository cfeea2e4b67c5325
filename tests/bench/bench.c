/*
 * bench.c - measures the agent and its peers in turn and prints one table.
 *
 * Usage: bench [--quick] [--seconds N] [--rounds N]; started by tests/bench/run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/server.h"
#include "support/deadline.h"

enum { WRITERS = 50, FAN_RATE = 200, MQTT_RATE = 2000, ROUNDS_MAX = 15 };

struct options {
    double seconds;
    size_t idle, subscribers, rounds;
};

/* What is measured: a row of the table each. */
enum measure {
    ACTIVE_1, /* the four values of `speed` below, for each of the four loads */
    ACTIVE_16 = ACTIVE_1 + 4,
    IDLE_1 = ACTIVE_16 + 4,
    IDLE_16 = IDLE_1 + 4,
    IDLE_MEMORY = IDLE_16 + 4,
    FAN_PUSHES,
    FAN_CPU,
    FAN_P99,
    MQTT_P50,
    MQTT_P99,
    MQTT_CPU,
    MQTT_EVENTS,
    MEASURES,
};

#define SPEED(load)                                                                                \
    "updates/s, " load, "CPU per update, " load ", µs", "answer p50, " load ", ms",                \
        "answer p99, " load ", ms"

static const char *const labels[MEASURES] = {
    SPEED("window 1"),
    SPEED("window 16"),
    SPEED("window 1, idle beside"),
    SPEED("window 16, idle beside"),
    "memory per idle connection, KB",
    "fan-out, pushes/s",
    "fan-out, CPU per push, µs",
    "fan-out, answer p99, ms",
    "answer to MQTT p50, 2,000/s, ms",
    "answer to MQTT p99, 2,000/s, ms",
    "CPU per update, 2,000/s, µs",
    "events/s to MQTT, window 16",
};

struct column {
    bool there;
    bool has[MEASURES];
    double value[MEASURES];
};

static void set(struct column *c, size_t measure, double value)
{
    c->has[measure] = true;
    c->value[measure] = value;
}

static double per(double seconds, uint64_t count)
{
    return count > 0 ? seconds / (double)count * 1e6 : 0;
}

static void speed(struct column *c, size_t first, struct load *load, unsigned window,
                  const struct options *o)
{
    const struct load_plan plan = {.seconds = o->seconds, .window = window};
    struct load_result *r = test_alloc(sizeof *r);
    load_run(load, &plan, r);
    set(c, first, (double)r->answers / r->seconds);
    set(c, first + 1, per(r->cpu_seconds, r->answers));
    set(c, first + 2, histogram_ms(&r->answer, 0.5));
    set(c, first + 3, histogram_ms(&r->answer, 0.99));
    free(r);
}

static void measure_active(struct column *c, const struct server *s, const struct options *o)
{
    struct load *load = load_create(s->port, s->pid);
    load_connect(load, LOAD_WRITER, WRITERS);
    speed(c, ACTIVE_1, load, 1, o);
    speed(c, ACTIVE_16, load, 16, o);
    load_destroy(load);
}

static void measure_idle(struct column *c, const struct server *s, const struct options *o)
{
    struct load *load = load_create(s->port, s->pid);
    load_settle(load);
    double before = load_memory(s->pid);
    load_connect(load, LOAD_IDLE, o->idle);
    load_settle(load);
    set(c, IDLE_MEMORY, (load_memory(s->pid) - before) / 1024 / (double)o->idle);
    load_connect(load, LOAD_WRITER, WRITERS);
    speed(c, IDLE_1, load, 1, o);
    speed(c, IDLE_16, load, 16, o);
    load_destroy(load);
}

static void measure_fan_out(struct column *c, const struct server *s, const struct options *o)
{
    const struct load_plan plan = {.seconds = o->seconds, .rate = FAN_RATE};
    struct load_result *r = test_alloc(sizeof *r);
    struct load *load = load_create(s->port, s->pid);
    load_connect(load, LOAD_FAN_WRITER, 1);
    load_connect(load, LOAD_SUBSCRIBER, o->subscribers);
    load_settle(load);
    load_run(load, &plan, r);
    set(c, FAN_PUSHES, (double)r->pushes / r->seconds);
    set(c, FAN_CPU, per(r->cpu_seconds, r->pushes));
    set(c, FAN_P99, histogram_ms(&r->answer, 0.99));
    load_destroy(load);
    free(r);
}

static void measure_mqtt(struct column *c, const struct server *s, const struct options *o)
{
    if (s->broker_port == 0)
        return;
    const struct load_plan paced = {.seconds = o->seconds, .rate = MQTT_RATE};
    const struct load_plan full = {.seconds = o->seconds, .window = 16};
    struct load_result *r = test_alloc(sizeof *r);
    struct load *load = load_create(s->port, s->pid);
    load_listen(load, s->broker_port);
    load_connect(load, LOAD_WRITER, WRITERS);
    load_settle(load);
    load_run(load, &paced, r);
    set(c, MQTT_P50, histogram_ms(&r->arrival, 0.5));
    set(c, MQTT_P99, histogram_ms(&r->arrival, 0.99));
    set(c, MQTT_CPU, per(r->cpu_seconds, r->answers));
    load_run(load, &full, r);
    set(c, MQTT_EVENTS, (double)r->events / r->seconds);
    load_destroy(load);
    free(r);
}

/* Part by part, so that a change of the machine's other work meets all servers alike. */
static void measure(struct column columns[SERVER_KINDS], const struct options *o)
{
    static void (*const parts[])(struct column *, const struct server *, const struct options *) = {
        measure_active, measure_idle, measure_fan_out, measure_mqtt};
    struct server server;
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        for (size_t k = 0; k < SERVER_KINDS; k++) {
            columns[k].there = server_available((enum server_kind)k);
            if (!columns[k].there)
                continue;
            server_start(&server, (enum server_kind)k);
            parts[part](&columns[k], &server, o);
            server_stop(&server);
            fputc('.', stderr);
        }
    }
    fputc('\n', stderr);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Each value becomes the median over the rounds, in the first one. */
static void take_medians(struct column rounds[][SERVER_KINDS], size_t count)
{
    double values[ROUNDS_MAX];
    for (size_t k = 0; k < SERVER_KINDS; k++) {
        for (size_t m = 0; m < MEASURES; m++) {
            for (size_t r = 0; r < count; r++)
                values[r] = rounds[r][k].value[m];
            qsort(values, count, sizeof values[0], by_value);
            rounds[0][k].value[m] = values[count / 2];
        }
    }
}

static void print_value(double value)
{
    if (value >= 1000)
        printf(" %.1fk", value / 1000);
    else
        printf(value >= 100 ? " %.0f" : value >= 10 ? " %.1f" : " %.2f", value);
}

static void print_table(const struct column columns[SERVER_KINDS])
{
    const struct column *agent = &columns[SERVER_AGENT];
    printf("| |");
    for (size_t k = 0; k < SERVER_KINDS; k++) {
        if (columns[k].there)
            printf(" %s |", server_names[k]);
    }
    printf("\n|---|");
    for (size_t k = 0; k < SERVER_KINDS; k++)
        printf("%s", columns[k].there ? "---|" : "");
    for (size_t m = 0; m < MEASURES; m++) {
        printf("\n| %s |", labels[m]);
        for (size_t k = 0; k < SERVER_KINDS; k++) {
            const struct column *c = &columns[k];
            if (!c->there)
                continue;
            if (c->has[m])
                print_value(c->value[m]);
            else
                printf(" -");
            if (c != agent && c->has[m] && agent->value[m] > 0)
                printf(" (%.2f)", c->value[m] / agent->value[m]);
            printf(" |");
        }
    }
    printf("\n");
}

static void print_machine(const char *when)
{
    double load[3] = {0};
    if (getloadavg(load, 3) != 3)
        return;
    printf("%s: %ld processors, load average %.1f\n", when, sysconf(_SC_NPROCESSORS_ONLN), load[0]);
}

int main(int argc, char **argv)
{
    static struct column rounds[ROUNDS_MAX][SERVER_KINDS];
    struct options o = {.seconds = 4, .idle = 10000, .subscribers = 1000, .rounds = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            o = (struct options){.seconds = 1, .idle = 1000, .subscribers = 200, .rounds = 1};
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            o.seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            o.rounds = strtoul(argv[++i], NULL, 10);
    }
    if (o.seconds < 0.5 || o.seconds > 3600) {
        fprintf(stderr, "bench: --seconds is a number from 0.5 to 3600\n");
        return 2;
    }
    if (o.rounds < 1 || o.rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench: --rounds is a number from 1 to %d\n", ROUNDS_MAX);
        return 2;
    }
    print_machine("before");
    for (size_t r = 0; r < o.rounds; r++)
        measure(rounds[r], &o);
    take_medians(rounds, o.rounds);
    print_machine("after");
    printf("%d writers, %zu idle connections, %zu subscribers, %.1f s each, median of %zu; "
           "in brackets: the value divided by the agent's\n\n",
           WRITERS, o.idle, o.subscribers, o.seconds, o.rounds);
    print_table(rounds[0]);
    return 0;
}
