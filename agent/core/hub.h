/*
 * hub.h - who watches what: subscriptions, conflated status pushes, bounded exception queues.
 *
 * A watcher has one pending mark per table, not a queue: a slow reader gets the newest document of
 * each table and never an older one after a newer one (protocol section 3.3). One who asked for it is
 * told with each document whether devices of the table are connected, and again when that changes. Net
 * thread only.
 */
#ifndef AGENT_CORE_HUB_H
#define AGENT_CORE_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/snapshot.h"

enum {
    HUB_EXCEPTIONS_MAX = 64,     /* waiting per watcher; beyond that the oldest go */
    HUB_SUBSCRIPTIONS_MAX = 1024 /* names per watcher */
};

struct hub;
struct channel;

/* What a watcher is subscribed to, and where it stands among those who are. */
struct subscription {
    struct channel *channel;
    size_t place;
};

/* Bytes shared by all who are to get them, with SNAPSHOT_HEADROOM free bytes before `data`. */
struct frame {
    unsigned refs;
    size_t len;
    char *data;
    struct frame *next; /* for the owner of the only reference */
};
/* Takes over nothing; NULL: out of memory. */
struct frame *frame_create(const char *text, size_t len);
void frame_unref(struct frame *frame);

/* One reader. Embedded in its connection; zeroed memory is a watcher of nothing. */
struct watcher {
    /* Something to send has come up (also when it had come up before). */
    void (*want_write)(struct watcher *watcher);
    struct subscription *channels; /* in the order they were subscribed */
    size_t channel_count;
    uint64_t stamp;    /* the hub's: it has been looked at */
    uint64_t *pending; /* a bit for each channel with a document not yet sent */
    size_t pending_words;
    size_t next_bit;      /* where the search goes on, so that no table starves another */
    struct frame **queue; /* ring of HUB_EXCEPTIONS_MAX, allocated at the first exception */
    unsigned queue_head, queue_len;
    uint64_t missed;      /* exceptions dropped and not yet told */
    bool failed;          /* a push could not be marked for want of memory: close it */
    bool counted;         /* among the subscribers */
    bool presence;        /* set it: wants to know whether devices are connected */
    unsigned interval_ms; /* set it: wants its pushes so far apart; its connection sees to that */
};

/* What to send next; exactly one of the three is set. The references are the caller's. */
struct push {
    struct studio_snapshot *status;
    struct frame *frame; /* an exception, a removal, a status with presence */
    uint64_t missed;
};

struct hub *hub_create(void);
void hub_destroy(struct hub *hub);
/* Watchers with at least one subscription. */
size_t hub_subscribers(const struct hub *hub);

/* Adds names ("*" = all, later ones too). Newly covered tables that exist get a push. Errors:
 * INVALID_DATA (more than HUB_SUBSCRIPTIONS_MAX), NO_MEMORY; then nothing has changed. */
STUDIO_MUST_USE enum studio_err hub_subscribe(struct hub *hub, struct watcher *watcher,
                                              const char *const *tables, size_t count);
/* Removes names; "*" removes everything. Names not subscribed are passed over. */
void hub_unsubscribe(struct hub *hub, struct watcher *watcher, const char *const *tables,
                     size_t count);
/* Removes all and frees what the watcher holds. */
void hub_leave(struct hub *hub, struct watcher *watcher);
/* The watcher has just been sent this table's document in another way: no push of it is due. */
void hub_seen(struct hub *hub, struct watcher *watcher, const char *table_id);
/* Appends the answer `{"status":STATUS,"tables":[...]}` with the whole set, in order. */
void hub_answer(const struct watcher *watcher, const char *status, const char *request_id,
                struct buf *out);

/* The newest committed document of a table (a reference is taken), also at start for each table;
 * a removed one ends its pushes, which needs no memory. False: out of memory, the table is not announced. */
STUDIO_MUST_USE bool hub_publish(struct hub *hub, struct studio_snapshot *snapshot);
/* Whether devices of a table are connected; as long as nobody says so, none are. */
void hub_presence(struct hub *hub, const char *table_id, bool online);
/* An exception event to the watchers of a table; NULL: there was no memory for it, it is missed. */
void hub_exception(struct hub *hub, const char *table_id, struct frame *frame);

/* Takes the next thing to send: the note of lost exceptions, exceptions, then documents. False:
 * nothing waits. */
bool hub_next(struct hub *hub, struct watcher *watcher, struct push *push);
bool hub_waiting(const struct watcher *watcher);

#endif
