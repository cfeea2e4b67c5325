#include "intake.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct intake_entry {
    UT_hash_handle hh;
    struct intake_entry *next; /* in the list of news */
    bool listed;
    struct studio_snapshot *snapshot;
    bool has_presence;
    char *presence;
    char id[STUDIO_TABLE_ID_MAX + 1];
};

enum studio_err intake_init(struct intake *in, uint64_t committed)
{
    memset(in, 0, sizeof(*in));
    in->committed = committed;
    in->ready = pthread_mutex_init(&in->lock, NULL) == 0;
    return in->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void intake_finish(struct intake *in)
{
    struct intake_entry *entry, *next;

    if (!in->ready)
        return;
    feed_list_finish(&in->events);
    reply_list_clear(&in->replies);
    reply_list_clear(&in->requests);
    HASH_ITER(hh, in->entries, entry, next)
    {
        HASH_DEL(in->entries, entry);
        studio_snapshot_unref(entry->snapshot);
        free(entry->presence);
        free(entry);
    }
    pthread_mutex_destroy(&in->lock);
    in->ready = false;
}

/* With the lock held. NULL without memory. */
static struct intake_entry *entry_of(struct intake *in, const char *table_id)
{
    size_t len = strlen(table_id);
    struct intake_entry *entry, *added;

    HASH_FIND(hh, in->entries, table_id, len, entry);
    if (entry || len > STUDIO_TABLE_ID_MAX)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    memcpy(entry->id, table_id, len + 1);
    HASH_ADD_KEYPTR(hh, in->entries, entry->id, len, entry);
    HASH_FIND(hh, in->entries, table_id, len, added);
    if (!added) /* the hash could not grow */
        free(entry);
    return added;
}

static void list(struct intake *in, struct intake_entry *entry)
{
    if (entry->listed)
        return;
    entry->listed = true;
    entry->next = NULL;
    *(in->news_tail ? &in->news_tail->next : &in->news_head) = entry;
    in->news_tail = entry;
}

/* With the lock held. What does not fit is read from the store; then so is what is behind it. */
static void add_events(struct intake *in, struct studio_event *const *events, size_t n)
{
    for (size_t i = 0; i < n && feed_list_add(&in->events, events[i]); i++)
        studio_event_ref(events[i]);
    if (n > 0 && events[n - 1]->seq > in->committed)
        in->committed = events[n - 1]->seq;
}

enum studio_err intake_committed(struct intake *in, struct studio_event *const *events, size_t n,
                                 struct studio_snapshot *const *snapshots, size_t m)
{
    enum studio_err err = STUDIO_OK;

    pthread_mutex_lock(&in->lock);
    add_events(in, events, n);
    for (size_t i = 0; i < m; i++) {
        struct intake_entry *entry = entry_of(in, snapshots[i]->table_id);
        if (!entry) {
            err = STUDIO_ERR_NO_MEMORY;
            continue;
        }
        studio_snapshot_unref(entry->snapshot);
        entry->snapshot = studio_snapshot_ref(snapshots[i]);
        list(in, entry);
    }
    pthread_mutex_unlock(&in->lock);
    return err;
}

enum studio_err intake_presence(struct intake *in, const char *table_id, const char *json)
{
    char *copy = json ? strdup(json) : NULL;
    char *old = NULL;
    struct intake_entry *entry;

    if (json && !copy)
        return STUDIO_ERR_NO_MEMORY;
    pthread_mutex_lock(&in->lock);
    entry = entry_of(in, table_id);
    if (entry) {
        old = entry->presence;
        entry->presence = copy;
        entry->has_presence = true;
        copy = NULL;
        list(in, entry);
    }
    pthread_mutex_unlock(&in->lock);
    free(old);
    free(copy);
    return entry ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

struct feed_list intake_take_events(struct intake *in, uint64_t *committed)
{
    struct feed_list events;

    pthread_mutex_lock(&in->lock);
    events = in->events;
    in->events = (struct feed_list){.count = 0};
    *committed = in->committed;
    pthread_mutex_unlock(&in->lock);
    return events;
}

bool intake_take_news(struct intake *in, struct intake_news *out)
{
    struct intake_entry *entry;

    pthread_mutex_lock(&in->lock);
    entry = in->news_head;
    if (entry) {
        in->news_head = entry->next;
        if (!in->news_head)
            in->news_tail = NULL;
        memcpy(out->table_id, entry->id, sizeof(out->table_id));
        out->snapshot = entry->snapshot;
        out->has_presence = entry->has_presence;
        out->presence = entry->presence;
        entry->snapshot = NULL;
        entry->presence = NULL;
        entry->has_presence = false;
        entry->listed = false;
    }
    pthread_mutex_unlock(&in->lock);
    return entry != NULL;
}

void intake_put_back(struct intake *in, struct intake_news *news)
{
    struct intake_entry *entry;

    pthread_mutex_lock(&in->lock);
    HASH_FIND(hh, in->entries, news->table_id, strlen(news->table_id), entry);
    if (entry && !entry->snapshot) {
        entry->snapshot = news->snapshot;
        news->snapshot = NULL;
    }
    if (entry && news->has_presence && !entry->has_presence) {
        entry->presence = news->presence;
        entry->has_presence = true;
        news->presence = NULL;
    }
    if (entry)
        list(in, entry);
    pthread_mutex_unlock(&in->lock);
    studio_snapshot_unref(news->snapshot);
    free(news->presence);
}

bool intake_reply(struct intake *in, struct reply *reply)
{
    bool taken;

    pthread_mutex_lock(&in->lock);
    taken = reply_list_add(&in->replies, reply);
    pthread_mutex_unlock(&in->lock);
    if (!taken)
        free(reply);
    return taken;
}

bool intake_request(struct intake *in, struct reply *request)
{
    bool taken;

    pthread_mutex_lock(&in->lock);
    taken = in->requests.count < INTAKE_REQUESTS_MAX && reply_list_add(&in->requests, request);
    pthread_mutex_unlock(&in->lock);
    return taken;
}

static struct reply *take_from(struct intake *in, struct reply_list *list)
{
    struct reply *reply;

    pthread_mutex_lock(&in->lock);
    reply = reply_list_take(list);
    pthread_mutex_unlock(&in->lock);
    return reply;
}

struct reply *intake_take_reply(struct intake *in)
{
    return take_from(in, &in->replies);
}

bool intake_has_reply(struct intake *in)
{
    bool any;

    pthread_mutex_lock(&in->lock);
    any = in->replies.head != NULL;
    pthread_mutex_unlock(&in->lock);
    return any;
}

struct reply *intake_take_request(struct intake *in)
{
    return take_from(in, &in->requests);
}
