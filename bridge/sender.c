#include "sender_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/faulty.h"

enum { PAYLOAD_MAX = 1 << 20 };

/* PUBACK reasons that will not change by trying again. */
static const struct {
    int reason;
    const char *text;
} refused_for_good[] = {
    {0x87, "not authorized"},
    {0x90, "topic name invalid"},
    {0x95, "packet too large"},
    {0x99, "payload format invalid"},
};

static const char *for_good(int reason)
{
    for (size_t i = 0; i < sizeof(refused_for_good) / sizeof(*refused_for_good); i++)
        if (refused_for_good[i].reason == reason)
            return refused_for_good[i].text;
    return NULL;
}

enum studio_err sender_init(struct sender *s, const struct sender_options *options)
{
    memset(s, 0, sizeof(*s));
    s->o = *options;
    s->parked = options->parked;
    s->acked_told = options->acked;
    buf_init(&s->text, PAYLOAD_MAX);
    buf_init(&s->birth, PAYLOAD_MAX);
    feed_init(&s->feed, options->source, options->acked + 1, options->committed);
    window_init(&s->window, options->acked);
    share_init(&s->share);
    replays_init(&s->replays, options->source, options->epoch);
    if (!feed_list_reserve(&s->retry, LINK_SLOTS)) /* all that can be in flight */
        return STUDIO_ERR_NO_MEMORY;
    return mirror_create(&s->mirror);
}

/* The answer sent last of those in flight, NULL if there is none. */
static struct slot *newest_reply(struct window *w)
{
    struct slot *newest = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        struct slot *slot = &w->slots[i];

        if (slot->kind == SLOT_REPLY && slot->owner && (!newest || slot->order > newest->order))
            newest = slot;
    }
    return newest;
}

/* Answers in flight are sent again over the next connection, in their order. */
static void keep_replies(struct sender *s)
{
    struct slot *slot;

    while ((slot = newest_reply(&s->window))) {
        reply_list_push_front(&s->again, slot->owner);
        slot->owner = NULL;
    }
}

void sender_finish(struct sender *s)
{
    keep_replies(s);
    reply_list_clear(&s->again);
    replays_clear(&s->replays);
    window_reset(&s->window, 0);
    feed_list_finish(&s->retry);
    feed_finish(&s->feed);
    mirror_destroy(s->mirror);
    buf_finish(&s->text);
    buf_finish(&s->birth);
}

int64_t sender_now(const struct sender *s)
{
    return clock_mono(s->o.clock);
}

void sender_set_due(struct sender *s, enum control what, int64_t at_ms)
{
    s->due |= 1u << what;
    s->due_ms[what] = at_ms;
}

uint64_t sender_backlog(const struct sender *s)
{
    return s->feed.committed - s->window.acked;
}

/* --- the watermark and parking --------------------------------------------------------------- */

void sender_advance(struct sender *s)
{
    const struct studio_event *first = feed_list_first(&s->retry);

    window_advance(&s->window, first ? first->seq : 0, s->feed.next);
}

/* Once per step: the store writes the watermark with its next commit. */
void sender_tell_acked(struct sender *s)
{
    if (s->window.acked == s->acked_told)
        return;
    s->acked_told = s->window.acked;
    s->o.source->acked(s->o.source->ctx, s->window.acked);
}

bool sender_is_parked(const struct sender *s, uint64_t seq)
{
    for (size_t i = 0; i < SENDER_PARKED_RECENT; i++)
        if (s->parked_recent[i] == seq)
            return true;
    return false;
}

void sender_park(struct sender *s, uint64_t seq, const char *reason)
{
    if (sender_is_parked(s, seq))
        return;
    s->parked_recent[s->parked_at++ % SENDER_PARKED_RECENT] = seq;
    s->parked++;
    log_limited(&s->refused_log, LOG_ERROR, "bridge",
                "%s refuses event %" PRIu64 " for good (%s): parked, kept for replay", s->broker,
                seq, reason);
    s->o.source->parked(s->o.source->ctx, seq, reason);
}

