#include "retained.h"

#include <stdio.h>

enum { PAYLOAD_MAX = 1 << 20 };

void retained_init(struct retained *r, const struct bridge_source *source, struct window *window,
                   struct mirror *mirror)
{
    *r = (struct retained){.source = source, .window = window, .mirror = mirror};
    buf_init(&r->payload, PAYLOAD_MAX);
}

void retained_finish(struct retained *r)
{
    buf_finish(&r->payload);
}

static bool clear_topic(void *ctx, const char *table_id, const char *field)
{
    struct retained *r = ctx;

    return mirror_clear(r->mirror, table_id, field) == STUDIO_OK;
}

void retained_up(struct retained *r)
{
    enum studio_err err;

    r->retry_ms = 0;
    r->held = NULL;
    mirror_restart(r->mirror, r->window->limits.mqtt_version == 5);
    err = r->source->cleared(r->source->ctx, clear_topic, r);
    if (err != STUDIO_OK)
        log_warn("bridge", "cannot read which retained topics to clear (%s)", studio_err_text(err));
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

/* Of the clearing of a custom field, which no later round would know of: never 0. */
static uint64_t clearing(const char *table_id, const char *field)
{
    uint64_t key = 0xcbf29ce484222325;

    for (; *table_id; table_id++)
        key = (key ^ (unsigned char)*table_id) * 0x100000001b3;
    key = (key ^ '/') * 0x100000001b3; /* in no table's name */
    for (; *field; field++)
        key = (key ^ (unsigned char)*field) * 0x100000001b3;
    return key | 1;
}

static bool clear_again(void *ctx, const char *table_id, const char *field)
{
    struct retained *r = ctx;

    return clearing(table_id, field) != r->refused ||
           mirror_clear(r->mirror, table_id, field) == STUDIO_OK;
}

/* It was not accepted. */
static void again(struct retained *r, struct mirror_entry *entry, uint64_t key)
{
    mirror_again(r->mirror, entry);
    r->refused = key;
    if (key && r->source->cleared(r->source->ctx, clear_again, r) != STUDIO_OK)
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

    if (r->held)
        return send_held(r);
    if (!mirror_next(r->mirror, now_ms, &next))
        return true; /* the end of a round */
    if (!topics_table(r->window->o.topics, next.table_id, next.topic, next.field, topic))
        return true; /* no such name could have been taken in */
    key = next.field && next.len == 0 && !next.plain ? clearing(next.table_id, next.field) : 0;
    if (send(r, topic, &next, key) != WINDOW_STALLED)
        return true;
    hold(r, topic, &next, key);
    return false;
}

void retained_done(struct retained *r, struct mirror_entry *entry, uint64_t key, int reason,
                   int64_t now_ms)
{
    const char *good = window_for_good(reason);

    if (reason <= 0)
        return;
    log_limited(&r->window->refused_log, LOG_WARN, "bridge",
                "%s refuses a retained message (%s, reason 0x%02x): check the broker's access list",
                r->window->broker, good ? good : "for now", (unsigned)reason);
    if (good)
        return;
    again(r, entry, key);
    r->retry_ms = now_ms + RETAINED_RETRY_MS;
}

int64_t retained_deadline(const struct retained *r, int64_t now_ms)
{
    int64_t at = r->retry_ms > now_ms ? r->retry_ms : mirror_deadline(r->mirror);

    return at < 0 ? INT64_MAX : at;
}
