/* inside.h - what the files of the core work on; nobody else includes it. */
#ifndef AGENT_CORE_INSIDE_H
#define AGENT_CORE_INSIDE_H

#include "base/clock.h"
#include "base/log.h"
#include "core/hub.h"
#include "core/item.h"
#include "core/options.h"
#include "core/presence.h"
#include "core/tables.h"

struct bridge;
struct committer;

struct core {
    struct core_options o;
    struct committer *committer;
    struct tables *tables;
    struct hub *hub;
    struct presence *presence;
    struct bridge *bridge;      /* NULL: none */
    studio_events_fn *listener; /* NULL: none */
    void *listener_ctx;
    struct batch batches[2];
    struct batch *open;       /* being filled */
    struct batch *flying;     /* with the store */
    struct line line;         /* of commands */
    bool announce_due;        /* a table could not be announced for want of memory */
    struct buf text, changes; /* to print into, kept so that nothing is allocated for it */
    uint64_t last_seq;        /* newest committed event */
    int64_t turn_us;          /* the monotonic clock in this turn; 0: not read yet */
    struct log_limit refused_values, grants;
};

/* Microseconds; read once a turn of the loop, and when a batch came back. */
static inline int64_t core_turn_us(struct core *core)
{
    if (core->turn_us == 0)
        core->turn_us = clock_mono_us(core->o.clock);
    return core->turn_us;
}

#endif
