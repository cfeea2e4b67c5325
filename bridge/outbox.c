#include "outbox.h"

#include <inttypes.h>

#include "base/faulty.h"
#include "base/figures.h"

enum studio_err outbox_init(struct outbox *o, const struct bridge_source *source,
                            struct window *window, struct feed *feed, uint64_t acked,
                            uint64_t parked)
{
    *o = (struct outbox){.source = source,
                         .window = window,
                         .feed = feed,
                         .acked = acked,
                         .acked_told = acked,
                         .parked = parked};
    return feed_list_reserve(&o->retry, LINK_SLOTS) ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void outbox_finish(struct outbox *o)
{
    feed_list_finish(&o->retry);
}

/* --- the watermark and parking --------------------------------------------------------------- */

void outbox_advance(struct outbox *o)
{
    const struct slot *oldest = window_lowest(o->window, TRAFFIC_EVENTS);
    const struct studio_event *refused = feed_list_first(&o->retry);
    uint64_t lowest = feed_next(o->feed);

    if (oldest && oldest->key < lowest)
        lowest = oldest->key;
    if (refused && refused->seq < lowest)
        lowest = refused->seq;
    if (lowest > o->acked + 1)
        o->acked = lowest - 1;
}

void outbox_tell_acked(struct outbox *o)
{
    if (o->acked == o->acked_told)
        return;
    o->acked_told = o->acked;
    o->source->acked(o->source->ctx, o->acked);
}

static bool is_parked(const struct outbox *o, uint64_t seq)
{
    for (size_t i = 0; i < OUTBOX_PARKED_RECENT && i < o->parked_at; i++)
        if (o->parked_recent[i] == seq)
            return true;
    return false;
}

static void park(struct outbox *o, uint64_t seq, const char *reason)
{
    if (is_parked(o, seq))
        return;
    o->parked_recent[o->parked_at++ % OUTBOX_PARKED_RECENT] = seq;
    o->parked++;
    log_limited(&o->window->refused_log, LOG_ERROR, "bridge",
                "%s refuses event %" PRIu64 " for good (%s): parked, kept for replay",
                o->window->broker, seq, reason);
    o->source->parked(o->source->ctx, seq, reason);
}

/* --- the connection -------------------------------------------------------------------------- */

void outbox_up(struct outbox *o)
{
    o->retry_ms = 0;
    feed_rewind(o->feed, o->acked + 1);
}

void outbox_down(struct outbox *o)
{
    outbox_advance(o);
    feed_list_clear(&o->retry);
    if (faulty("no-rewind"))
        outbox_advance(o);
    feed_rewind(o->feed, o->acked + 1);
    outbox_tell_acked(o);
}

/* --- sending --------------------------------------------------------------------------------- */

/* Refused ones first, nothing new while one of them waits. */
static struct studio_event *next_event(struct outbox *o, int64_t now_ms)
{
    if (o->retry.count > 0)
        return now_ms >= o->retry_ms ? feed_list_first(&o->retry) : NULL;
    return feed_peek(o->feed, now_ms);
}

static void take_next(struct outbox *o)
{
    if (o->retry.count > 0)
        feed_list_take(&o->retry);
    else
        feed_take(o->feed);
}

bool outbox_ready(struct outbox *o, int64_t now_ms)
{
    return next_event(o, now_ms) != NULL;
}

static const char hung_up[] = "the broker hangs up on it";

/* Parks or skips it instead of sending; its place in the order is done with. */
static bool pass_over(struct outbox *o, struct studio_event *event, const char *reason)
{
    take_next(o);
    if (reason)
        park(o, event->seq, reason);
    studio_event_unref(event);
    outbox_advance(o);
    return true;
}

bool outbox_send(struct outbox *o, int64_t now_ms)
{
    struct window *w = o->window;
    struct studio_event *event = next_event(o, now_ms);
    struct buf *text = window_text(w);
    char topic[TOPIC_MAX];
    struct link_message m;

    if (!event)
        return false;
    if (event->parked || is_parked(o, event->seq) || (faulty("drop-event") && event->seq == 300))
        return pass_over(o, event, NULL);
    if (!topics_table(w->o.topics, event->table_id,
                      event->kind == EVENT_CHANGE ? TOPIC_CHANGES : TOPIC_EXCEPTIONS, NULL, topic))
        return pass_over(o, event, "topic name invalid");
    studio_event_print(text, event, w->o.epoch, false);
    if (!buf_ok(text)) {
        window_stall(w);
        return false;
    }
    m = (struct link_message){
        .topic = topic, .payload = text->data, .len = text->len, .seq = event->seq};
    switch (window_publish(w, TRAFFIC_EVENTS, event, event->seq, &m)) {
    case WINDOW_SENT:
        take_next(o);
        return true;
    case WINDOW_TOO_LARGE:
        return pass_over(o, event, "above the broker's Maximum Packet Size");
    case WINDOW_PARKED:
        return pass_over(o, event, hung_up);
    case WINDOW_STALLED:
        break;
    }
    return false;
}

void outbox_done(struct outbox *o, struct studio_event *event, int reason, int64_t now_ms)
{
    uint64_t seq = event->seq;
    const char *good = reason == WINDOW_POISON ? hung_up : window_for_good(reason);

    if (reason == 0 && event->committed_us > 0)
        histogram_observe(&o->source->figures->publish,
                          clock_mono_us(o->window->o.clock) - event->committed_us);
    if (reason == 0 || good) {
        studio_event_unref(event);
        if (good)
            park(o, seq, good);
        return;
    }
    if (reason > 0)
        log_limited(&o->window->refused_log, LOG_WARN, "bridge",
                    "%s refuses event %" PRIu64 " for now (reason 0x%02x): trying again",
                    o->window->broker, seq, (unsigned)reason);
    feed_list_insert(&o->retry, event);
    o->retry_ms = now_ms + OUTBOX_RETRY_MS;
}

/* --- figures --------------------------------------------------------------------------------- */

int64_t outbox_deadline(const struct outbox *o, int64_t now_ms)
{
    int64_t at = o->retry.count > 0 ? o->retry_ms : feed_retry_ms(o->feed);

    return at > now_ms ? at : INT64_MAX;
}

uint64_t outbox_backlog(const struct outbox *o)
{
    return feed_committed(o->feed) - o->acked;
}

static const struct studio_event *oldest_waiting(struct outbox *o, int64_t now_ms)
{
    const struct slot *slot = window_lowest(o->window, TRAFFIC_EVENTS);
    const struct studio_event *sent = slot ? slot->owner : NULL;
    const struct studio_event *refused = feed_list_first(&o->retry);

    if (refused && (!sent || refused->seq < sent->seq))
        return refused;
    return sent ? sent : feed_peek(o->feed, now_ms);
}

/* Whatever the wall clock does: only what was committed in an earlier run is judged by its time stamp. */
static int64_t came_ms(const struct outbox *o, const struct studio_event *event, int64_t now_ms)
{
    int64_t age = clock_wall(o->window->o.clock) - event->wall_ms;

    if (event->committed_us > 0)
        return event->committed_us / 1000;
    return age > 0 ? now_ms - age : now_ms;
}

int64_t outbox_waiting_since(struct outbox *o, int64_t now_ms)
{
    const struct studio_event *event;

    if (outbox_backlog(o) == 0) {
        o->oldest.seq = 0;
        o->oldest.since_ms = now_ms;
        return 0;
    }
    event = o->oldest.seq == o->acked + 1 ? NULL : oldest_waiting(o, now_ms);
    if (event) { /* else it is the same, or cannot be read: it came no earlier than the one before */
        int64_t since = came_ms(o, event, now_ms);

        if (o->oldest.since_ms == 0 || since > o->oldest.since_ms)
            o->oldest.since_ms = since;
        o->oldest.seq = event->seq;
    }
    return o->oldest.since_ms ? o->oldest.since_ms : now_ms;
}

void outbox_health(struct outbox *o, int64_t now_ms, struct announce_health *out)
{
    int64_t since;

    outbox_advance(o);
    since = outbox_waiting_since(o, now_ms);
    out->acked = o->acked;
    out->parked.events = o->parked;
    out->backlog = outbox_backlog(o);
    out->oldest_age_ms = since ? now_ms - since : 0;
}
