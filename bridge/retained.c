#include "retained.h"

void retained_init(struct retained *r, const struct bridge_source *source, struct window *window,
                   struct mirror *mirror)
{
    *r = (struct retained){.source = source, .window = window, .mirror = mirror};
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
    return now_ms >= r->retry_ms && mirror_ready(r->mirror, now_ms);
}

bool retained_send(struct retained *r, int64_t now_ms)
{
    struct window *w = r->window;
    struct mirror_message next;
    struct link_message m = {.retained = true};
    char topic[TOPIC_MAX];

    if (!mirror_next(r->mirror, now_ms, &next))
        return true; /* the end of a round */
    if (!topics_table(w->o.topics, next.table_id, next.topic, next.field, topic))
        return true; /* no such name could have been taken in */
    m.topic = topic;
    m.payload = next.payload;
    m.len = next.len;
    m.plain = next.plain;
    m.expiry_s = next.expiry_s;
    switch (window_publish(w, TRAFFIC_RETAINED, next.entry, 0, &m)) {
    case WINDOW_SENT:
        return true;
    case WINDOW_TOO_LARGE:
        window_log_too_large(w, topic);
        return true;
    case WINDOW_STALLED:
        mirror_again(r->mirror, next.entry);
        break;
    }
    return false;
}

void retained_done(struct retained *r, struct mirror_entry *entry, int reason, int64_t now_ms)
{
    const char *good = window_for_good(reason);

    if (reason <= 0)
        return;
    log_limited(&r->window->refused_log, LOG_WARN, "bridge",
                "%s refuses a retained message (%s, reason 0x%02x): check the broker's access list",
                r->window->broker, good ? good : "for now", (unsigned)reason);
    if (good)
        return;
    mirror_again(r->mirror, entry);
    r->retry_ms = now_ms + RETAINED_RETRY_MS;
}

int64_t retained_deadline(const struct retained *r, int64_t now_ms)
{
    int64_t at = r->retry_ms > now_ms ? r->retry_ms : mirror_deadline(r->mirror);

    return at < 0 ? INT64_MAX : at;
}
