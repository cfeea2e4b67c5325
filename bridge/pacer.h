/*
 * pacer.h - who may publish now: each member at most once per interval, the newest wins.
 *
 *              mark                        next
 *     IDLE ───────────► READY ───────────────────────► COOLING
 *      ▲                  ▲                             │   │
 *      └──────────────────┼── interval over, no news ───┘   │ mark: news = true
 *                         └── interval over, news ◄─────────┘
 *
 * The cooling list is in order of the last publication, so its head is the next to be released: no
 * timer per member. `backfill` members (all of them, after a new connection) give way to fresh ones
 * but are never starved; they may be spread over a time. Not thread-safe; members are embedded in the caller's structs.
 */
#ifndef BRIDGE_PACER_H
#define BRIDGE_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pacer_state { PACER_IDLE, PACER_FRESH, PACER_BACKFILL, PACER_COOLING };

struct pacer_node {
    struct pacer_node *prev, *next;
    enum pacer_state state;
    bool news; /* while cooling */
    int64_t last_ms;
};

struct pacer_list {
    struct pacer_node *head, *tail;
};

struct pacer {
    int64_t interval_ms;
    struct pacer_list fresh, backfill, cooling;
    unsigned turn; /* fresh ones taken since the last of the backfill */
    int64_t spread_until_ms, spread_gap_ms, spread_due_ms; /* of the backfill */
};

enum { PACER_FRESH_PER_BACKFILL = 3, PACER_NEVER_DEADLINE = -1 };

void pacer_init(struct pacer *p, int64_t interval_ms);
/* The member has something newer to say. */
void pacer_mark(struct pacer *p, struct pacer_node *node);
/* The member is to be said again, after those with news. */
void pacer_mark_backfill(struct pacer *p, struct pacer_node *node);
/* From now on one of the backfill each `gap_ms`, the first after `first_ms`; from `until_ms` on all that are left. */
void pacer_spread(struct pacer *p, int64_t now_ms, int64_t first_ms, int64_t gap_ms,
                  int64_t until_ms);
/* The member's interval starts now; when it is over it has news. */
void pacer_postpone(struct pacer *p, struct pacer_node *node, int64_t now_ms);
/* Forgets the state of one member. */
void pacer_remove(struct pacer *p, struct pacer_node *node);
/* Takes the next member that may publish now, NULL if none; its interval starts. */
struct pacer_node *pacer_next(struct pacer *p, int64_t now_ms);
/* True if pacer_next would give one. */
bool pacer_ready(struct pacer *p, int64_t now_ms);
/* When the next cooling member is released, or one of a spread backfill is due; PACER_NEVER_DEADLINE if none is
 * waited for. */
int64_t pacer_deadline(const struct pacer *p);

#endif
