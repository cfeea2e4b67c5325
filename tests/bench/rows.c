/* rows.c - the rows and their goals. */
#include "bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"

/* One line per row reads as a table; clang-format would make three of each. */
/* clang-format off */
#define SIZE(field)           offsetof(struct sizes, field)
#define LEAST(ratio, server)  {PEER, true, (ratio), (server), NULL}
#define MOST(ratio, server)   {PEER, false, (ratio), (server), NULL}
#define LEAST_OWN(ratio, row) {OWN, true, (ratio), (row), NULL}
#define MOST_OWN(ratio, row)  {OWN, false, (ratio), (row), NULL}
#define MOST_OF(number, unit) {ITSELF, false, (number), 0, unit}
#define LEAST_NUMBER(number, unit) {ITSELF, true, (number), 0, unit}
#define MOST_THERE(number, unit)  {ITSELF, false, (number), 0, unit, SERVER_DATABASE}
#define LEAST_THERE(number, unit) {ITSELF, true, (number), 0, unit, SERVER_DATABASE}

#define WINDOW(row, n)                                                                             \
    [(row) + RATE] = {"updates/s, window " n, 0,                                                   \
        {LEAST(1.3, SERVER_NODE), LEAST(1.5, SERVER_PYTHON), LEAST(0.5, SERVER_MOSQUITTO),         \
         LEAST_THERE(3000, "a second")}},                                                          \
    [(row) + RATE_CPU] = {"CPU per update, window " n ", µs", 0, {MOST(0.8, SERVER_NODE)}},        \
    [(row) + RATE_P50] = {"answer p50, window " n ", ms", 0, {{0}}},                               \
    [(row) + RATE_P99] = {"answer p99, window " n ", ms", 0, {{0}}}

#define WINDOW_IDLE(row, n, without)                                                               \
    [(row) + RATE] = {"updates/s, window " n ", %s idle beside", SIZE(idle), {LEAST_OWN(0.9, without)}}, \
    [(row) + RATE_CPU] = {"CPU per update, window " n ", %s idle beside, µs", SIZE(idle), {{0}}},  \
    [(row) + RATE_P50] = {"answer p50, window " n ", %s idle beside, ms", SIZE(idle), {{0}}},      \
    [(row) + RATE_P99] = {"answer p99, window " n ", %s idle beside, ms", SIZE(idle), {{0}}}

#define WINDOW_BOARDS(row, n, without)                                                             \
    [(row) + RATE] = {"updates/s, window " n ", %s dashboards and a scraper beside", SIZE(boards), {LEAST_OWN(0.95, without)}}, \
    [(row) + RATE_CPU] = {"CPU per update, window " n ", %s dashboards and a scraper beside, µs", SIZE(boards), {{0}}}, \
    [(row) + RATE_P50] = {"answer p50, window " n ", %s dashboards and a scraper beside, ms", SIZE(boards), {{0}}}, \
    [(row) + RATE_P99] = {"answer p99, window " n ", %s dashboards and a scraper beside, ms", SIZE(boards), {{0}}}

#define CHANGE(row, field)                                                                         \
    [(row) + CHANGE_CPU] = {"CPU per watcher and change, %s watchers, µs", SIZE(field), {{0}}}

#define BACKLOG(i) (ROW_BACKLOG + (i) * BACKLOG_ROWS)
#define BACKLOG_STEP(i, fill, start, rate)                                                         \
    [BACKLOG(i) + BACKLOG_FILL] = {"updates/s without the broker, to %s events", SIZE(backlog[i]), {fill}}, \
    [BACKLOG(i) + BACKLOG_START] = {"start with a backlog of %s events, ms", SIZE(backlog[i]), {start}}, \
    [BACKLOG(i) + BACKLOG_RATE] = {"backlog of %s, events/s", SIZE(backlog[i]), {rate}}

#define SCALE(i) (ROW_SCALE + (i) * SCALE_ROWS)
#define SCALE_STEP(i, cost, start, memory)                                                         \
    [SCALE(i) + SCALE_COST] = {"login and first update, to %s tables, µs", SIZE(scale[i]), {cost}},    \
    [SCALE(i) + SCALE_START] = {"start with %s tables, ms", SIZE(scale[i]), {start}},              \
    [SCALE(i) + SCALE_MEMORY] = {"memory with %s tables, MB", SIZE(scale[i]), {memory}}
#define SCALE_NEXT(i)                                                                              \
    SCALE_STEP(i, MOST_OWN(1.2, SCALE((i) - 1) + SCALE_COST),                                      \
               MOST_OWN(10, SCALE((i) - 1) + SCALE_START), MOST_OWN(10, SCALE((i) - 1) + SCALE_MEMORY))

