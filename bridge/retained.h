/*
 * retained.h - the retained messages of the tables: sent as the mirror has them, again when they were
 * refused in passing. Bridge thread.
 */
#ifndef BRIDGE_RETAINED_H
#define BRIDGE_RETAINED_H

#include "bridge_source.h"
#include "mirror.h"
#include "window.h"

enum { RETAINED_RETRY_MS = 1000 /* after a passing refusal */ };

struct retained {
    const struct bridge_source *source;
    struct window *window;
    struct mirror *mirror;
    int64_t spread_ms; /* over which all are shown */
    int64_t retry_ms;  /* none before this */
    bool listed; /* all that the agent knows to be cleared is being cleared on this connection */
    uint64_t refused; /* key of the clearing to be sent again */
    /* Taken from the mirror, and could not go yet: */
    struct mirror_entry *held; /* NULL: none */
    uint64_t key;
    char topic[TOPIC_MAX];
    struct buf payload;
    bool plain;
    unsigned expiry_s;
};

void retained_init(struct retained *r, const struct bridge_source *source, struct window *window,
                   struct mirror *mirror, int64_t spread_ms);
void retained_finish(struct retained *r);
/* A new connection: all tables are shown, what the broker may still hold of removed ones cleared. `random` bits are
 * this agent's, for the spread. */
void retained_up(struct retained *r, int64_t now_ms, uint32_t random);
bool retained_ready(const struct retained *r, int64_t now_ms);
/* Sends the next one. False: not now. */
bool retained_send(struct retained *r, int64_t now_ms);
/* One in flight ended (link.h, LINK_DONE), `key` is that of its slot. */
void retained_done(struct retained *r, struct mirror_entry *entry, uint64_t key, int reason,
                   int64_t now_ms);
/* When retained_ready may change by time alone; INT64_MAX: never. */
int64_t retained_deadline(const struct retained *r, int64_t now_ms);

#endif
