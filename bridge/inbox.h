/*
 * inbox.h - what the net thread hands over, until the bridge thread takes it. Bounded: events by
 * number and bytes (what does not fit is read from the store later), tables and presence by one
 * newest value each.
 */
#ifndef BRIDGE_INBOX_H
#define BRIDGE_INBOX_H

#include <pthread.h>

#include "feed.h"
#include "studio/status.h"

struct inbox_entry;

struct inbox {
    pthread_mutex_t lock;
    bool ready;
    struct feed_list events;
    uint64_t committed;          /* newest event handed over, kept or not */
    struct inbox_entry *entries; /* by table id; bounded by the number of tables */
    struct inbox_entry *news_head, *news_tail;
};

STUDIO_MUST_USE enum studio_err inbox_init(struct inbox *in, uint64_t committed);
void inbox_finish(struct inbox *in);

/* Net thread. */
void inbox_events(struct inbox *in, const struct bridge_event *events, size_t count);
STUDIO_MUST_USE enum studio_err inbox_table(struct inbox *in, struct studio_snapshot *snapshot);
STUDIO_MUST_USE enum studio_err inbox_presence(struct inbox *in, const char *table_id,
                                               const char *json);

/* Bridge thread. All events waiting, and the newest event there is. */
struct feed_list inbox_take_events(struct inbox *in, uint64_t *committed);

/* One table's news; the receiver owns what is set. */
struct inbox_news {
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    struct studio_snapshot *snapshot; /* NULL: nothing new */
    bool has_presence;
    char *presence; /* NULL: to be cleared */
};
bool inbox_take_news(struct inbox *in, struct inbox_news *out);

#endif
