#include "retained.h"

#include <stdio.h>

enum { PAYLOAD_MAX = 1 << 20 };

void retained_init(struct retained *r, const struct bridge_source *source, struct window *window,
                   struct mirror *mirror, int64_t spread_ms)
{
    *r = (struct retained){
        .source = source, .window = window, .mirror = mirror, .spread_ms = spread_ms};
    buf_init(&r->payload, PAYLOAD_MAX);
}

void retained_finish(struct retained *r)
{
    buf_finish(&r->payload);
}

static bool clear_topic(void *ctx, const char *table_id, const char *field)
{
    struct retained *r = ctx;

    r->listed = r->listed && mirror_clear(r->mirror, table_id, field) == STUDIO_OK;
    return r->listed;
}

/* The agent need not keep what is known to be cleared. */
static void tell(struct retained *r)
{
    uint64_t rev;
    const char *table_id = mirror_cleared(r->mirror, &rev);

    if (table_id && r->listed)
        r->source->clearing_done(r->source->ctx, table_id, rev);
}

/* A slot's key: whether it clears a custom field, which one by a hash, and the lap of mirror.h. */
#define KEY_CLEARS 1u
#define KEY_LAP    2u

static void ended(struct retained *r, struct mirror_entry *entry, uint64_t key, bool answered)
{
    mirror_done(r->mirror, entry, (key & KEY_LAP) != 0, answered);
    tell(r);
}

void retained_up(struct retained *r, int64_t now_ms, uint32_t random)
{
    enum studio_err err;

    r->retry_ms = 0;
    if (r->held)
        ended(r, r->held, r->key, false);
    r->held = NULL;
    mirror_restart(r->mirror, r->window->limits.mqtt_version == 5);
    mirror_spread(r->mirror, now_ms, r->spread_ms, random);
    r->listed = true;
    err = r->source->cleared(r->source->ctx, clear_topic, r);
    if (err != STUDIO_OK || !r->listed)
        log_warn("bridge", "cannot read which retained topics to clear (%s)",
                 studio_err_text(err != STUDIO_OK ? err : STUDIO_ERR_NO_MEMORY));
    r->listed = r->listed && err == STUDIO_OK;
    if (!r->window->limits.retain)
        log_warn("bridge",
                 "%s keeps no retained messages: status and availability reach only those "
                 "who are connected; allow retained messages in the broker",
                 r->window->broker);
}

bool retained_ready(const struct retained *r, int64_t now_ms)
{
    return now_ms >= r->retry_ms && (r->held || mirror_ready(r->mirror, now_ms));
}

/* The key of the clearing of a custom field, which no later round would know of. */
static uint64_t clearing(const char *table_id, const char *field)
{
    uint64_t key = 0xcbf29ce484222325;

    for (; *table_id; table_id++)
        key = (key ^ (unsigned char)*table_id) * 0x100000001b3;
    key = (key ^ '/') * 0x100000001b3; /* in no table's name */
    for (; *field; field++)
        key = (key ^ (unsigned char)*field) * 0x100000001b3;
    return (key | KEY_CLEARS) & ~(uint64_t)KEY_LAP;
}

static bool clear_again(void *ctx, const char *table_id, const char *field)
{
    struct retained *r = ctx;

    return clearing(table_id, field) != r->refused || clear_topic(r, table_id, field);
}

/* It was not accepted. */
static void again(struct retained *r, struct mirror_entry *entry, uint64_t key)
{
    ended(r, entry, key, false);
    mirror_again(r->mirror, entry);
    if (!(key & KEY_CLEARS))
        return;
    r->refused = key & ~(uint64_t)KEY_LAP;
    if (r->source->cleared(r->source->ctx, clear_again, r) == STUDIO_OK)
        return;
    r->listed = false;
    log_limited(&r->window->refused_log, LOG_WARN, "bridge",
                "cannot read which retained topic to clear again; the next connection does it");
}

/* The mirror's next one goes when there is room for it, not a whole round again. */
static void hold(struct retained *r, const char *topic, const struct mirror_message *m,
                 uint64_t key)
{
    buf_clear(&r->payload);
    buf_add(&r->payload, m->payload, m->len);
    if (!buf_ok(&r->payload)) {
        again(r, m->entry, key);
        return;
    }
    snprintf(r->topic, sizeof(r->topic), "%s", topic);
    r->plain = m->plain;
    r->expiry_s = m->expiry_s;
    r->held = m->entry;
    r->key = key;
}

static enum window_sent send(struct retained *r, const char *topic, const struct mirror_message *m,
                             uint64_t key)
{
    struct link_message message = {.topic = topic,
                                   .payload = m->payload,
                                   .len = m->len,
                                   .plain = m->plain,
                                   .expiry_s = m->expiry_s,
                                   .retained = true};
    enum window_sent sent = window_publish(r->window, TRAFFIC_RETAINED, m->entry, key, &message);

    if (sent == WINDOW_TOO_LARGE)
        window_log_too_large(r->window, topic);
    if (sent == WINDOW_TOO_LARGE || sent == WINDOW_PARKED)
        ended(r, m->entry, key, true);
    return sent;
}

static bool send_held(struct retained *r)
{
    struct mirror_message m = {.entry = r->held,
                               .payload = r->payload.data ? r->payload.data : "",
                               .len = r->payload.len,
                               .plain = r->plain,
                               .expiry_s = r->expiry_s};

    if (send(r, r->topic, &m, r->key) == WINDOW_STALLED)
        return false;
    r->held = NULL;
    return true;
}

bool retained_send(struct retained *r, int64_t now_ms)
{
    struct mirror_message next;
    char topic[TOPIC_MAX];
    uint64_t key;
    bool any;

    if (r->held)
        return send_held(r);
    any = mirror_next(r->mirror, now_ms, &next);
    tell(r);
    if (!any)
        return true; /* the end of a round */
    key = next.field && next.len == 0 && !next.plain ? clearing(next.table_id, next.field) : 0;
    key |= next.lap ? KEY_LAP : 0;
    if (!topics_table(r->window->o.topics, next.table_id, next.topic, next.field, topic)) {
        ended(r, next.entry, key, true); /* no such name could have been taken in */
        return true;
    }
    if (send(r, topic, &next, key) != WINDOW_STALLED)
        return true;
    hold(r, topic, &next, key);
    return false;
}

void retained_done(struct retained *r, struct mirror_entry *entry, uint64_t key, int reason,
                   int64_t now_ms)
{
    const char *good = window_for_good(reason);

    if (reason > 0)
        log_limited(&r->window->refused_log, LOG_WARN, "bridge",
                    "%s refuses a retained message (%s, reason 0x%02x): check the broker's access "
                    "list",
                    r->window->broker, good ? good : "for now", (unsigned)reason);
    if (reason <= 0 || good) {
        ended(r, entry, key, reason >= 0);
        return;
    }
    again(r, entry, key);
    r->retry_ms = now_ms + RETAINED_RETRY_MS;
}

int64_t retained_deadline(const struct retained *r, int64_t now_ms)
{
    int64_t at = r->retry_ms > now_ms ? r->retry_ms : mirror_deadline(r->mirror);

    return at < 0 ? INT64_MAX : at;
}