#define SIEGE(kind, what)                                                                          \
    [ROW_SIEGE + (kind) * SIEGE_ROWS + SIEGE_CAME] = {"besieged by " what ", of them a second", 0, {{0}}}, \
    [ROW_SIEGE + (kind) * SIEGE_ROWS + SIEGE_ANSWERS] = {"besieged by " what ", answers, of those before", 0, {LEAST_NUMBER(0.9, "of them")}}, \
    [ROW_SIEGE + (kind) * SIEGE_ROWS + SIEGE_P99] = {"besieged by " what ", answer p99, ms", 0, {{0}}}, \
    [ROW_SIEGE + (kind) * SIEGE_ROWS + SIEGE_SLOWER] = {"besieged by " what ", answer p99, times that before", 0, {MOST_OF(2, "times")}}, \
    [ROW_SIEGE + (kind) * SIEGE_ROWS + SIEGE_OWN] = {"besieged by " what ", answer p99, times that while another server is", 0, {MOST_OF(2, "times")}}

const struct row_info row_infos[ROWS] = {
    WINDOW(ROW_WINDOW_1, "1"),
    WINDOW(ROW_WINDOW_16, "16"),
    [ROW_200] = {"CPU per update, 200/s, µs", 0, {MOST_OF(400, "µs"), MOST(1.2, SERVER_NODE)}},
    [ROW_1000] = {"CPU per update, 1,000/s, µs", 0, {{0}}},
    [ROW_4000] = {"CPU per update, 4,000/s, µs", 0, {{0}}},
    [ROW_2000 + PACED_CPU] = {"CPU per update, 2,000/s, µs", 0, {MOST(0.8, SERVER_NODE)}},
    [ROW_2000 + ANSWER_P50] = {"answer p50, 2,000/s, ms", 0, {MOST(3, SERVER_MOSQUITTO)}},
    [ROW_2000 + ANSWER_P99] = {"answer p99, 2,000/s, ms", 0, {MOST(1, SERVER_NODE)}},
    [ROW_2000 + ARRIVAL_P50] = {"MQTT arrival p50, 2,000/s, ms", 0, {MOST(3, SERVER_MOSQUITTO)}},
    [ROW_2000 + ARRIVAL_P99] = {"MQTT arrival p99, 2,000/s, ms", 0, {MOST(1, SERVER_NODE)}},
    [ROW_3000 + PACED_CPU] = {"CPU per update, 3,000/s, µs", 0, {{0}}},
    [ROW_3000 + ANSWER_P50] = {"answer p50, 3,000/s, ms", 0, {{0}}},
    [ROW_3000 + ANSWER_P99] = {"answer p99, 3,000/s, ms", 0, {MOST_THERE(60, "ms")}},
    [ROW_3000 + ARRIVAL_P50] = {"MQTT arrival p50, 3,000/s, ms", 0, {{0}}},
    [ROW_3000 + ARRIVAL_P99] = {"MQTT arrival p99, 3,000/s, ms", 0, {{0}}},
    [ROW_FRESH_P50] = {"MQTT arrival p50, first second of new tables, ms", 0, {{0}}},
    [ROW_FRESH_P99] = {"MQTT arrival p99, first second of new tables, ms", 0, {MOST(1, SERVER_NODE)}},
    [ROW_IDLE_MEMORY] = {"memory per idle connection, KB", 0, {MOST_OF(3, "KB")}},
    WINDOW_IDLE(ROW_IDLE_1, "1", ROW_WINDOW_1),
    WINDOW_IDLE(ROW_IDLE_16, "16", ROW_WINDOW_16),
    [ROW_IDLE_2000 + PACED_CPU] = {"CPU per update, 2,000/s, %s idle beside, µs", SIZE(idle), {{0}}},
    [ROW_IDLE_2000 + ANSWER_P50] = {"answer p50, 2,000/s, %s idle beside, ms", SIZE(idle), {{0}}},
    [ROW_IDLE_2000 + ANSWER_P99] = {"answer p99, 2,000/s, %s idle beside, ms", SIZE(idle), {MOST_OWN(1.11, ROW_2000 + ANSWER_P99)}},
    [ROW_IDLE_2000 + ARRIVAL_P50] = {"MQTT arrival p50, 2,000/s, %s idle beside, ms", SIZE(idle), {{0}}},
    [ROW_IDLE_2000 + ARRIVAL_P99] = {"MQTT arrival p99, 2,000/s, %s idle beside, ms", SIZE(idle), {MOST_OWN(1.11, ROW_2000 + ARRIVAL_P99)}},
    WINDOW_BOARDS(ROW_BOARDS, "1", ROW_WINDOW_1),
    [ROW_FEW + CHANGE_MS] = {"one change until the last of %s watchers has it, ms", SIZE(few), {MOST(0.6, SERVER_NODE)}},
    CHANGE(ROW_FEW, few),
    [ROW_MANY + CHANGE_MS] = {"one change until the last of %s watchers has it, ms", SIZE(many), {MOST_OWN(10, ROW_FEW + CHANGE_MS)}},
    CHANGE(ROW_MANY, many),
    [ROW_TABLE_MEMORY] = {"memory per table, of %s with a custom field, KB", SIZE(tables), {MOST_OF(20, "KB")}},
    BACKLOG_STEP(0, {0}, {0}, {0}),
    BACKLOG_STEP(1, LEAST_OWN(0.9, BACKLOG(0) + BACKLOG_FILL), {0}, LEAST_OWN(0.9, BACKLOG(0) + BACKLOG_RATE)),
    BACKLOG_STEP(2, LEAST_OWN(0.9, BACKLOG(1) + BACKLOG_FILL), MOST_OF(1000, "ms"), LEAST(0.9, SERVER_LIBRARY)),
    [ROW_STORM_SECONDS] = {"%s connect again at once, s", SIZE(storm), {MOST_OF(3, "s")}},
    [ROW_STORM_REFUSED] = {"refused of %s that connect again at once", SIZE(storm), {MOST_OF(0, "of them")}},
    SCALE_STEP(0, {0}, {0}, {0}),
    SCALE_NEXT(1),
    SCALE_NEXT(2),
    SCALE_NEXT(3),
    SIEGE(SIEGE_HEADERS, "headers that drip"),
    SIEGE(SIEGE_BODIES, "bodies that drip"),
    SIEGE(SIEGE_SILENT, "sockets that never say who they are"),
    SIEGE(SIEGE_MESSAGES, "messages that drip"),
    SIEGE(SIEGE_HANDSHAKES, "TLS handshakes that drip"),
    SIEGE(SIEGE_FLOOD, "handshakes again and again"),
    SIEGE(SIEGE_TLS_FLOOD, "TLS handshakes again and again"),
    [ROW_SYNC] = {"fdatasync of one page, µs", 0, {{0}}},
};
/* clang-format on */

