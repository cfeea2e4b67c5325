#include "announce.h"

#include <string.h>

#include "base/figures.h"
#include "base/json.h"
#include "base/times.h"
#include "studio/status.h"
#include "studio/version.h"

static void add_time(struct buf *out, const char *key, int64_t wall_ms)
{
    char ts[TIME_MS_LEN + 1];

    time_print_ms(wall_ms, ts);
    json_text(out, key, ts);
}

void announce_availability(struct buf *out, const char *state,
                           const struct announce_presence *presence)
{
    buf_str(out, "{");
    json_text(out, "state", state);
    json_text(out, "epoch", presence->epoch);
    json_u64(out, "boot", presence->boot);
    json_u64(out, "conn", presence->conn);
    add_time(out, "since", presence->since_ms);
    buf_str(out, "}");
}

/* The values of each settable field, in document order. */
static void add_fields(struct buf *out, const struct studio_values *lists)
{
    json_key(out, "fields");
    buf_str(out, "{");
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];

        json_key(out, field->name);
        buf_str(out, "[");
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
    json_text(out, "version", STUDIO_VERSION);
    json_u64(out, "protocol", STUDIO_PROTOCOL_VERSION);
    json_text(out, "agent", agent_id);
    json_text(out, "epoch", epoch);
    add_time(out, "started", started_ms);
    add_fields(out, lists);
    if (more) {
        buf_str(out, ",");
        buf_str(out, more);
    }
    buf_str(out, "}");
}

static void add_figure(struct buf *out, const char *key, const atomic_uint_fast64_t *figure)
{
    json_u64(out, key, figure_get(figure));
}

/* Not there without TLS. */
static void add_tls(struct buf *out, const struct announce_health *h)
{
    int64_t ends_s = (int64_t)figure_get(&h->agent->tls_ends);

    if (ends_s == 0)
        return;
    json_key(out, "tls");
    buf_str(out, "{");
    json_u64(out, "days_left", time_days_left(ends_s, h->now_ms / 1000));
    json_text(out, "files", figure_get(&h->agent->tls_refused) ? "refused" : "served");
    buf_str(out, "}");
}

void announce_health(struct buf *out, const struct announce_health *h)
{
    buf_str(out, "{");
    add_time(out, "ts", h->now_ms);
    json_key(out, "seq");
    buf_str(out, "{");
    add_figure(out, "committed", &h->agent->seq);
    json_u64(out, "acked", h->acked);
    buf_str(out, "}");
    json_key(out, "backlog");
    buf_str(out, "{");
    json_u64(out, "events", h->backlog);
    json_u64(out, "oldest_s", (uint64_t)h->oldest_age_ms / 1000);
    buf_str(out, "}");
    json_u64(out, "parked", h->parked.events);
    json_key(out, "parked_kinds");
    buf_str(out, "{");
    json_u64(out, "events", h->parked.events);
    json_u64(out, "retained", h->parked.retained);
    json_u64(out, "answers", h->parked.answers);
    json_u64(out, "replays", h->parked.replays);
    json_u64(out, "agent", h->parked.agent);
    buf_str(out, "}");
    json_key(out, "uncarried");
    buf_str(out, h->uncarried);
    add_figure(out, "tables", &h->agent->tables);
    json_u64(out, "clients", FIGURE_SUM(h->agent->connections));
    add_figure(out, "subscribers", &h->agent->subscribers);
    json_u64(out, "updates", FIGURE_SUM(h->agent->updates));
    json_u64(out, "refused", FIGURE_SUM(h->agent->refused));
    json_key(out, "closed");
    buf_str(out, "{");
    add_figure(out, "silent", &h->agent->closed[CLOSED_SILENT]);
    add_figure(out, "slow", &h->agent->closed[CLOSED_SLOW]);
    buf_str(out, "}");
    json_u64(out, "ignored", h->ignored);
    json_text(out, "broker", h->broker);
    json_text(out, "commands", h->commands);
    json_key(out, "exposed");
    buf_str(out, figure_get(&h->agent->exposed) ? "true" : "false");
    json_key(out, "store");
    buf_printf(out, "{\"writable\":%s}", figure_get(&h->agent->store_writable) ? "true" : "false");
    add_tls(out, h);
    buf_str(out, "}");
}

void announce_stats(struct buf *out, const struct figures *figures,
                    const struct bridge_stats *stats, const struct buf *uncarried,
                    const struct clock *clock)
{
    int64_t now_ms = clock_mono(clock), since = (int64_t)figure_get(&figures->waiting_since);
    uint64_t seq = figure_get(&figures->seq);
    const struct announce_health health = {
        .now_ms = clock_wall(clock),
        .agent = figures,
        .acked = stats->acked,
        .parked = stats->parked,
        .ignored = stats->ignored,
        .backlog = seq > stats->acked ? seq - stats->acked : 0,
        .oldest_age_ms = since && since < now_ms ? now_ms - since : 0,
        .broker = stats->broker,
        .commands = stats->commands ? stats->commands : "waiting",
        .uncarried = buf_ok(uncarried) && uncarried->len > 0 ? uncarried->data : "[]",
    };

    announce_health(out, &health);
}
