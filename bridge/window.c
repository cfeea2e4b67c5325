#include "window.h"

#include <string.h>

enum {
    STALL_MS = 100,
    STANDING_MS = 1000, /* of a connection, before a suspect is the first thing it carries */
    PAYLOAD_MAX = 1 << 20,
    /* Bytes of a PUBLISH beside topic, payload, agent id and epoch: header, lengths, properties. */
    PACKET_OVERHEAD = 160
};

static void forget_slots(struct window *w)
{
    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        w->slots[i].used = false;
        w->free[i] = LINK_SLOTS - 1 - i;
    }
    w->free_count = LINK_SLOTS;
    w->in_flight = w->retained_in_flight = 0;
    w->alone = w->leaving = false;
    w->waiting = TRAFFIC_COUNT;
}

void window_init(struct window *w, const struct window_options *options)
{
    *w = (struct window){.o = *options, .event_ms = -WINDOW_EVENTS_MS};
    buf_init(&w->text, PAYLOAD_MAX);
    carry_init(&w->carry, options->topics);
    forget_slots(w);
}

void window_finish(struct window *w)
{
    buf_finish(&w->text);
    poison_finish(&w->poison);
}

void window_up(struct window *w, const struct link_limits *limits, const char *broker)
{
    forget_slots(w);
    w->limits = *limits;
    w->limit = limits->receive_max > WINDOW_MAX ? WINDOW_MAX : limits->receive_max;
    w->broker = broker;
    w->stalled_ms = 0;
    w->up_ms = clock_mono(w->o.clock);
    w->answered = false;
    poison_up(&w->poison, broker);
    carry_up(&w->carry, broker);
}

void window_leave(struct window *w)
{
    w->leaving = true;
    w->alone = false;
    w->waiting = TRAFFIC_COUNT;
}

bool window_has_room(const struct window *w)
{
    if (w->alone || (w->waiting != TRAFFIC_COUNT && w->in_flight > 0))
        return false;
    return w->in_flight < w->limit && w->free_count > 0;
}

bool window_retained_may(const struct window *w, int64_t now_ms)
{
    unsigned most = w->limit < WINDOW_RETAINED_PART ? 1 : w->limit / WINDOW_RETAINED_PART;

    return now_ms >= w->event_ms + WINDOW_EVENTS_MS || w->retained_in_flight < most;
}

enum traffic window_turn(struct window *w, struct share *share, const bool wants[TRAFFIC_COUNT])
{
    enum traffic first = w->waiting;

    w->waiting = TRAFFIC_COUNT;
    return first != TRAFFIC_COUNT && wants[first] ? first : share_pick(share, wants);
}

struct buf *window_text(struct window *w)
{
    buf_clear(&w->text);
    return &w->text;
}

void window_stall(struct window *w)
{
    w->stalled_ms = clock_mono(w->o.clock) + STALL_MS;
}

static unsigned number_of(const struct window *w, const struct slot *slot)
{
    return (unsigned)(slot - w->slots);
}

static struct slot *take(struct window *w, enum traffic traffic, void *owner, uint64_t key,
                         const char *topic, size_t size)
{
    struct slot *slot;

    if (w->free_count == 0)
        return NULL;
    slot = &w->slots[w->free[--w->free_count]];
    slot->used = true;
    slot->traffic = traffic;
    slot->owner = owner;
    slot->key = key;
    slot->order = ++w->order;
    slot->sent_ms = clock_mono(w->o.clock);
    slot->size = size;
    if (traffic == TRAFFIC_EVENTS)
        w->event_ms = slot->sent_ms;
    w->retained_in_flight += traffic == TRAFFIC_RETAINED;
    memcpy(slot->topic, topic, strlen(topic) + 1);
    w->in_flight++;
    return slot;
}

static void put(struct window *w, struct slot *slot)
{
    slot->used = false;
    w->free[w->free_count++] = number_of(w, slot);
    w->in_flight--;
    w->retained_in_flight -= slot->traffic == TRAFFIC_RETAINED;
    if (w->in_flight == 0)
        w->alone = false;
}

/* What became of handing it over. */
static enum window_sent handed(struct window *w, struct slot *slot, bool taken)
{
    if (taken)
        return WINDOW_SENT;
    put(w, slot);
    window_stall(w);
    return WINDOW_STALLED;
}

static bool fits(const struct window *w, const struct link_message *m)
{
    size_t size = strlen(m->topic) + m->len + m->correlation_len + strlen(w->o.topics->agent) +
                  strlen(w->o.epoch) + PACKET_OVERHEAD;

    return w->limits.max_packet == 0 || size <= w->limits.max_packet;
}

/* A suspect goes alone, and only over a connection that stands: a network that breaks off at once is
 * not to be taken for a broker that hangs up. Last words are not looked at: nothing comes after them. */
