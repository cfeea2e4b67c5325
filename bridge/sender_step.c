/* sender_step.c - the other half of sender.c: what goes out next, and when to look again. */
#include "sender_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/faulty.h"

enum {
    STALL_MS = 100,
    STEP_SENDS = 1000,
    /* Bytes of a PUBLISH beside topic, payload, agent id and epoch: header, lengths, properties. */
    PACKET_OVERHEAD = 160
};

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
    slot->sent_ms = sender_now(s);
    if (s->o.link->ops->publish(s->o.link, window_number(&s->window, slot), message))
        return true;
    window_put(&s->window, slot);
    s->stalled_ms = sender_now(s) + STALL_MS;
    return false;
}

static void print_health(struct sender *s)
{
    const struct studio_event *oldest = window_oldest(&s->window);
    const struct studio_event *again = feed_list_first(&s->retry);
    struct announce_health health = {.now_ms = clock_wall(s->o.clock),
                                     .acked = s->window.acked,
                                     .parked = s->parked,
                                     .broker = s->broker};

    if (again && (!oldest || again->seq < oldest->seq))
        oldest = again;
    if (!oldest)
        oldest = feed_peek(&s->feed, sender_now(s));
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
        s->due_ms[what] = sender_now(s);
        break;
    case CONTROL_WATCH:
        slot->sent_ms = sender_now(s);
        if (s->o.link->ops->subscribe(s->o.link, window_number(&s->window, slot),
                                      (const char *const[]){topic}, 1, s->birth.data))
            return true;
        window_put(&s->window, slot);
        sender_set_due(s, what, sender_now(s) + SENDER_RETRY_MS);
        return false;
    case CONTROL_INFO:
        buf_str(&s->text, s->o.info);
        break;
    case CONTROL_HEALTH:
        print_health(s);
        m.expiry_s = SENDER_HEALTH_EXPIRY_S;
        sender_set_due(s, what, sender_now(s) + SENDER_HEALTH_MS);
        break;
    case CONTROL_FAREWELL:
        announce_availability(&s->text, s->farewell, &s->presence);
        break;
    case CONTROL_COUNT:
        break;
    }
    m.payload = s->text.data;
    m.len = s->text.len;
    if (buf_ok(&s->text) && !fits(s, &m)) {
        window_put(&s->window, slot);
        log_limited(&s->refused_log, LOG_ERROR, "bridge",
                    "%s takes no packets as large as that on %s: raise its max_packet_size",
                    s->broker, topic);
        return true;
    }
    if (buf_ok(&s->text) && publish(s, slot, &m))
        return true;
    sender_set_due(s, what, sender_now(s) + STALL_MS);
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
static const struct studio_event *next_event(struct sender *s, int64_t now)
{
    if (s->retry.count > 0)
        return now >= s->retry_ms ? feed_list_first(&s->retry) : NULL;
    return feed_peek(&s->feed, now);
}

static struct studio_event *take_event(struct sender *s)
{
    return s->retry.count > 0 ? feed_list_take(&s->retry) : feed_take(&s->feed);
}

/* Parks or skips it instead of sending; its place in the order is done with. */
static void pass_over(struct sender *s, const char *reason)
{
    struct studio_event *event = take_event(s);

    if (reason)
        sender_park(s, event->seq, reason);
    studio_event_unref(event);
    sender_advance(s);
}

static bool send_event(struct sender *s, const struct studio_event *event)
{
    char topic[TOPIC_MAX];
    struct link_message m = {.topic = topic, .seq = event->seq};
    struct slot *slot;

    if (event->parked || sender_is_parked(s, event->seq) ||
        (faulty("drop-event") && event->seq == 300)) {
        pass_over(s, NULL);
        return true;
    }
    buf_clear(&s->text);
    announce_event(&s->text, event, s->o.epoch, false);
    m.payload = s->text.data;
    m.len = s->text.len;
    if (!buf_ok(&s->text)) {
        s->stalled_ms = sender_now(s) + STALL_MS; /* no memory */
        return false;
    }
    if (!topics_table(s->o.topics, event->table_id,
                      event->kind == EVENT_CHANGE ? TOPIC_CHANGES : TOPIC_EXCEPTIONS, NULL,
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

/* True while events go out one at a time (see suspect() in sender.c). */
static bool careful(const struct sender *s)
{
    return s->window.acked < s->careful_until;
}

/* One message; false when there is nothing (more) to send now. */
static bool send_one(struct sender *s, int64_t now)
{
    enum control control = control_due(s, now);
    const struct studio_event *event;
    bool wants[SHARE_COUNT] = {false};

    if (control != CONTROL_COUNT)
        return send_control(s, control);
    if (s->leaving) /* what was asked and carried out is answered all the same */
        return !s->farewell_said && sender_has_reply(s) && send_reply(s, next_reply(s));
    event = next_event(s, now);
    if (careful(s))
        return event && s->window.in_flight == 0 && send_event(s, event);
    wants[SHARE_EVENT] = event != NULL;
    wants[SHARE_RETAINED] = now >= s->retained_ms && mirror_ready(s->mirror, now);
    wants[SHARE_REPLY] = sender_has_reply(s);
    wants[SHARE_REPLAY] = replays_ready(&s->replays, now);
    switch (share_pick(&s->share, wants)) {
    case SHARE_EVENT:
        return event && send_event(s, event);
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
    if (s->retry.count > 0)
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
    int64_t now = sender_now(s);

    if (s->up && now >= s->stalled_ms) {
        unsigned sends = 0;

        take_requests(s);
        while (window_has_room(&s->window) && sends < STEP_SENDS && send_one(s, now))
            sends++;
        if (s->due & (1u << CONTROL_FAREWELL) && !window_has_room(&s->window))
            send_control(s, CONTROL_FAREWELL); /* last words do not wait for a stuck window */
        if (sends == STEP_SENDS) {
            sender_tell_acked(s);
            return now;
        }
    }
    sender_tell_acked(s);
    return s->up ? next_deadline(s, now) : now + SENDER_HEALTH_MS;
}
