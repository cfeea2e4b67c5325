/*
 * event.h - one event: what is stored, mirrored, replayed and kept as history. It exists once, from
 * the row of the store to the line on MQTT, and is shared between threads by counting references.
 */
#ifndef AGENT_MODEL_EVENT_H
#define AGENT_MODEL_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum event_kind { EVENT_CHANGE = 1, EVENT_EXCEPTION = 2 }; /* as in the store */
#define EVENT_BIT(kind) (1U << (kind))                     /* in a set of kinds */

/* Immutable, but for `seq` and `committed_us`, which its commit sets before anybody else sees the event. */
struct studio_event {
    atomic_uint refs;
    enum event_kind kind;
    bool parked;  /* a broker refused it for good */
    uint64_t seq; /* 0 until committed */
    uint64_t rev; /* of the change; for an exception the table's at that time */
    int64_t wall_ms;
    int64_t committed_us; /* monotonic; 0: it is not committed, or was in an earlier run */
    const char *table_id;
    const char *body; /* after the head, from `"table_id"` to the final `}` (protocol/document.h) */
    size_t body_len;
};
/* Takes its own reference if it keeps the event; false stops. */
typedef bool studio_event_fn(void *ctx, struct studio_event *event);
/* Takes references to those it keeps. */
typedef void studio_events_fn(void *ctx, struct studio_event *const *events, size_t count);

/* One block with a copy of the strings; the one reference is the caller's. NULL: out of memory. */
struct studio_event *studio_event_create(enum event_kind kind, const char *table_id, uint64_t rev,
                                         int64_t wall_ms, const char *body, size_t body_len);
/* Any thread. unref frees with the last reference; NULL does nothing. */
struct studio_event *studio_event_ref(struct studio_event *event);
void studio_event_unref(struct studio_event *event);

/* Appends it as clients get it, JSON; with `replay` it says so. */
void studio_event_print(struct buf *out, const struct studio_event *event, const char *epoch,
                        bool replay);

#endif
