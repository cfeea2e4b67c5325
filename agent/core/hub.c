#include "core/hub_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"

struct frame *frame_create(const char *text, size_t len)
{
    struct frame *frame = malloc(sizeof(*frame) + SNAPSHOT_HEADROOM + len);

    if (!frame)
        return NULL;
    frame->refs = 1;
    frame->next = NULL;
    frame->len = len;
    frame->data = (char *)(frame + 1) + SNAPSHOT_HEADROOM;
    memcpy(frame->data, text, len);
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame && --frame->refs == 0)
        free(frame);
}

/* False: out of memory. */
static bool bit_set(struct watcher *w, size_t bit)
{
    if (bit / 64 >= w->pending_words) {
        size_t words = (bit / 64 + 1) * 2;
        uint64_t *pending = realloc(w->pending, words * sizeof(*pending));
        if (!pending)
            return false;
        memset(pending + w->pending_words, 0, (words - w->pending_words) * sizeof(*pending));
        w->pending = pending;
        w->pending_words = words;
    }
    w->pending[bit / 64] |= UINT64_C(1) << (bit % 64);
    return true;
}

struct channel *hub_channel(struct hub *hub, const char *name)
{
    struct channel *channel;

    HASH_FIND_STR(hub->by_name, name, channel);
    return channel;
}

/* A free index, or hub->index_cap == index_count on no memory. */
static bool index_take(struct hub *hub, size_t *index)
{
    for (size_t i = hub->free_hint; i < hub->index_count; i++) {
        if (!hub->by_index[i]) {
            *index = i;
            hub->free_hint = i + 1;
            return true;
        }
    }
    if (hub->index_count == hub->index_cap) {
        size_t cap = hub->index_cap ? hub->index_cap * 2 : 64;
        struct channel **grown = realloc(hub->by_index, cap * sizeof(*grown));
        if (!grown)
            return false;
        hub->by_index = grown;
        hub->index_cap = cap;
    }
    hub->by_index[hub->index_count] = NULL;
    *index = hub->index_count++;
    hub->free_hint = hub->index_count;
    return true;
}

static struct channel *channel_add(struct hub *hub, const char *name)
{
    struct channel *channel = hub_channel(hub, name);
    size_t len = strlen(name);

    if (channel)
        return channel;
    channel = calloc(1, sizeof(*channel));
    if (!channel)
        return NULL;
    assert(len <= STUDIO_TABLE_ID_MAX);
    memcpy(channel->name, name, len + 1);
    if (!index_take(hub, &channel->index)) {
        free(channel);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, hub->by_name, channel->name, len, channel);
    if (!channel->hh.tbl) {
        hub->free_hint = channel->index;
        free(channel);
        return NULL;
    }
    hub->by_index[channel->index] = channel;
    return channel;
}

static void channel_free(struct hub *hub, struct channel *channel)
{
    assert(hub->by_name); /* the star's is always there; the analyser cannot know */
    HASH_DEL(hub->by_name, channel);
    hub->by_index[channel->index] = NULL;
    if (channel->index < hub->free_hint)
        hub->free_hint = channel->index;
    studio_snapshot_unref(channel->snapshot);
    free(channel->watchers);
    free(channel);
}

/* Frees a channel nobody needs any more. */
static void channel_release(struct hub *hub, struct channel *channel)
{
    if (channel != hub->all && channel->watcher_count == 0 && !channel->snapshot)
        channel_free(hub, channel);
}

/* The watcher has room for one subscription more. */
static bool channel_join(struct channel *channel, struct watcher *w)
{
    if (channel->watcher_count == channel->watcher_cap) {
        size_t cap = channel->watcher_cap ? channel->watcher_cap * 2 : 4;
        struct place *grown = realloc(channel->watchers, cap * sizeof(*grown));
        if (!grown)
            return false;
        channel->watchers = grown;
        channel->watcher_cap = cap;
    }
    w->channels[w->channel_count] = (struct subscription){channel, channel->watcher_count};
    channel->watchers[channel->watcher_count++] = (struct place){w, w->channel_count++};
    return true;
}

