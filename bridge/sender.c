#include "sender.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAYLOAD_MAX = 1 << 20,
    STALL_MS = 100,
    STEP_SENDS = 1000,
    /* Bytes of a PUBLISH beside topic, payload, agent id and epoch: header, lengths, properties. */
    PACKET_OVERHEAD = 160
};

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
    feed_list_clear(&s->retry);
    feed_finish(&s->feed);
    mirror_destroy(s->mirror);
    buf_finish(&s->text);
    buf_finish(&s->birth);
}

static int64_t now_ms(const struct sender *s)
{
    return clock_mono(s->o.clock);
}

static void set_due(struct sender *s, enum control what, int64_t at_ms)
{
    s->due |= 1u << what;
    s->due_ms[what] = at_ms;
}

uint64_t sender_backlog(const struct sender *s)
{
    return s->feed.committed - s->window.acked;
}

/* --- the watermark and parking -------------------------------------------------------------------
 */

static void advance(struct sender *s)
{
    window_advance(&s->window, s->retry.head ? s->retry.head->seq : 0, s->feed.next);
}

/* Once per step: the store writes the watermark with its next commit. */
static void tell_acked(struct sender *s)
{
    if (s->window.acked == s->acked_told)
        return;
    s->acked_told = s->window.acked;
    s->o.source->acked(s->o.source->ctx, s->window.acked);
}

static bool is_parked(const struct sender *s, uint64_t seq)
{
    for (size_t i = 0; i < SENDER_PARKED_RECENT; i++)
        if (s->parked_recent[i] == seq)
            return true;
    return false;
}

static void park(struct sender *s, uint64_t seq, const char *reason)
{
    if (is_parked(s, seq))
        return;
    s->parked_recent[s->parked_at++ % SENDER_PARKED_RECENT] = seq;
    s->parked++;
    log_limited(&s->refused_log, LOG_ERROR, "bridge",
                "%s refuses event %" PRIu64 " for good (%s): parked, kept for replay", s->broker,
                seq, reason);
    s->o.source->parked(s->o.source->ctx, seq, reason);
}

/* In order of seq: the list is short and a refusal rare. */
static void add_retry(struct sender *s, struct feed_event *event)
{
    struct feed_event **at = &s->retry.head;

    while (*at && (*at)->seq < event->seq)
        at = &(*at)->next;
    event->next = *at;
    *at = event;
    if (!event->next)
        s->retry.tail = event;
    s->retry.count++;
}

static struct feed_event *take_retry(struct sender *s)
{
    struct feed_event *event = s->retry.head;

    s->retry.head = event->next;
    if (!s->retry.head)
        s->retry.tail = NULL;
    s->retry.count--;
    return event;
}

static void clear_retry(struct sender *s)
{
    while (s->retry.head)
        free(take_retry(s));
}

/* --- connection ----------------------------------------------------------------------------------
 */

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
    s->farewell_done = false;
    s->due = 0;
    s->stalled_ms = s->retry_ms = s->retained_ms = 0;
    s->undelivered = 0;
    buf_clear(&s->birth);
    announce_availability(&s->birth, "online", presence);
    for (enum control c = CONTROL_BIRTH; c <= CONTROL_HEALTH; c++)
        set_due(s, c, 0);
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

/* Three connections in a row that ended on the same event: it is the event that ends them. */
static void suspect(struct sender *s)
{
    const struct feed_event *oldest = window_oldest(&s->window);
    uint64_t seq = oldest ? oldest->seq : 0;

    if (s->undelivered && (!seq || s->undelivered < seq))
        seq = s->undelivered;
    if (seq == 0 || seq != s->suspect)
        s->suspect_count = 0;
    s->suspect = seq;
    if (seq != 0 && ++s->suspect_count >= SENDER_SUSPECT) {
        park(s, seq, "the connection ended on it three times in a row");
        s->suspect_count = 0;
    }
}

void sender_down(struct sender *s)
{
    if (!s->up)
        return;
    if (!s->leaving)
        suspect(s);
    s->up = false;
    s->due = 0;
    clear_retry(s);
    keep_replies(s);
    replays_clear(&s->replays);
    window_reset(&s->window, 0);
    feed_rewind(&s->feed, s->window.acked + 1);
    tell_acked(s);
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
    set_due(s, CONTROL_BIRTH, next);
}

void sender_leave(struct sender *s, const char *state)
{
    s->leaving = true;
    s->farewell = state;
    s->due = 0;
}