static enum poison_verdict look(struct window *w, enum traffic traffic, uint64_t key,
                                const struct link_message *message)
{
    const struct poison_message m = {traffic, message->topic, key,
                                     message->len + message->correlation_len};
    enum poison_verdict verdict = w->leaving ? POISON_CLEAR : poison_look(&w->poison, &m);

    if (verdict != POISON_ALONE)
        return verdict;
    if (w->in_flight > 0) {
        w->waiting = traffic;
    } else if (!w->answered && clock_mono(w->o.clock) < w->up_ms + STANDING_MS) {
        w->waiting = traffic;
        w->stalled_ms = w->up_ms + STANDING_MS;
    }
    return verdict;
}

enum window_sent window_publish(struct window *w, enum traffic traffic, void *owner, uint64_t key,
                                struct link_message *message)
{
    enum poison_verdict verdict;
    enum window_sent sent;
    struct slot *slot;

    if (traffic != TRAFFIC_CONTROL) /* the agent's own names are known */
        carry_note(&w->carry, message->topic);
    if (!fits(w, message))
        return WINDOW_TOO_LARGE;
    verdict = look(w, traffic, key, message);
    if (verdict == POISON_PARKED)
        return WINDOW_PARKED;
    if (w->waiting == traffic)
        return WINDOW_STALLED;
    slot = take(w, traffic, owner, key, message->topic, message->len + message->correlation_len);
    if (!slot)
        return WINDOW_STALLED;
    message->retained = message->retained && w->limits.retain;
    sent = handed(w, slot, w->o.link->ops->publish(w->o.link, number_of(w, slot), message));
    w->alone = sent == WINDOW_SENT && verdict == POISON_ALONE;
    return sent;
}

enum window_sent window_subscribe(struct window *w, enum traffic traffic, uint64_t key,
                                  const char *const *filters, size_t count, enum link_watch watch,
                                  const char *own)
{
    struct slot *slot = take(w, traffic, NULL, key, "", 0);

    if (!slot)
        return WINDOW_STALLED;
    return handed(
        w, slot,
        w->o.link->ops->subscribe(w->o.link, number_of(w, slot), filters, count, watch, own));
}

static struct poison_message message_of(const struct slot *slot)
{
    return (struct poison_message){slot->traffic, slot->topic, slot->key, slot->size};
}

static bool empty(struct window *w, unsigned number, struct slot *was)
{
    if (number >= LINK_SLOTS || !w->slots[number].used)
        return false;
    *was = w->slots[number];
    put(w, &w->slots[number]);
    return true;
}

bool window_done(struct window *w, unsigned number, int reason, struct slot *was)
{
    if (!empty(w, number, was))
        return false;
    w->answered = w->answered || reason >= 0;
    if (reason >= 0 && was->topic[0] != '\0') {
        const struct poison_message m = message_of(was);

        poison_answered(&w->poison, &m);
    }
    return true;
}

bool window_give_back(struct window *w, struct slot *was)
{
    const struct slot *newest = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++)
        if (w->slots[i].used && (!newest || w->slots[i].order > newest->order))
            newest = &w->slots[i];
    return newest && empty(w, number_of(w, newest), was);
}

bool window_suspect(struct window *w, const struct slot *was, bool alone)
{
    static const char *const kinds[TRAFFIC_COUNT] = {"what the agent says of itself", "an event",
                                                     "a retained message", "an answer", "a replay"};
    const struct poison_message m = message_of(was);

    if (was->topic[0] == '\0' || !poison_hung_up(&w->poison, &m, alone))
        return false;
    w->parked[was->traffic]++;
    log_error("bridge", "%s hangs up on %s on %s (%zu bytes) with nothing beside it: parked",
              w->broker, kinds[was->traffic], was->topic, was->size);
    return true;
}

void window_parked(const struct window *w, struct bridge_parked *out)
{
    out->retained = w->parked[TRAFFIC_RETAINED];
    out->answers = w->parked[TRAFFIC_ANSWERS];
    out->replays = w->parked[TRAFFIC_REPLAYS];
    out->agent = w->parked[TRAFFIC_CONTROL];
}

int64_t window_sent_ms(const struct window *w)
{
    const struct slot *first = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++)
        if (w->slots[i].used && (!first || w->slots[i].order < first->order))
            first = &w->slots[i];
    return first ? first->sent_ms : -1;
}

const struct slot *window_lowest(const struct window *w, enum traffic traffic)
{
    const struct slot *lowest = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        const struct slot *slot = &w->slots[i];

        if (slot->used && slot->traffic == traffic && (!lowest || slot->key < lowest->key))
            lowest = slot;
    }
    return lowest;
}

const char *window_for_good(int reason)
{
    static const struct {
        int reason;
        const char *text;
    } reasons[] = {
        {0x87, "not authorized"},
        {0x90, "topic name invalid"},
        {0x95, "packet too large"},
        {0x99, "payload format invalid"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].reason == reason)
            return reasons[i].text;
    return NULL;
}

void window_log_too_large(struct window *w, const char *topic)
{
    log_limited(&w->refused_log, LOG_ERROR, "bridge",
                "%s takes no packets as large as that on %s: raise its max_packet_size", w->broker,
                topic);
}