char *row_name(enum row row, const struct sizes *sizes)
{
    const struct row_info *info = &row_infos[row];
    const char *at = strstr(info->name, "%s");
    size_t n = 0;
    if (!at)
        return test_printf("%s", info->name);
    memcpy(&n, (const char *)sizes + info->size, sizeof n);
    char *number = n < 1000 ? test_printf("%zu", n)
                   : n < 1000000
                       ? test_printf("%zu,%03zu", n / 1000, n % 1000)
                       : test_printf("%zu,%03zu,%03zu", n / 1000000, n / 1000 % 1000, n % 1000);
    char *name =
        test_printf("%.*s%s%s", (int)(at - info->name), info->name, number, at + strlen("%s"));
    free(number);
    return name;
}

char *goal_text(const struct goal *goal, const struct sizes *sizes)
{
    const char *sign = goal->at_least ? "≥" : "≤";
    if (goal->against == ITSELF && goal->whose != SERVER_AGENT)
        return test_printf("%s: %s %g %s", server_names[goal->whose].key, sign, goal->ratio,
                           goal->unit);
    if (goal->against == ITSELF)
        return test_printf("%s %g %s", sign, goal->ratio, goal->unit);
    if (goal->against == PEER)
        return test_printf("%s %g × %s", sign, goal->ratio, server_names[goal->what].key);
    char *name = row_name((enum row)goal->what, sizes);
    char *text = test_printf("%s %g × (%s)", sign, goal->ratio, name);
    free(name);
    return text;
}

bool goal_ratio(const struct goal *goal, enum row row,
                const struct value values[ROWS][SERVER_KINDS], double *ratio)
{
    const struct value *own = &values[row][goal->whose];
    const struct value *other = goal->against == PEER  ? &values[row][goal->what]
                                : goal->against == OWN ? &values[goal->what][SERVER_AGENT]
                                                       : NULL;
    if (!own->there || (other && (!other->there || other->median <= 0)))
        return false;
    *ratio = other ? own->median / other->median : own->median;
    return true;
}

bool goal_met(const struct goal *goal, double ratio)
{
    return goal->at_least ? ratio >= goal->ratio : ratio <= goal->ratio;
}
