/*
 * intake.h - what the net thread hands over, until the bridge thread takes it. Bounded: events by
 * number and bytes (what does not fit is read from the store later), tables and presence by one
 * newest value each.
 */
#ifndef BRIDGE_INTAKE_H
#define BRIDGE_INTAKE_H

#include <pthread.h>

#include "feed.h"
#include "studio/status.h"

struct intake_entry;

struct intake {
    pthread_mutex_t lock;
    bool ready;
    struct feed_list events;
    uint64_t committed;          /* newest event handed over, kept or not */
    struct intake_entry *entries; /* by table id; bounded by the number of tables */
    struct intake_entry *news_head, *news_tail;
};

STUDIO_MUST_USE enum studio_err intake_init(struct intake *in, uint64_t committed);
void intake_finish(struct intake *in);

/* Net thread. */
void intake_events(struct intake *in, const struct bridge_event *events, size_t count);
STUDIO_MUST_USE enum studio_err intake_table(struct intake *in, struct studio_snapshot *snapshot);
STUDIO_MUST_USE enum studio_err intake_presence(struct intake *in, const char *table_id,
                                               const char *json);

/* Bridge thread. All events waiting, and the newest event there is. */
struct feed_list intake_take_events(struct intake *in, uint64_t *committed);

/* One table's news; the receiver owns what is set. */
struct intake_news {
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    struct studio_snapshot *snapshot; /* NULL: nothing new */
    bool has_presence;
    char *presence; /* NULL: to be cleared */
};
bool intake_take_news(struct intake *in, struct intake_news *out);

#endif