/* --- connection ------------------------------------------------------------------------------ */

static bool clear_topic(void *ctx, const char *table_id, const char *field)
{
    struct sender *s = ctx;

    return mirror_clear(s->mirror, table_id, field) == STUDIO_OK;
}

void sender_up(struct sender *s, const struct link_limits *limits, const char *broker,
               const struct announce_presence *presence)
{
    enum studio_err err;

    s->up = true;
    s->leaving = false;
    s->limits = *limits;
    s->broker = broker;
    s->presence = *presence;
    s->farewell = NULL;
    s->farewell_said = s->farewell_done = false;
    s->due = 0;
    s->stalled_ms = s->retry_ms = s->retained_ms = 0;
    s->undelivered = 0;
    buf_clear(&s->birth);
    announce_availability(&s->birth, "online", presence);
    for (enum control c = CONTROL_BIRTH; c <= CONTROL_HEALTH; c++)
        sender_set_due(s, c, 0);
    window_reset(&s->window, limits->receive_max);
    feed_rewind(&s->feed, s->window.acked + 1);
    mirror_restart(s->mirror);
    err = s->o.source->cleared(s->o.source->ctx, clear_topic, s);
    if (err != STUDIO_OK)
        log_warn("bridge", "cannot read which retained topics to clear (%s)", studio_err_text(err));
    if (!limits->retain)
        log_warn("bridge",
                 "%s keeps no retained messages: status and availability reach only those "
                 "who are connected; allow retained messages in the broker",
                 broker);
}

/* Three connections in a row that ended on the same event: it is the event that ends them. Before
 * that is said, it has had a connection to itself: what was in flight goes out one at a time, so that
 * no event pays for one behind it, or for a retained message. */
static void suspect(struct sender *s)
{
    const struct studio_event *oldest = window_oldest(&s->window);
    uint64_t seq = oldest ? oldest->seq : 0;

    if (s->undelivered && (!seq || s->undelivered < seq))
        seq = s->undelivered;
    if (seq == 0 || seq != s->suspect)
        s->suspect_count = 0;
    s->suspect = seq;
    if (seq == 0)
        return;
    s->suspect_count++;
    if (s->suspect_count >= SENDER_SUSPECT) {
        sender_park(s, seq, "the connection ended on it three times in a row");
        s->suspect_count = 0;
    } else if (s->suspect_count == SENDER_CAREFUL) {
        s->careful_until = s->feed.next - 1;
    }
}

void sender_down(struct sender *s)
{
    if (!s->up)
        return;
    if (!s->leaving && sender_now(s) < sender_overdue_ms(s)) /* else it is the broker */
        suspect(s);
    s->up = false;
    s->due = 0;
    feed_list_clear(&s->retry);
    keep_replies(s);
    replays_clear(&s->replays);
    window_reset(&s->window, 0);
    if (faulty("no-rewind"))
        sender_advance(s);
    feed_rewind(&s->feed, s->window.acked + 1);
    sender_tell_acked(s);
}

void sender_heard(struct sender *s, bool same)
{
    int64_t next = s->due_ms[CONTROL_BIRTH] + SENDER_BIRTH_MS;

    if (same || !s->up || s->leaving || s->due & (1u << CONTROL_BIRTH))
        return;
    log_limited(&s->birth_log, LOG_INFO, "bridge",
                "the availability topic on %s says something else while connected: saying online "
                "again",
                s->broker);
    sender_set_due(s, CONTROL_BIRTH, next);
}

void sender_leave(struct sender *s, const char *state)
{
    s->leaving = true;
    s->farewell = state;
    s->farewell_said = s->farewell_done = false;
    s->due = 0;
}

bool sender_has_reply(const struct sender *s)
{
    return s->again.head || intake_has_reply(s->o.intake);
}

