/*
 * snapshot.h - one table as it is after a change: immutable, printed once, shared by the store's row,
 * the watchers and the bridge by counting references.
 */
#ifndef AGENT_MODEL_SNAPSHOT_H
#define AGENT_MODEL_SNAPSHOT_H

#include <stdatomic.h>

#include "model/state.h"

/* Free bytes before `push`, for the frame header a WebSocket library writes in place (net thread). */
enum { SNAPSHOT_HEADROOM = 16 };

struct studio_snapshot_field {
    const char *name;
    const char *text; /* the payload of its topic: `up`, `true`, JSON for custom fields */
};

struct studio_snapshot {
    atomic_uint refs;
    uint64_t rev;
    bool removed; /* the table was removed: no fields, no document, only rev counts */
    const char *table_id;
    const char *document; /* a part of `push` */
    size_t document_len;
    const char *push; /* {"event":"status","data":<document>} */
    size_t push_len;
    size_t field_count;
    const struct studio_snapshot_field *fields; /* the settable ones in document order, then the
                                                   custom ones */
    struct table_state state;                   /* owns what the fields point to */
};

/* A push as text, and where the document lies in it. */
struct snapshot_text {
    const char *push;
    size_t push_len, document_at, document_len;
};

/* One reference, the caller's; `state` is moved from. `text` NULL: the table was removed. NULL: out
 * of memory, and `state` is as before. */
struct studio_snapshot *studio_snapshot_create(const char *table_id, struct table_state *state,
                                               const struct snapshot_text *text);
/* Any thread. unref frees with the last reference; NULL does nothing. */
struct studio_snapshot *studio_snapshot_ref(struct studio_snapshot *snapshot);
void studio_snapshot_unref(struct studio_snapshot *snapshot);

#endif
