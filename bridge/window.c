#include "window.h"

#include <string.h>

enum {
    STALL_MS = 100,
    PAYLOAD_MAX = 1 << 20,
    /* Bytes of a PUBLISH beside topic, payload, agent id and epoch: header, lengths, properties. */
    PACKET_OVERHEAD = 160
};

static void forget_slots(struct window *w)
{
    for (unsigned i = 0; i < LINK_SLOTS; i++) {
        w->slots[i] = (struct slot){.used = false};
        w->free[i] = LINK_SLOTS - 1 - i;
    }
    w->free_count = LINK_SLOTS;
    w->in_flight = 0;
}

void window_init(struct window *w, const struct window_options *options)
{
    *w = (struct window){.o = *options};
    buf_init(&w->text, PAYLOAD_MAX);
    forget_slots(w);
}

void window_finish(struct window *w)
{
    buf_finish(&w->text);
}

void window_up(struct window *w, const struct link_limits *limits, const char *broker)
{
    forget_slots(w);
    w->limits = *limits;
    w->limit = limits->receive_max > WINDOW_MAX ? WINDOW_MAX : limits->receive_max;
    w->broker = broker;
    w->stalled_ms = 0;
}

bool window_has_room(const struct window *w)
{
    return w->in_flight < w->limit && w->free_count > 0;
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

static struct slot *take(struct window *w, enum traffic traffic, void *owner, uint64_t key)
{
    struct slot *slot;

    if (w->free_count == 0)
        return NULL;
    slot = &w->slots[w->free[--w->free_count]];
    *slot = (struct slot){.used = true,
                          .traffic = traffic,
                          .owner = owner,
                          .key = key,
                          .order = ++w->order,
                          .sent_ms = clock_mono(w->o.clock)};
    w->in_flight++;
    return slot;
}

static void put(struct window *w, struct slot *slot)
{
    slot->used = false;
    w->free[w->free_count++] = number_of(w, slot);
    w->in_flight--;
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

enum window_sent window_publish(struct window *w, enum traffic traffic, void *owner, uint64_t key,
                                struct link_message *message)
{
    struct slot *slot;

    if (!fits(w, message))
        return WINDOW_TOO_LARGE;
    slot = take(w, traffic, owner, key);
    if (!slot)
        return WINDOW_STALLED;
    message->retained = message->retained && w->limits.retain;
    return handed(w, slot, w->o.link->ops->publish(w->o.link, number_of(w, slot), message));
}

enum window_sent window_subscribe(struct window *w, enum traffic traffic, uint64_t key,
                                  const char *const *filters, size_t count, const char *watch)
{
    struct slot *slot = take(w, traffic, NULL, key);

    if (!slot)
        return WINDOW_STALLED;
    return handed(w, slot,
                  w->o.link->ops->subscribe(w->o.link, number_of(w, slot), filters, count, watch));
}

bool window_done(struct window *w, unsigned number, struct slot *was)
{
    if (number >= LINK_SLOTS || !w->slots[number].used)
        return false;
    *was = w->slots[number];
    put(w, &w->slots[number]);
    return true;
}

bool window_give_back(struct window *w, struct slot *was)
{
    const struct slot *newest = NULL;

    for (unsigned i = 0; i < LINK_SLOTS; i++)
        if (w->slots[i].used && (!newest || w->slots[i].order > newest->order))
            newest = &w->slots[i];
    return newest && window_done(w, number_of(w, newest), was);
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
