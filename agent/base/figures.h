/*
 * figures.h - what an agent counts: one row each, from which everything that shows figures comes.
 *
 * A figure is written by the thread it belongs to and read by any. What is told apart by a label (updates
 * by how they came) is a set: one figure for each value of the label.
 */
#ifndef AGENT_BASE_FIGURES_H
#define AGENT_BASE_FIGURES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "studio/error.h"

enum figure_kind {
    FIGURE_GAUGE,   /* as it is now */
    FIGURE_COUNTER, /* grows, from 0 at the start */
    FIGURE_STATE    /* what parts of the agent tell each other: not to be shown as it stands */
};

/* The values of the labels; of `via` and `role` they are those of enum studio_via and enum role, of a
 * refusal's reason those of enum studio_err. */
enum { FIGURE_VIAS = 3, FIGURE_ROLES = 3 };
enum figure_login {
    LOGIN_ACCEPTED,
    LOGIN_MISSING,     /* no id, no token */
    LOGIN_CREDENTIALS, /* wrong ones */
    LOGIN_TABLE,       /* an id that names no table */
    LOGIN_LIMIT,
    LOGIN_ORIGIN, /* a page of another origin */
    LOGIN_RESULTS
};
enum figure_closed {
    CLOSED_CLIENT,  /* it left, or its connection was lost */
    CLOSED_REFUSED, /* it was not let in */
    CLOSED_REVOKED, /* what let it in counts no more */
    CLOSED_MESSAGE, /* a binary frame, or one too large */
    CLOSED_LIMIT,
    CLOSED_SHUTDOWN, /* the agent's */
    CLOSED_SILENT,
    CLOSED_SLOW, /* it did not read, or a message or body of its own had no end */
    CLOSED_REASONS
};
enum figure_parked {
    PARKED_EVENTS,
    PARKED_RETAINED,
    PARKED_ANSWERS,
    PARKED_REPLAYS,
    PARKED_AGENT, /* words of the agent */
    PARKED_KINDS
};

/* ROW(name, kind, unit ("" for a plain number), what it tells)
 * SET(name, kind, label, how many values it has, what it tells) */
#define FIGURES_MAP(ROW, SET)                                                                      \
    SET(updates, COUNTER, "via", FIGURE_VIAS, "updates accepted and durable")                      \
    SET(refused, COUNTER, "reason", STUDIO_ERR_COUNT,                                              \
        "messages and requests answered with an error")                                            \
    SET(connections, GAUGE, "role", FIGURE_ROLES,                                                  \
        "clients that have authenticated, of WebSocket and live streams")                          \
    ROW(subscribers, GAUGE, "", "clients that watch a table")                                      \
    SET(logins, COUNTER, "result", LOGIN_RESULTS,                                                  \
        "logins of connections and HTTP requests, and those a page of another origin tried")       \
    SET(closed, COUNTER, "reason", CLOSED_REASONS,                                                 \
        "connections and live streams that ended, and slow HTTP requests")                         \
    ROW(tables, GAUGE, "", "tables known")                                                         \
    ROW(seq, GAUGE, "", "number of the newest durable event")                                      \
    SET(parked, COUNTER, "kind", PARKED_KINDS, "messages parked, as a broker does not take them")  \
    ROW(broker_connections, COUNTER, "", "connections made to brokers")                            \
    ROW(store_bytes, GAUGE, "bytes", "size of the store, its log included")                        \
    ROW(store_writable, GAUGE, "",                                                                 \
        "1: the last write reached the disk; of a standby: the database answers")                  \
    ROW(owner, GAUGE, "", "1: the tables are this process's; 0: a standby, or not sure")           \
    ROW(standbys, GAUGE, "", "standbys that wait for them, of an agent in a database")             \
    ROW(takeovers, COUNTER, "", "times it took them from another process")                         \
    ROW(losses, COUNTER, "", "times another process took them, or they were handed over")          \
    ROW(mirror, STATE, "", "1: a broker is configured")                                            \
    ROW(broker, STATE, "", "number in the list of the one it is connected to, from 1; 0: none")    \
    ROW(acked_seq, STATE, "", "every event up to it is acknowledged by a broker")                  \
    ROW(waiting_since, STATE, "ms", "when the oldest event that waits came, monotonic; 0: none")   \
    ROW(exposed, STATE, "", "1: tokens can be read on their way, the port is open without TLS")    \
    ROW(started, STATE, "ms", "when all began to be counted, wall clock")                          \
    ROW(stopping, STATE, "", "1: the agent is about to end")                                       \
    ROW(tls_ends, STATE, "s", "when the certificate ends, wall clock; 0: there is none")           \
    ROW(tls_refused, STATE, "", "1: it is not the one in the files, which is wrong")

/* ROW(name, what it tells): in seconds, shown with that behind the name */
#define HISTOGRAMS_MAP(ROW)                                                                        \
    ROW(commit, "a batch of updates on its way to the disk")                                       \
    ROW(answer, "from a message to its answer")                                                    \
    ROW(publish, "from an event's commit to its acknowledgement by the broker")

struct figures {
#define FIGURES_MEMBER(name, kind, unit, help)       atomic_uint_fast64_t name;
#define FIGURES_SET(name, kind, label, values, help) atomic_uint_fast64_t name[values];
    FIGURES_MAP(FIGURES_MEMBER, FIGURES_SET)
#undef FIGURES_MEMBER
#undef FIGURES_SET
#define FIGURES_HISTOGRAM(name, help) struct histogram name;
    HISTOGRAMS_MAP(FIGURES_HISTOGRAM)
#undef FIGURES_HISTOGRAM
};

struct figure_row {
    const char *name, *unit, *help;
    const char *label; /* NULL: it is one figure */
    /* The label's values, as many as the set has; NULL: that one is not shown. */
    const char *const *words;
    size_t count;
    enum figure_kind kind;
    size_t offset; /* in struct figures */
};
extern const struct figure_row figure_rows[];
extern const size_t figure_count;

struct histogram_row {
    const char *name, *help;
    size_t offset; /* in struct figures */
};
extern const struct histogram_row histogram_rows[];
extern const size_t histogram_count;

/* The i-th figure of a row's set; 0: of a row that is none, the figure itself. */
uint64_t figure_value(const struct figures *figures, const struct figure_row *row, size_t i);
const struct histogram *figure_histogram(const struct figures *figures,
                                         const struct histogram_row *row);

/* What a login that ended with this is counted as. */
enum figure_login figure_login(enum studio_err err);

static inline void figure_set(atomic_uint_fast64_t *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

static inline void figure_add(atomic_uint_fast64_t *figure, uint64_t more)
{
    atomic_fetch_add_explicit(figure, more, memory_order_relaxed);
}

static inline void figure_drop(atomic_uint_fast64_t *figure, uint64_t less)
{
    atomic_fetch_sub_explicit(figure, less, memory_order_relaxed);
}

static inline uint64_t figure_get(const atomic_uint_fast64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

/* A whole set. */
uint64_t figure_sum(const atomic_uint_fast64_t *set, size_t count);
#define FIGURE_SUM(set) figure_sum(set, sizeof(set) / sizeof((set)[0]))

#endif