bool sender_drained(const struct sender *s)
{
    return s->window.in_flight == 0 && !sender_has_reply(s);
}

void sender_say_farewell(struct sender *s)
{
    s->farewell_said = true;
    sender_set_due(s, CONTROL_FAREWELL, 0);
}

/* --- acknowledgements ------------------------------------------------------------------------ */

int64_t sender_overdue_ms(const struct sender *s)
{
    int64_t sent = s->up ? window_sent_ms(&s->window) : -1;

    return sent < 0 ? INT64_MAX : sent + SENDER_OVERDUE_MS;
}

static void event_done(struct sender *s, struct studio_event *event, int reason)
{
    uint64_t seq = event->seq;
    const char *good = for_good(reason);

    if (reason == 0 || good) {
        studio_event_unref(event);
        if (good)
            sender_park(s, seq, good);
        if (seq == s->window.acked + 1)
            sender_advance(s);
        return;
    }
    if (reason < 0 && (!s->undelivered || seq < s->undelivered))
        s->undelivered = seq;
    if (reason > 0)
        log_limited(&s->refused_log, LOG_WARN, "bridge",
                    "%s refuses event %" PRIu64 " for now (reason 0x%02x): trying again", s->broker,
                    seq, (unsigned)reason);
    feed_list_insert(&s->retry, event);
    s->retry_ms = sender_now(s) + SENDER_RETRY_MS;
}

static void retained_done(struct sender *s, struct mirror_entry *entry, int reason)
{
    const char *good = for_good(reason);

    if (reason == 0 || reason < 0)
        return;
    log_limited(&s->refused_log, LOG_WARN, "bridge",
                "%s refuses a retained message (%s, reason 0x%02x): check the broker's access list",
                s->broker, good ? good : "for now", (unsigned)reason);
    if (good)
        return;
    mirror_again(s->mirror, entry);
    s->retained_ms = sender_now(s) + SENDER_RETRY_MS;
}

static void control_done(struct sender *s, enum control what, int reason)
{
    static const char *const names[CONTROL_COUNT] = {
        "availability", "subscription to the own availability", "info", "health", "availability"};

    if (what == CONTROL_FAREWELL)
        s->farewell_done = true;
    if (reason <= 0)
        return;
    log_limited(&s->refused_log, LOG_WARN, "bridge",
                "%s refuses %s (reason 0x%02x): check the broker's access list", s->broker,
                names[what], (unsigned)reason);
    if (!for_good(reason) && what != CONTROL_HEALTH && !s->leaving)
        sender_set_due(s, what, sender_now(s) + SENDER_RETRY_MS);
}

static void reply_done(struct sender *s, struct reply *reply, int reason)
{
    if (reason < 0) {
        reply_list_push_front(&s->again, reply);
        return;
    }
    if (reason > 0)
        log_limited(&s->refused_log, LOG_WARN, "bridge",
                    "%s refuses the answer on %s (reason 0x%02x): check the broker's access list",
                    s->broker, reply->topic, (unsigned)reason);
    free(reply);
}

void sender_done(struct sender *s, unsigned number, int reason)
{
    struct slot *slot = &s->window.slots[number];
    struct slot was = *slot;
    struct studio_event *event;

    if (number >= LINK_SLOTS || was.kind == SLOT_FREE)
        return;
    event = window_put(&s->window, slot);
    switch (was.kind) {
    case SLOT_EVENT:
        event_done(s, event, reason);
        break;
    case SLOT_RETAINED:
        retained_done(s, was.owner, reason);
        break;
    case SLOT_CONTROL:
        control_done(s, (enum control)was.what, reason);
        break;
    case SLOT_REPLY:
        reply_done(s, was.owner, reason);
        break;
    case SLOT_REPLAY:
        replays_done(&s->replays);
        break;
    case SLOT_FREE:
        break;
    }
}
