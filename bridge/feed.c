#include "feed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/faulty.h"
#include "base/log.h"
#include "studio/status.h"

enum { READ_RETRY_MS = 1000 };

static size_t size_of(const struct studio_event *event)
{
    return sizeof(*event) + event->body_len + (size_t)STUDIO_TABLE_ID_MAX;
}

static struct studio_event **slot(const struct feed_list *list, size_t i)
{
    return &list->ring[(list->head + i) % list->cap];
}

bool feed_list_reserve(struct feed_list *list, size_t n)
{
    struct studio_event **ring;

    if (n <= list->cap)
        return true;
    ring = malloc(n * sizeof(*ring));
    if (!ring)
        return false;
    for (size_t i = 0; i < list->count; i++)
        ring[i] = *slot(list, i);
    free(list->ring);
    list->ring = ring;
    list->cap = n;
    list->head = 0;
    return true;
}

static void append(struct feed_list *list, struct studio_event *event)
{
    *slot(list, list->count++) = event;
    list->bytes += size_of(event);
}

bool feed_list_add(struct feed_list *list, struct studio_event *event)
{
    if (list->count >= FEED_MAX_EVENTS || list->bytes + size_of(event) > FEED_MAX_BYTES)
        return false;
    if (list->count == list->cap && !feed_list_reserve(list, list->cap ? list->cap * 2 : 64))
        return false;
    append(list, event);
    return true;
}

void feed_list_insert(struct feed_list *list, struct studio_event *event)
{
    append(list, event);
    for (size_t i = list->count - 1; i > 0 && (*slot(list, i - 1))->seq > event->seq; i--) {
        *slot(list, i) = *slot(list, i - 1);
        *slot(list, i - 1) = event;
    }
}

struct studio_event *feed_list_first(const struct feed_list *list)
{
    return list->count > 0 ? *slot(list, 0) : NULL;
}

struct studio_event *feed_list_last(const struct feed_list *list)
{
    return list->count > 0 ? *slot(list, list->count - 1) : NULL;
}

struct studio_event *feed_list_take(struct feed_list *list)
{
    struct studio_event *event = feed_list_first(list);

    if (!event)
        return NULL;
    list->head = (list->head + 1) % list->cap;
    list->count--;
    list->bytes -= size_of(event);
    return event;
}

void feed_list_clear(struct feed_list *list)
{
    while (list->count > 0)
        studio_event_unref(feed_list_take(list));
}

void feed_list_finish(struct feed_list *list)
{
    feed_list_clear(list);
    free(list->ring);
    *list = (struct feed_list){.count = 0};
}

enum studio_err feed_init(struct feed *f, const struct bridge_source *source, uint64_t next,
                          uint64_t committed)
{
    *f = (struct feed){.source = source, .next = next, .committed = committed};
    f->ready = pthread_mutex_init(&f->lock, NULL) == 0;
    return f->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void feed_finish(struct feed *f)
{
    if (!f->ready)
        return;
    feed_list_finish(&f->page);
    feed_list_finish(&f->live);
    pthread_mutex_destroy(&f->lock);
    f->ready = false;
}

/* With the lock held. Once one does not fit, those behind it must not either. */
static bool add_live(struct feed *f, struct studio_event *event)
{
    const struct studio_event *last = feed_list_last(&f->live);
    bool follows = last ? event->seq == last->seq + 1 : event->seq >= f->next;

    return follows && feed_list_add(&f->live, event);
}

void feed_add(struct feed *f, struct studio_event *const *events, size_t n)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n && add_live(f, events[i]); i++)
        studio_event_ref(events[i]);
    if (n > 0 && events[n - 1]->seq > f->committed)
        f->committed = events[n - 1]->seq;
    pthread_mutex_unlock(&f->lock);
}

uint64_t feed_next(const struct feed *f)
{
    return f->next;
}

uint64_t feed_committed(struct feed *f)
{
    uint64_t committed;

    pthread_mutex_lock(&f->lock);
    committed = f->committed;
    pthread_mutex_unlock(&f->lock);
    return committed;
}

int64_t feed_retry_ms(struct feed *f)
{
    return f->next <= feed_committed(f) ? f->retry_ms : 0;
}

static void set_next(struct feed *f, uint64_t next)
{
    pthread_mutex_lock(&f->lock);
    f->next = next;
    pthread_mutex_unlock(&f->lock);
}

static bool add_to_page(void *ctx, struct studio_event *event)
{
    if (!feed_list_add(ctx, event))
        return false;
    studio_event_ref(event);
    return true;
}

/* The store has none of the events asked for. It never removes what waits, so this is a store that
 * was repaired or imported: go on with the oldest it has. */
static void skip_hole(struct feed *f, int64_t now_ms)
{
    uint64_t oldest;

    f->retry_ms = now_ms + READ_RETRY_MS;
    if (f->source->oldest(f->source->ctx, &oldest) != STUDIO_OK || oldest <= f->next)
        return;
    log_error("bridge",
              "events %" PRIu64 " to %" PRIu64 " are not in the store: they cannot be sent",
              f->next, oldest - 1);
    set_next(f, oldest);
    f->retry_ms = 0;
}

/* Reads from `next` on, at most up to `to`. */
static void read_page(struct feed *f, uint64_t to, int64_t now_ms)
{
    enum studio_err err;

    if (now_ms < f->retry_ms)
        return;
    if (to - f->next >= FEED_PAGE)
        to = f->next + FEED_PAGE - 1;
    f->retry_ms = 0;
    err = f->source->read(f->source->ctx, f->next, to, FEED_PAGE, add_to_page, &f->page);
    if (f->page.count > 0)
        return;
    if (err == STUDIO_OK) {
        skip_hole(f, now_ms);
        return;
    }
    f->retry_ms = now_ms + READ_RETRY_MS;
    log_warn("bridge", "cannot read event %" PRIu64 " from the store (%s); trying again", f->next,
             studio_err_text(err));
}

static void swap_first_two(struct feed_list *list)
{
    struct studio_event *first = feed_list_first(list);

    if (list->count < 2 || first->seq % 5 != 0 || (*slot(list, 1))->seq != first->seq + 1)
        return;
    *slot(list, 0) = *slot(list, 1);
    *slot(list, 1) = first;
}

/* The next one in memory; else NULL, and up to where the store has to be read. */
static struct studio_event *peek_live(struct feed *f, uint64_t *to)
{
    struct studio_event *live;

    pthread_mutex_lock(&f->lock);
    if (faulty("swap-events"))
        swap_first_two(&f->live);
    live = feed_list_first(&f->live);
    *to = live ? live->seq - 1 : f->committed;
    pthread_mutex_unlock(&f->lock);
    return live && live->seq <= f->next ? live : NULL;
}

struct studio_event *feed_peek(struct feed *f, int64_t now_ms)
{
    struct studio_event *live;
    uint64_t to;

    if (f->page.count == 0) {
        live = peek_live(f, &to);
        if (live)
            return live;
        if (f->next <= to)
            read_page(f, to, now_ms);
    }
    if (faulty("swap-events"))
        swap_first_two(&f->page);
    return feed_list_first(&f->page);
}

struct studio_event *feed_take(struct feed *f)
{
    struct studio_event *event;

    pthread_mutex_lock(&f->lock);
    event = feed_list_take(f->page.count > 0 ? &f->page : &f->live);
    if (event)
        f->next = event->seq + 1;
    pthread_mutex_unlock(&f->lock);
    return event;
}

void feed_rewind(struct feed *f, uint64_t seq)
{
    feed_list_clear(&f->page);
    f->retry_ms = 0;
    set_next(f, seq);
}
