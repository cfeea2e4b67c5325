/* hub_private.h - what the files of the hub share: hub.c who watches what, hub_push.c what they are sent. */
#ifndef AGENT_CORE_HUB_PRIVATE_H
#define AGENT_CORE_HUB_PRIVATE_H

#include "core/hub.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A watcher among those of a channel, and which of its subscriptions that is: each knows where the other
 * stands, so that to leave costs the same however many there are. */
struct place {
    struct watcher *watcher;
    size_t subscription;
};

/*
 * A channel is a name somebody watches or a table that exists; the channel "*" stands for all. Its
 * index is its bit in every watcher's pending set. Channels of neither kind are freed, and their
 * index is used again.
 */
struct channel {
    char name[STUDIO_TABLE_ID_MAX + 1];
    size_t index;
    struct studio_snapshot *snapshot; /* NULL: no such table yet */
    bool online;                      /* devices of it are connected */
    struct place *watchers;           /* in no order */
    size_t watcher_count, watcher_cap;
    uint64_t stamp; /* the hub's: the watcher looked at is subscribed */
    UT_hash_handle hh;
};

struct hub {
    struct channel *by_name;
    struct channel **by_index; /* NULL where free */
    size_t index_count, index_cap;
    size_t free_hint; /* no free index below this one */
    struct channel *all;
    size_t subscribers;
    uint64_t stamp;
};

/* NULL: nobody watches that name, and there is no such table. */
struct channel *hub_channel(struct hub *hub, const char *name);

static inline void bit_clear(struct watcher *w, size_t bit)
{
    if (bit / 64 < w->pending_words)
        w->pending[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

#endif
