/*
 * intake.h - what other threads hand over, until the bridge thread takes it. Bounded: events by
 * number and bytes (what does not fit is read from the store later), tables and presence by one
 * newest value each, answers and replay requests by number.
 */
#ifndef BRIDGE_INTAKE_H
#define BRIDGE_INTAKE_H

#include <pthread.h>

#include "feed.h"
#include "reply.h"
#include "studio/status.h"

struct intake_entry;

struct intake {
    pthread_mutex_t lock;
    bool ready;
    struct feed_list events;
    uint64_t committed;           /* newest event handed over, kept or not */
    struct intake_entry *entries; /* by table id; bounded by the number of tables */
    struct intake_entry *news_head, *news_tail;
    struct reply_list replies;
    struct reply_list requests; /* for replay: topic and correlation of the answers, the payload */
};

STUDIO_MUST_USE enum studio_err intake_init(struct intake *in, uint64_t committed);
void intake_finish(struct intake *in);

/* Net thread. */
/* Takes its own references. NO_MEMORY: for a snapshot; all of them have to come again. */
STUDIO_MUST_USE enum studio_err intake_committed(struct intake *in,
                                                 struct studio_event *const *events, size_t n,
                                                 struct studio_snapshot *const *snapshots,
                                                 size_t m);
STUDIO_MUST_USE enum studio_err intake_presence(struct intake *in, const char *table_id,
                                                const char *json);

/* Any thread: takes the reply over; false (and the reply is gone) when too many wait. */
bool intake_reply(struct intake *in, struct reply *reply);
/* MQTT library thread: a request for replay from `client`; its payload is the reply's. False: too
 * many wait; the request stays the caller's. */
enum { INTAKE_REQUESTS_MAX = 16 };
bool intake_request(struct intake *in, struct reply *request);

/* Bridge thread. The oldest, NULL if there is none. */
bool intake_has_reply(struct intake *in);
struct reply *intake_take_reply(struct intake *in);
struct reply *intake_take_request(struct intake *in);
/* Bridge thread. All events waiting (feed_list_finish), and the newest event there is. */
struct feed_list intake_take_events(struct intake *in, uint64_t *committed);

/* One table's news; the receiver owns what is set. */
struct intake_news {
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    struct studio_snapshot *snapshot; /* NULL: nothing new */
    bool has_presence;
    char *presence; /* NULL: to be cleared */
};
bool intake_take_news(struct intake *in, struct intake_news *out);
/* What could not be used now comes again, unless there is something newer by then. Takes it over. */
void intake_put_back(struct intake *in, struct intake_news *news);

#endif
