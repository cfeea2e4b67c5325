/* rows.h - what is measured, a row of the table each, and what it is to reach. */
#ifndef TESTS_BENCH_ROWS_H
#define TESTS_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/server.h"
#include "support/siege.h"

enum { SCALES = 4, BACKLOGS = 3, GOALS_MAX = 4 };

/* How much of everything. */
struct sizes {
    double seconds;
    size_t writers, idle, few, many, tables, storm, boards;
    size_t backlog[BACKLOGS], scale[SCALES]; /* the curves: each ten times the one before */
};

/* Of a load that keeps a window open. */
enum { RATE, RATE_CPU, RATE_P50, RATE_P99, RATE_ROWS };
/* Of a load at a rate. */
enum { PACED_CPU, ANSWER_P50, ANSWER_P99, ARRIVAL_P50, ARRIVAL_P99, PACED_ROWS };
enum { CHANGE_MS, CHANGE_CPU, CHANGE_ROWS };
enum { BACKLOG_FILL, BACKLOG_START, BACKLOG_RATE, BACKLOG_ROWS };
enum { SCALE_COST, SCALE_START, SCALE_MEMORY, SCALE_ROWS };
/* Of a siege: held against the same server before it. */
enum { SIEGE_CAME, SIEGE_ANSWERS, SIEGE_P99, SIEGE_SLOWER, SIEGE_OWN, SIEGE_ROWS };

enum row {
    ROW_WINDOW_1,
    ROW_WINDOW_16 = ROW_WINDOW_1 + RATE_ROWS,
    ROW_200 = ROW_WINDOW_16 + RATE_ROWS,
    ROW_1000,
    ROW_4000,
    ROW_2000,
    ROW_3000 = ROW_2000 + PACED_ROWS,
    ROW_FRESH_P50 = ROW_3000 + PACED_ROWS,
    ROW_FRESH_P99,
    ROW_IDLE_MEMORY,
    ROW_IDLE_1,
    ROW_IDLE_16 = ROW_IDLE_1 + RATE_ROWS,
    ROW_IDLE_2000 = ROW_IDLE_16 + RATE_ROWS,
    ROW_BOARDS = ROW_IDLE_2000 + PACED_ROWS,
    ROW_FEW = ROW_BOARDS + RATE_ROWS,
    ROW_MANY = ROW_FEW + CHANGE_ROWS,
    ROW_TABLE_MEMORY = ROW_MANY + CHANGE_ROWS,
    ROW_BACKLOG,
    ROW_STORM_SECONDS = ROW_BACKLOG + BACKLOGS * BACKLOG_ROWS,
    ROW_STORM_REFUSED,
    ROW_SCALE,
    ROW_SIEGE = ROW_SCALE + SCALES * SCALE_ROWS,
    ROW_SYNC = ROW_SIEGE + SIEGE_KINDS * SIEGE_ROWS,
    ROWS,
};

enum against { NONE, PEER, OWN, ITSELF }; /* a peer's same row, an own other row, a number */

struct goal {
    enum against against;
    bool at_least; /* else at most */
    double ratio;
    unsigned what; /* the server or the row */
    const char *unit;
    enum server_kind whose; /* the agent's unless told */
};

struct row_info {
    const char *name; /* %s: the size below, as in 10,000 */
    size_t size;      /* its offset in struct sizes; 0: none */
    struct goal goals[GOALS_MAX];
};
extern const struct row_info row_infos[ROWS];

struct value {
    bool there;
    double median, least, most;
};

/* Owned by the caller (free()). */
char *row_name(enum row row, const struct sizes *sizes);

/* As in `≥ 1.3 × node` (free()). */
char *goal_text(const struct goal *goal, const struct sizes *sizes);

/* The agent's value divided by the one it is held against; false when one of them is not there. */
bool goal_ratio(const struct goal *goal, enum row row,
                const struct value values[ROWS][SERVER_KINDS], double *ratio);
bool goal_met(const struct goal *goal, double ratio);

#endif
