/* hub_push.c - what a watcher is sent next: exceptions in their order, each document once, the newest. */
#include "core/hub_private.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"

static void enqueue(struct watcher *w, struct frame *frame)
{
    if (!w->queue)
        w->queue = calloc(HUB_EXCEPTIONS_MAX, sizeof(struct frame *));
    if (!w->queue || !frame) {
        w->missed++;
    } else {
        if (w->queue_len == HUB_EXCEPTIONS_MAX) {
            frame_unref(w->queue[w->queue_head]);
            w->queue_head = (w->queue_head + 1) % HUB_EXCEPTIONS_MAX;
            w->queue_len--;
            w->missed++;
        }
        frame->refs++;
        w->queue[(w->queue_head + w->queue_len++) % HUB_EXCEPTIONS_MAX] = frame;
    }
    w->want_write(w);
}

void hub_exception(struct hub *hub, const char *table_id, struct frame *frame)
{
    struct channel *channel = hub_channel(hub, table_id);

    hub->stamp++;
    for (size_t i = 0; channel && i < channel->watcher_count; i++) {
        struct watcher *w = channel->watchers[i].watcher;
        w->stamp = hub->stamp;
        enqueue(w, frame);
    }
    for (size_t i = 0; i < hub->all->watcher_count; i++)
        if (hub->all->watchers[i].watcher->stamp != hub->stamp)
            enqueue(hub->all->watchers[i].watcher, frame);
}

/* The table of the next pending document at or after the place where the last search ended. */
static const struct channel *next_document(struct hub *hub, struct watcher *w)
{
    size_t words = w->pending_words;

    for (size_t i = 0; i <= words && words > 0; i++) {
        size_t word = (w->next_bit / 64 + i) % words;
        uint64_t bits = w->pending[word];
        if (i == 0)
            bits &= ~UINT64_C(0) << (w->next_bit % 64);
        while (bits) {
            size_t bit = word * 64 + (size_t)__builtin_ctzll(bits);
            bits &= bits - 1;
            bit_clear(w, bit);
            w->next_bit = (bit + 1) % (words * 64);
            struct channel *channel = bit < hub->index_count ? hub->by_index[bit] : NULL;
            if (channel && channel->snapshot)
                return channel;
        }
    }
    return NULL;
}

/* NULL: out of memory. */
static struct frame *with_presence(const struct channel *channel)
{
    struct frame *frame = NULL;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    push_with_presence(&text, channel->snapshot->push, channel->snapshot->push_len,
                       channel->online);
    if (buf_ok(&text))
        frame = frame_create(text.data, text.len);
    buf_finish(&text);
    return frame;
}

bool hub_next(struct hub *hub, struct watcher *w, struct push *push)
{
    memset(push, 0, sizeof(*push));
    if (w->missed > 0) {
        push->missed = w->missed;
        w->missed = 0;
        return true;
    }
    if (w->queue_len > 0) {
        push->frame = w->queue[w->queue_head];
        w->queue_head = (w->queue_head + 1) % HUB_EXCEPTIONS_MAX;
        w->queue_len--;
        return true;
    }
    const struct channel *channel = next_document(hub, w);
    if (!channel)
        return false;
    if (!w->presence) {
        push->status = studio_snapshot_ref(channel->snapshot);
        return true;
    }
    push->frame = with_presence(channel);
    if (!push->frame) {
        w->failed = true;
        w->want_write(w);
    }
    return push->frame != NULL;
}