void sender_say_farewell(struct sender *s)
{
    set_due(s, CONTROL_FAREWELL, 0);
}

/* --- acknowledgements
 * ------------------------------------------------------------------------------ */

static void event_done(struct sender *s, struct feed_event *event, int reason)
{
    uint64_t seq = event->seq;
    const char *good = for_good(reason);

    if (reason == 0 || good) {
        free(event);
        if (good)
            park(s, seq, good);
        if (seq == s->window.acked + 1)
            advance(s);
        return;
    }
    if (reason < 0 && (!s->undelivered || seq < s->undelivered))
        s->undelivered = seq;
    if (reason > 0)
        log_limited(&s->refused_log, LOG_WARN, "bridge",
                    "%s refuses event %" PRIu64 " for now (reason 0x%02x): trying again", s->broker,
                    seq, (unsigned)reason);
    add_retry(s, event);
    s->retry_ms = now_ms(s) + SENDER_RETRY_MS;
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
    s->retained_ms = now_ms(s) + SENDER_RETRY_MS;
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
        set_due(s, what, now_ms(s) + SENDER_RETRY_MS);
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
    struct feed_event *event;

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

/* --- sending
 * --------------------------------------------------------------------------------------- */

static bool fits(const struct sender *s, const struct link_message *m)
{
    size_t size = strlen(m->topic) + m->len + m->correlation_len + strlen(s->o.topics->agent) +
                  strlen(s->o.epoch) + PACKET_OVERHEAD;

    return s->limits.max_packet == 0 || size <= s->limits.max_packet;
}

/* Hands a message to the library; false: it takes nothing now. */
static bool publish(struct sender *s, struct slot *slot, struct link_message *message)
{
    message->retained = message->retained && s->limits.retain;
    if (s->o.link->ops->publish(s->o.link, window_number(&s->window, slot), message))
        return true;
    window_put(&s->window, slot);
    s->stalled_ms = now_ms(s) + STALL_MS;
    return false;
}

static void print_health(struct sender *s)
{
    const struct feed_event *oldest = window_oldest(&s->window);
    struct announce_health health = {.now_ms = clock_wall(s->o.clock),
                                     .acked = s->window.acked,
                                     .parked = s->parked,
                                     .broker = s->broker};

    if (s->retry.head && (!oldest || s->retry.head->seq < oldest->seq))
        oldest = s->retry.head;
    if (!oldest)
        oldest = feed_peek(&s->feed, now_ms(s));
    s->o.source->stats(s->o.source->ctx, &health.agent);
    health.backlog = sender_backlog(s);
    health.ignored = s->o.ignored ? s->o.ignored(s->o.ignored_ctx) : 0;
    health.oldest_ms = oldest ? oldest->wall_ms : 0;
    announce_health(&s->text, &health);
}

static const enum agent_topic control_topic[CONTROL_COUNT] = {
    [CONTROL_BIRTH] = TOPIC_AVAILABILITY,
    [CONTROL_WATCH] = TOPIC_AVAILABILITY,
    [CONTROL_INFO] = TOPIC_INFO,
    [CONTROL_HEALTH] = TOPIC_HEALTH,
    [CONTROL_FAREWELL] = TOPIC_AVAILABILITY,
};

static bool send_control(struct sender *s, enum control what)
{
    char topic[TOPIC_MAX];
    struct link_message m = {.topic = topic, .retained = true};
    struct slot *slot = window_take(&s->window, SLOT_CONTROL);

    if (!slot || !topics_agent(s->o.topics, control_topic[what], NULL, topic))
        return false;
    slot->what = (unsigned)what;
    s->due &= ~(1u << what);
    buf_clear(&s->text);
    switch (what) {
    case CONTROL_BIRTH:
        buf_add(&s->text, s->birth.data, s->birth.len);
        s->due_ms[what] = now_ms(s);
        break;
    case CONTROL_WATCH:
        if (s->o.link->ops->subscribe(s->o.link, window_number(&s->window, slot),
                                      (const char *const[]){topic}, 1, s->birth.data))
            return true;
        window_put(&s->window, slot);
        set_due(s, what, now_ms(s) + SENDER_RETRY_MS);
        return false;
    case CONTROL_INFO:
        buf_str(&s->text, s->o.info);
        break;
    case CONTROL_HEALTH:
        print_health(s);
        m.expiry_s = SENDER_HEALTH_EXPIRY_S;
        set_due(s, what, now_ms(s) + SENDER_HEALTH_MS);
        break;
    case CONTROL_FAREWELL:
        announce_availability(&s->text, s->farewell, &s->presence);
        break;
    case CONTROL_COUNT:
        break;
    }
    m.payload = s->text.data;
    m.len = s->text.len;
    if (buf_ok(&s->text) && publish(s, slot, &m))
        return true;
    set_due(s, what, now_ms(s) + STALL_MS);
    return false;
}

/* The first thing the agent has to say of itself now, CONTROL_COUNT if nothing. */
static enum control control_due(const struct sender *s, int64_t now)
{
    for (enum control c = 0; c < CONTROL_COUNT; c++)
        if (s->due & (1u << c) && s->due_ms[c] <= now)
            return c;
    return CONTROL_COUNT;
}

/* The next event that is to be sent: refused ones first, nothing new while one of them waits. */
static const struct feed_event *next_event(struct sender *s, int64_t now)
{
    if (s->retry.head)
        return now >= s->retry_ms ? s->retry.head : NULL;
    return feed_peek(&s->feed, now);
}

static struct feed_event *take_event(struct sender *s)
{
    return s->retry.head ? take_retry(s) : feed_take(&s->feed);
}

/* Parks or skips it instead of sending; its place in the order is done with. */
static void pass_over(struct sender *s, const char *reason)
{
    struct feed_event *event = take_event(s);

    if (reason)
        park(s, event->seq, reason);
    free(event);
    advance(s);
}

static bool send_event(struct sender *s, const struct feed_event *event)
{
    char topic[TOPIC_MAX];
    struct link_message m = {.topic = topic, .seq = event->seq};
    struct bridge_event parts = {
        .seq = event->seq, .body = event->body, .body_len = event->body_len};
    struct slot *slot;

    if (event->parked || is_parked(s, event->seq)) {
        pass_over(s, NULL);
        return true;
    }
    buf_clear(&s->text);
    announce_event(&s->text, &parts, s->o.epoch, false);
    m.payload = s->text.data;
    m.len = s->text.len;
    if (!buf_ok(&s->text)) {
        s->stalled_ms = now_ms(s) + STALL_MS; /* no memory */
        return false;
    }
    if (!topics_table(s->o.topics, event->table_id,
                      event->kind == BRIDGE_CHANGE ? TOPIC_CHANGES : TOPIC_EXCEPTIONS, NULL,
                      topic)) {
        pass_over(s, "topic name invalid");
        return true;
    }
    if (!fits(s, &m)) {
        pass_over(s, "above the broker's Maximum Packet Size");
        return true;
    }
    slot = window_take(&s->window, SLOT_EVENT);
    if (!slot || !publish(s, slot, &m))
        return false;
    slot->event = take_event(s);
    return true;
}

static bool send_retained(struct sender *s, int64_t now)
{
    char topic[TOPIC_MAX];
    struct link_message m = {.topic = topic, .retained = true};
    struct mirror_message next;
    struct slot *slot;

    if (!mirror_next(s->mirror, now, &next))
        return true;
    m.payload = next.payload;
    m.len = next.len;
    m.plain = next.plain;
    if (!topics_table(s->o.topics, next.table_id, next.topic, next.field, topic) || !fits(s, &m)) {
        log_limited(&s->refused_log, LOG_ERROR, "bridge",
                    "%s takes no packets as large as that of table %s: raise its max_packet_size",
                    s->broker, next.table_id);
        return true;
    }
    slot = window_take(&s->window, SLOT_RETAINED);
    if (!slot)
        return false;
    slot->owner = next.entry;
    if (publish(s, slot, &m))
        return true;
    mirror_again(s->mirror, next.entry);
    return false;
}

static bool send_reply(struct sender *s, struct reply *reply)
{
    struct link_message m = {.topic = reply->topic,
                             .payload = reply->payload,
                             .len = reply->len,
                             .correlation = reply->correlation,
                             .correlation_len = reply->correlation_len};
    struct slot *slot;

    if (!fits(s, &m)) {
        log_limited(&s->refused_log, LOG_ERROR, "bridge",
                    "%s takes no packets as large as the answer on %s: raise its max_packet_size",
                    s->broker, reply->topic);
        free(reply);
        return true;
    }
    slot = window_take(&s->window, SLOT_REPLY);
    if (!slot || !publish(s, slot, &m)) {
        reply_list_push_front(&s->again, reply);
        return false;
    }
    slot->owner = reply;
    return true;
}

static bool send_replay(struct sender *s, int64_t now)
{
    struct replay_message next;
    struct link_message m = {.topic = NULL};
    struct slot *slot;

    buf_clear(&s->text);
    if (!replays_next(&s->replays, now, &s->text, &next))
        return false;
    m = (struct link_message){.topic = next.topic,
                              .payload = s->text.data,
                              .len = s->text.len,
                              .seq = next.seq,
                              .correlation = next.correlation,
                              .correlation_len = next.correlation_len};
    slot = buf_ok(&s->text) && fits(s, &m) ? window_take(&s->window, SLOT_REPLAY) : NULL;
    if (slot && publish(s, slot, &m))
        return true;
    replays_done(&s->replays);
    if (slot) /* the connection is gone, and its replays with it */
        replays_clear(&s->replays);
    return slot == NULL; /* one too large for the broker is a hole the count shows */
}

/* The oldest answer that waits; it is taken. */
static struct reply *next_reply(struct sender *s)
{
    return s->again.head ? reply_list_take(&s->again) : intake_take_reply(s->o.intake);
}

static void take_requests(struct sender *s)
{
    struct reply *request, *answer;

    while ((request = intake_take_request(s->o.intake))) {
        answer = replays_start(&s->replays, request, s->feed.committed);
        if (answer && !intake_reply(s->o.intake, answer))
            log_limited(&s->refused_log, LOG_WARN, "bridge",
                        "too many answers wait for the broker: one to a replay request is dropped");
    }
}

/* One message; false when there is nothing (more) to send now. */
static bool send_one(struct sender *s, int64_t now)
{
    enum control control = control_due(s, now);
    const struct feed_event *event;
    bool wants[SHARE_COUNT] = {false};

    if (control != CONTROL_COUNT)
        return send_control(s, control);
    if (s->leaving)
        return false;
    event = next_event(s, now);
    wants[SHARE_EVENT] = event != NULL;
    wants[SHARE_RETAINED] = now >= s->retained_ms && mirror_ready(s->mirror, now);
    wants[SHARE_REPLY] = s->again.head || intake_has_reply(s->o.intake);
    wants[SHARE_REPLAY] = replays_ready(&s->replays, now);
    switch (share_pick(&s->share, wants)) {
    case SHARE_EVENT:
        return send_event(s, event);
    case SHARE_RETAINED:
        return send_retained(s, now);
    case SHARE_REPLY:
        return send_reply(s, next_reply(s));
    case SHARE_REPLAY:
        return send_replay(s, now);
    case SHARE_COUNT:
        break;
    }
    return false;
}

static void earliest(int64_t *deadline, int64_t at)
{
    if (at >= 0 && at < *deadline)
        *deadline = at;
}

static int64_t next_deadline(struct sender *s, int64_t now)
{
    int64_t deadline = now + SENDER_HEALTH_MS;

    if (now < s->stalled_ms)
        return s->stalled_ms;
    if (!window_has_room(&s->window)) /* an acknowledgement will call */
        return deadline;
    for (enum control c = 0; c < CONTROL_COUNT; c++)
        if (s->due & (1u << c))
            earliest(&deadline, s->due_ms[c]);
    if (s->leaving)
        return deadline;
    if (s->replays.retry_ms > now)
        earliest(&deadline, s->replays.retry_ms);
    if (s->retry.head)
        earliest(&deadline, s->retry_ms);
    else if (feed_pending(&s->feed) && s->feed.retry_ms > now)
        earliest(&deadline, s->feed.retry_ms);
    if (s->retained_ms > now)
        earliest(&deadline, s->retained_ms);
    else
        earliest(&deadline, mirror_deadline(s->mirror));
    return deadline;
}

int64_t sender_step(struct sender *s)
{
    int64_t now = now_ms(s);

    if (s->up && now >= s->stalled_ms) {
        unsigned sends = 0;

        take_requests(s);
        while (window_has_room(&s->window) && sends < STEP_SENDS && send_one(s, now))
            sends++;
        if (s->due & (1u << CONTROL_FAREWELL) && !window_has_room(&s->window))
            send_control(s, CONTROL_FAREWELL); /* last words do not wait for a stuck window */
        if (sends == STEP_SENDS) {
            tell_acked(s);
            return now;
        }
    }
    tell_acked(s);
    return s->up ? next_deadline(s, now) : now + SENDER_HEALTH_MS;
}
