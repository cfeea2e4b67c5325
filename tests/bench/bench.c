/*
 * bench.c - measures the agent and its peers in turn and prints one table.
 *
 * Usage: bench [--quick] [--seconds N] [--rounds N] [--only PATTERN] [--peers LIST] [--json FILE];
 * started by tests/bench/run, which says what they mean.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "support/deadline.h"

static const struct sizes usual = {.seconds = 3,
                                   .writers = 50,
                                   .idle = 10000,
                                   .few = 1000,
                                   .many = 10000,
                                   .tables = 20000,
                                   .backlog = {10000, 100000, 1000000},
                                   .storm = 10000,
                                   .boards = 50,
                                   .scale = {100, 1000, 10000, 100000}};
static const struct sizes quick = {.seconds = 1,
                                   .writers = 50,
                                   .idle = 1000,
                                   .few = 200,
                                   .many = 2000,
                                   .tables = 2000,
                                   .backlog = {500, 5000, 50000},
                                   .storm = 1000,
                                   .boards = 50,
                                   .scale = {50, 200, 800, 3200}};

struct options {
    struct sizes sizes;
    size_t rounds;
    const char *only, *peers, *json;
};

static const char *value_of(int argc, char **argv, int *i)
{
    if (*i + 1 == argc) {
        fprintf(stderr, "bench: %s needs a value\n", argv[*i]);
        exit(2);
    }
    return argv[++*i];
}

static void parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.sizes = usual, .rounds = 3};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            o->sizes = quick;
            o->rounds = 1;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            o->sizes.seconds = strtod(value_of(argc, argv, &i), NULL);
        } else if (strcmp(argv[i], "--rounds") == 0) {
            o->rounds = strtoul(value_of(argc, argv, &i), NULL, 10);
        } else if (strcmp(argv[i], "--only") == 0) {
            o->only = value_of(argc, argv, &i);
        } else if (strcmp(argv[i], "--peers") == 0) {
            o->peers = value_of(argc, argv, &i);
        } else if (strcmp(argv[i], "--json") == 0) {
            o->json = value_of(argc, argv, &i);
        } else {
            fprintf(stderr, "bench: unknown option %s\n", argv[i]);
            exit(2);
        }
    }
    if (o->sizes.seconds < 0.5 || o->sizes.seconds > 3600 || o->rounds < 1 ||
        o->rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench: --seconds is from 0.5 to 3600, --rounds from 1 to %d\n",
                ROUNDS_MAX);
        exit(2);
    }
}

/* The agent, and of its peers those in the comma-separated list; all of them without one. */
static void choose_servers(struct report *r, const char *list)
{
    for (size_t k = 0; k < SERVER_KINDS; k++) {
        const char *key = server_names[k].key;
        size_t len = strlen(key);
        bool listed = !list;
        for (const char *at = list; at && !listed;
             at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            listed = strncmp(at, key, len) == 0 && (at[len] == ',' || at[len] == '\0');
        r->there[k] = (listed || k == SERVER_AGENT || k == SERVER_OTHER) &&
                      server_available((enum server_kind)k);
    }
}

/* Those whose name matches; all of them without an expression. */
static void choose_rows(struct report *r, const char *only)
{
    bool any = false;
    regex_t expression;
    if (regcomp(&expression, only ? only : "", REG_EXTENDED | REG_NOSUB) != 0) {
        fprintf(stderr, "bench: '%s' is no regular expression\n", only);
        exit(2);
    }
    for (size_t row = 0; row < ROWS; row++) {
        char *name = row_name((enum row)row, r->sizes);
        r->shown[row] = regexec(&expression, name, 0, NULL, 0) == 0;
        any = any || r->shown[row];
        free(name);
    }
    regfree(&expression);
    if (!any) {
        fprintf(stderr, "bench: no row's name matches '%s'\n", only);
        exit(2);
    }
}

static bool wanted(const struct report *r, const struct part *part)
{
    for (unsigned i = 0; i < part->rows; i++) {
        if (r->shown[part->first + i])
            return true;
    }
    return false;
}

/* Part by part, so that a change of the machine's other work meets all servers alike; of two builds
 * each is the first in every other round. */
static void measure(const struct report *r, struct column columns[SERVER_KINDS], size_t round)
{
    for (size_t p = 0; p < part_count; p++) {
        if (!wanted(r, &parts[p]))
            continue;
        for (size_t k = 0; k < SERVER_KINDS; k++) {
            size_t kind = r->there[SERVER_OTHER] && round % 2 == 1 && k <= SERVER_OTHER
                              ? SERVER_OTHER - k
                              : k;
            if (!r->there[kind] || !(parts[p].servers & 1U << kind))
                continue;
            parts[p].measure(&columns[kind], (enum server_kind)kind, &parts[p], r->sizes);
            fputc('.', stderr);
        }
    }
    fputc('\n', stderr);
}

static double load_average(void)
{
    double load = 0;
    return getloadavg(&load, 1) == 1 ? load : -1;
}

int main(int argc, char **argv)
{
    static struct column rounds[ROUNDS_MAX][SERVER_KINDS];
    static struct report report;
    struct options o;
    parse(argc, argv, &o);
    report.sizes = &o.sizes;
    report.rounds = o.rounds;
    choose_servers(&report, o.peers);
    choose_rows(&report, o.only);
    report.load_before = load_average();
    for (size_t i = 0; i < o.rounds; i++)
        measure(&report, rounds[i], i);
    report.load_after = load_average();
    report_gather(&report, rounds);
    printf("%zu writers, %.1f s each, median of %zu; load average before %.1f, after %.1f\n\n",
           o.sizes.writers, o.sizes.seconds, o.rounds, report.load_before, report.load_after);
    report_print(&report);
    return o.json && !report_json(&report, o.json) ? 1 : 0;
}