/* The last of the others takes the place. What is left of the subscription is the caller's to remove. */
static void channel_part(struct hub *hub, const struct subscription *subscription)
{
    struct channel *channel = subscription->channel;
    struct place *place = &channel->watchers[subscription->place];

    *place = channel->watchers[--channel->watcher_count];
    place->watcher->channels[place->subscription].place = subscription->place;
    channel_release(hub, channel);
}

struct hub *hub_create(void)
{
    struct hub *hub = calloc(1, sizeof(*hub));

    if (hub && !(hub->all = channel_add(hub, "*"))) {
        hub_destroy(hub);
        return NULL;
    }
    return hub;
}

void hub_destroy(struct hub *hub)
{
    struct channel *channel, *next;

    if (!hub)
        return;
    HASH_ITER(hh, hub->by_name, channel, next)
    channel_free(hub, channel);
    free(hub->by_index);
    free(hub);
}

size_t hub_subscribers(const struct hub *hub)
{
    return hub->subscribers;
}

/* Stamps all a watcher is subscribed to, so that whoever asks of many needs no walk for each. */
static void stamp(struct hub *hub, const struct watcher *w)
{
    hub->stamp++;
    for (size_t i = 0; i < w->channel_count; i++)
        w->channels[i].channel->stamp = hub->stamp;
}

static bool stamped(const struct hub *hub, const struct channel *channel)
{
    return channel->stamp == hub->stamp;
}

/* As for a watcher of nothing. */
static void stamp_none(struct hub *hub)
{
    hub->stamp++;
}

static void count(struct hub *hub, struct watcher *w)
{
    bool now = w->channel_count > 0;

    if (now != w->counted)
        hub->subscribers += now ? 1 : (size_t)-1;
    w->counted = now;
}

/* Marks the documents the new subscriptions bring: of a named table, or of all. */
static bool mark_new(struct hub *hub, struct watcher *w, const struct channel *channel)
{
    if (channel != hub->all)
        return !channel->snapshot || bit_set(w, channel->index);
    stamp(hub, w);
    for (size_t i = 0; i < hub->index_count; i++) {
        struct channel *each = hub->by_index[i];
        if (each && each->snapshot && !stamped(hub, each) && !bit_set(w, i))
            return false;
    }
    return true;
}

/* Forgets documents that are no longer watched. */
static void drop_unwatched(struct hub *hub, struct watcher *w)
{
    stamp(hub, w);
    if (stamped(hub, hub->all))
        return;
    for (size_t word = 0; word < w->pending_words; word++) {
        for (uint64_t bits = w->pending[word]; bits; bits &= bits - 1) {
            size_t bit = word * 64 + (size_t)__builtin_ctzll(bits);
            if (bit >= hub->index_count || !hub->by_index[bit] || !stamped(hub, hub->by_index[bit]))
                bit_clear(w, bit);
        }
    }
}

/* Gives back all subscriptions but the first `keep`, and what they had marked. */
static void take_back(struct hub *hub, struct watcher *w, size_t keep)
{
    while (w->channel_count > keep)
        channel_part(hub, &w->channels[--w->channel_count]);
    drop_unwatched(hub, w);
}

enum studio_err hub_subscribe(struct hub *hub, struct watcher *w, const char *const *tables,
                              size_t n)
{
    size_t before = w->channel_count;
    struct subscription *grown;
    bool had_all;

    if (n > HUB_SUBSCRIPTIONS_MAX)
        return STUDIO_ERR_INVALID_DATA;
    if (n == 0)
        return STUDIO_OK;
    grown = realloc(w->channels, (before + n) * sizeof(*grown));
    if (!grown)
        return STUDIO_ERR_NO_MEMORY;
    w->channels = grown;
    stamp(hub, w);
    had_all = stamped(hub, hub->all);
    for (size_t i = 0; i < n; i++) {
        struct channel *channel = channel_add(hub, tables[i]);
        if (channel && stamped(hub, channel))
            continue;
        if (!channel || !channel_join(channel, w)) {
            if (channel)
                channel_release(hub, channel);
            take_back(hub, w, before);
            return STUDIO_ERR_NO_MEMORY;
        }
        channel->stamp = hub->stamp;
    }
    if (w->channel_count > HUB_SUBSCRIPTIONS_MAX) {
        take_back(hub, w, before);
        return STUDIO_ERR_INVALID_DATA;
    }
    for (size_t i = before; i < w->channel_count; i++) {
        if (had_all)
            break; /* all were covered */
        if (!mark_new(hub, w, w->channels[i].channel)) {
            take_back(hub, w, before);
            return STUDIO_ERR_NO_MEMORY;
        }
    }
    count(hub, w);
    if (hub_waiting(w))
        w->want_write(w);
    return STUDIO_OK;
}

