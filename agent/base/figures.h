/*
 * figures.h - what an agent counts: one row each, from which everything that shows figures comes.
 *
 * A figure is written by the thread it belongs to and read by any.
 */
#ifndef AGENT_BASE_FIGURES_H
#define AGENT_BASE_FIGURES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum figure_kind {
    FIGURE_GAUGE,  /* as it is now */
    FIGURE_COUNTER /* grows, from 0 at the start */
};

/* name, kind, unit ("" for a plain number), what it tells */
#define FIGURES_MAP(ROW)                                                                           \
    ROW(committed, GAUGE, "", "number of the newest durable event")                                \
    ROW(tables, GAUGE, "tables", "tables known")                                                   \
    ROW(clients, GAUGE, "connections", "clients that have authenticated")                          \
    ROW(subscribers, GAUGE, "connections", "clients that watch a table")                           \
    ROW(updates, COUNTER, "updates", "updates accepted and durable")                               \
    ROW(refused, COUNTER, "messages", "messages answered with an error")                           \
    ROW(parked_events, COUNTER, "events", "events a broker does not take, kept for replay")        \
    ROW(parked_retained, COUNTER, "messages", "retained messages a broker hangs up on")            \
    ROW(parked_answers, COUNTER, "messages", "answers a broker hangs up on")                       \
    ROW(parked_replays, COUNTER, "messages", "replays a broker hangs up on")                       \
    ROW(parked_agent, COUNTER, "messages", "words of the agent a broker hangs up on")              \
    ROW(closed_silent, COUNTER, "connections", "clients cut off for silence")                      \
    ROW(closed_slow, COUNTER, "connections", "clients cut off for not reading")                    \
    ROW(store_writable, GAUGE, "", "1: the last write reached the disk")                           \
    ROW(mirror, GAUGE, "", "1: a broker is configured")                                            \
    ROW(broker_connected, GAUGE, "", "1: connected to one of them")                                \
    ROW(stopping, GAUGE, "", "1: the agent is about to end")

struct figures {
#define FIGURES_MEMBER(name, kind, unit, help) atomic_uint_fast64_t name;
    FIGURES_MAP(FIGURES_MEMBER)
#undef FIGURES_MEMBER
};

struct figure_row {
    const char *name, *unit, *help;
    enum figure_kind kind;
    size_t offset; /* in struct figures */
};
extern const struct figure_row figure_rows[];
extern const size_t figure_count;

uint64_t figure_value(const struct figures *figures, const struct figure_row *row);

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

#endif
