#include "announce.h"

#include <string.h>

#include "base/json.h"
#include "base/times.h"
#include "studio/status.h"
#include "studio/version.h"

static void add_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    json_string(out, text, strlen(text));
}

static void add_number(struct buf *out, const char *key, uint64_t n)
{
    buf_printf(out, "\"%s\":", key);
    buf_u64(out, n);
}

static void add_time(struct buf *out, const char *key, int64_t wall_ms)
{
    char ts[TIME_MS_LEN + 1];

    time_print_ms(wall_ms, ts);
    buf_printf(out, "\"%s\":\"%s\"", key, ts);
}

void announce_availability(struct buf *out, const char *state,
                           const struct announce_presence *presence)
{
    buf_str(out, "{");
    add_text(out, "state", state);
    buf_str(out, ",");
    add_text(out, "epoch", presence->epoch);
    buf_str(out, ",");
    add_number(out, "boot", presence->boot);
    buf_str(out, ",");
    add_number(out, "conn", presence->conn);
    buf_str(out, ",");
    add_time(out, "since", presence->since_ms);
    buf_str(out, "}");
}

/* The values of each settable field, in document order. */
static void add_fields(struct buf *out, const struct studio_values *lists)
{
    buf_str(out, "\"fields\":{");
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];

        buf_printf(out, "%s\"%s\":[", i ? "," : "", field->name);
        for (size_t v = 0; v < lists->count[field->kind]; v++) {
            const char *value = lists->names[field->kind][v];
            if (v > 0)
                buf_str(out, ",");
            if (field->kind == STUDIO_KIND_FLAG)
                buf_str(out, value);
            else
                json_string(out, value, strlen(value));
        }
        buf_str(out, "]");
    }
    buf_str(out, "}");
}

void announce_info(struct buf *out, const struct studio_values *lists, const char *agent_id,
                   const char *epoch, int64_t started_ms, const char *more)
{
    buf_str(out, "{");
    add_text(out, "version", STUDIO_VERSION);
    buf_str(out, ",");
    add_number(out, "protocol", STUDIO_PROTOCOL_VERSION);
    buf_str(out, ",");
    add_text(out, "agent", agent_id);
    buf_str(out, ",");
    add_text(out, "epoch", epoch);
    buf_str(out, ",");
    add_time(out, "started", started_ms);
    buf_str(out, ",");
    add_fields(out, lists);
    if (!more || !strstr(more, "\"limits\""))
        buf_printf(out, ",\"limits\":{\"message\":%d,\"custom_fields\":%d,\"custom_value\":%d}",
                   STUDIO_MESSAGE_MAX, STUDIO_CUSTOM_FIELDS_MAX, STUDIO_CUSTOM_VALUE_MAX);
    if (more && *more) {
        buf_str(out, ",");
        buf_str(out, more);
    }
    buf_str(out, "}");
}

void announce_health(struct buf *out, const struct announce_health *h)
{
    int64_t age_ms = h->oldest_ms ? h->now_ms - h->oldest_ms : 0;

    buf_str(out, "{");
    add_time(out, "ts", h->now_ms);
    buf_str(out, ",\"seq\":{");
    add_number(out, "committed", h->agent.committed);
    buf_str(out, ",");
    add_number(out, "acked", h->acked);
    buf_str(out, "},\"backlog\":{");
    add_number(out, "events", h->backlog);
    buf_str(out, ",");
    add_number(out, "oldest_s", age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
    buf_str(out, "},");
    add_number(out, "parked", h->parked);
    buf_str(out, ",\"parked_kinds\":{");
    add_number(out, "events", h->parked);
    buf_str(out, ",");
    add_number(out, "retained", h->retained);
    buf_str(out, ",");
    add_number(out, "answers", h->answers);
    buf_str(out, ",");
    add_number(out, "replays", h->replays);
    buf_str(out, ",");
    add_number(out, "agent", h->words);
    buf_str(out, "},");
    add_number(out, "tables", h->agent.tables);
    buf_str(out, ",");
    add_number(out, "clients", h->agent.clients);
    buf_str(out, ",");
    add_number(out, "subscribers", h->agent.subscribers);
    buf_str(out, ",");
    add_number(out, "updates", h->agent.updates);
    buf_str(out, ",");
    add_number(out, "refused", h->agent.refused);
    buf_str(out, ",");
    add_number(out, "ignored", h->ignored);
    buf_str(out, ",");
    add_text(out, "broker", h->broker);
    buf_printf(out, ",\"store\":{\"writable\":%s}}", h->agent.store_writable ? "true" : "false");
}

void announce_event(struct buf *out, const struct studio_event *event, const char *epoch,
                    bool replay)
{
    buf_str(out, "{");
    add_number(out, "seq", event->seq);
    buf_str(out, ",");
    add_text(out, "epoch", epoch);
    buf_str(out, ",");
    if (replay && event->body_len > 0) {
        buf_add(out, event->body, event->body_len - 1);
        buf_str(out, ",\"replay\":true}");
    } else {
        buf_add(out, event->body, event->body_len);
    }
}
