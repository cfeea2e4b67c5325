#include "feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/faulty.h"
#include "base/log.h"
#include "studio/status.h"

enum { READ_RETRY_MS = 1000 };

struct feed_event *feed_event_copy(const struct bridge_event *event)
{
    size_t id_len = strlen(event->table_id) + 1;
    struct feed_event *copy = malloc(sizeof(*copy) + id_len + event->body_len + 1);

    if (!copy)
        return NULL;
    *copy = (struct feed_event){.seq = event->seq,
                                .rev = event->rev,
                                .wall_ms = event->wall_ms,
                                .kind = event->kind,
                                .parked = event->parked,
                                .table_id = copy->data,
                                .body = copy->data + id_len,
                                .body_len = event->body_len};
    memcpy(copy->data, event->table_id, id_len);
    memcpy(copy->data + id_len, event->body, event->body_len);
    copy->data[id_len + event->body_len] = '\0';
    return copy;
}

static size_t size_of(const struct feed_event *event)
{
    return sizeof(*event) + event->body_len + (size_t)STUDIO_TABLE_ID_MAX;
}

bool feed_list_add(struct feed_list *list, struct feed_event *event)
{
    size_t size = size_of(event);

    if (list->count >= FEED_MAX_EVENTS || list->bytes + size > FEED_MAX_BYTES)
        return false;
    event->next = NULL;
    *(list->tail ? &list->tail->next : &list->head) = event;
    list->tail = event;
    list->count++;
    list->bytes += size;
    return true;
}

struct feed_event *feed_list_take(struct feed_list *list)
{
    struct feed_event *event = list->head;

    if (!event)
        return NULL;
    list->head = event->next;
    if (!list->head)
        list->tail = NULL;
    list->count--;
    list->bytes -= size_of(event);
    event->next = NULL;
    return event;
}

void feed_list_clear(struct feed_list *list)
{
    struct feed_event *event;

    while ((event = feed_list_take(list)))
        free(event);
}

void feed_init(struct feed *f, const struct bridge_source *source, uint64_t next,
               uint64_t committed)
{
    *f = (struct feed){.source = source, .next = next, .committed = committed};
}

void feed_finish(struct feed *f)
{
    feed_list_clear(&f->page);
    feed_list_clear(&f->live);
}

void feed_committed(struct feed *f, uint64_t seq)
{
    if (seq > f->committed)
        f->committed = seq;
}

void feed_add(struct feed *f, struct feed_event *event)
{
    const struct feed_event *last = f->live.tail;
    bool follows = last ? event->seq == last->seq + 1 : event->seq >= f->next;

    feed_committed(f, event->seq);
    /* A page may already reach beyond an event that comes late from the intake. */
    if (f->page.tail && event->seq <= f->page.tail->seq)
        follows = false;
    if (!follows || !feed_list_add(&f->live, event))
        free(event);
}

static bool add_to_page(void *ctx, const struct bridge_event *event)
{
    struct feed_list *page = ctx;
    struct feed_event *copy = feed_event_copy(event);

    if (copy && feed_list_add(page, copy))
        return true;
    free(copy);
    return false;
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
    f->next = oldest;
    f->retry_ms = 0;
}

static void read_page(struct feed *f, int64_t now_ms)
{
    uint64_t to = f->live.head ? f->live.head->seq - 1 : f->committed;
    enum studio_err err;

    if (now_ms < f->retry_ms)
        return;
    if (to - f->next >= FEED_PAGE)
        to = f->next + FEED_PAGE - 1;
    f->retry_ms = 0;
    err = f->source->read(f->source->ctx, f->next, to, FEED_PAGE, add_to_page, &f->page);
    if (f->page.head)
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
    struct feed_event *first = list->head, *second = first ? first->next : NULL;

    if (!second || first->seq % 5 != 0 || second->seq != first->seq + 1)
        return;
    first->next = second->next;
    second->next = first;
    list->head = second;
    if (list->tail == second)
        list->tail = first;
}

const struct feed_event *feed_peek(struct feed *f, int64_t now_ms)
{
    if (!f->page.head && f->next <= f->committed && (!f->live.head || f->live.head->seq > f->next))
        read_page(f, now_ms);
    if (faulty("swap-events"))
        swap_first_two(f->page.head ? &f->page : &f->live);
    if (f->page.head)
        return f->page.head;
    return f->live.head && f->live.head->seq <= f->next ? f->live.head : NULL;
}

struct feed_event *feed_take(struct feed *f)
{
    struct feed_event *event = feed_list_take(f->page.head ? &f->page : &f->live);

    if (event)
        f->next = event->seq + 1;
    return event;
}

void feed_rewind(struct feed *f, uint64_t seq)
{
    feed_list_clear(&f->page);
    f->next = seq;
    f->retry_ms = 0;
}

bool feed_pending(const struct feed *f)
{
    return f->next <= f->committed;
}