static void drop_queue(struct watcher *w)
{
    for (; w->queue_len > 0; w->queue_len--) {
        frame_unref(w->queue[w->queue_head]);
        w->queue_head = (w->queue_head + 1) % HUB_EXCEPTIONS_MAX;
    }
    w->missed = 0;
}

/* Parts from the channels without a stamp; the others keep their order. */
static void part_unstamped(struct hub *hub, struct watcher *w)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->channel_count; i++) {
        struct subscription *s = &w->channels[i];
        if (!stamped(hub, s->channel)) {
            channel_part(hub, s);
            continue;
        }
        s->channel->watchers[s->place].subscription = kept;
        w->channels[kept++] = *s;
    }
    w->channel_count = kept;
}

void hub_unsubscribe(struct hub *hub, struct watcher *w, const char *const *tables, size_t n)
{
    stamp(hub, w);
    for (size_t i = 0; i < n; i++) {
        struct channel *channel = hub_channel(hub, tables[i]);
        if (channel == hub->all)
            stamp_none(hub);
        else if (channel)
            channel->stamp = 0;
    }
    part_unstamped(hub, w);
    drop_unwatched(hub, w);
    if (w->channel_count == 0)
        drop_queue(w); /* from here on it gets answers and nothing else */
    count(hub, w);
}

void hub_seen(struct hub *hub, struct watcher *w, const char *table_id)
{
    const struct channel *channel = hub_channel(hub, table_id);

    if (channel)
        bit_clear(w, channel->index);
}

void hub_leave(struct hub *hub, struct watcher *w)
{
    take_back(hub, w, 0);
    count(hub, w);
    drop_queue(w);
    free(w->queue);
    free(w->pending);
    free(w->channels);
    w->queue = NULL;
    w->pending = NULL;
    w->pending_words = 0;
    w->channels = NULL;
}

void hub_answer(const struct watcher *w, const char *status, const char *request_id,
                struct buf *out)
{
    const char **names = malloc((w->channel_count + 1) * sizeof(*names));

    if (!names) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < w->channel_count; i++)
        names[i] = w->channels[i].channel->name;
    answer_tables(out, status, names, w->channel_count, request_id);
    free(names);
}

bool hub_waiting(const struct watcher *w)
{
    if (w->missed > 0 || w->queue_len > 0)
        return true;
    for (size_t i = 0; i < w->pending_words; i++)
        if (w->pending[i])
            return true;
    return false;
}

/* Its document is to be sent to all who watch, or to those of them who want presence. */
static void mark(const struct channel *watched, size_t bit, bool all)
{
    for (size_t i = 0; i < watched->watcher_count; i++) {
        struct watcher *w = watched->watchers[i].watcher;
        if (!all && !w->presence)
            continue;
        if (!bit_set(w, bit))
            w->failed = true;
        w->want_write(w);
    }
}

bool hub_publish(struct hub *hub, struct studio_snapshot *snapshot)
{
    struct channel *channel = snapshot->removed ? hub_channel(hub, snapshot->table_id)
                                                : channel_add(hub, snapshot->table_id);

    if (!channel)
        return snapshot->removed;
    studio_snapshot_unref(channel->snapshot);
    channel->snapshot = snapshot->removed ? NULL : studio_snapshot_ref(snapshot);
    if (snapshot->removed) {
        channel_release(hub, channel); /* bits still set find no document and are dropped */
        return true;
    }
    mark(channel, channel->index, true);
    mark(hub->all, channel->index, true);
    return true;
}

void hub_presence(struct hub *hub, const char *table_id, bool online)
{
    struct channel *channel = hub_channel(hub, table_id);

    if (!channel || channel->online == online)
        return;
    channel->online = online;
    if (!channel->snapshot)
        return;
    mark(channel, channel->index, false);
    mark(hub->all, channel->index, false);
}
