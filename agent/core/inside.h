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
    struct bridge *bridge; /* NULL: none */
    struct batch batches[2];
    struct batch *open;       /* being filled */
    struct batch *flying;     /* with the store */
    struct line line;         /* of commands */
    bool announce_due;        /* a table could not be announced for want of memory */
    struct buf text, changes; /* to print into, kept so that nothing is allocated for it */
    uint64_t last_seq;        /* newest committed event */
    struct log_limit refused_values, grants;
};

#endif
