#include "model/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct studio_event *studio_event_create(enum event_kind kind, const char *table_id, uint64_t rev,
                                         int64_t wall_ms, const char *body, size_t body_len)
{
    size_t id_size = strlen(table_id) + 1;
    struct studio_event *event = malloc(sizeof(*event) + id_size + body_len + 1);

    if (!event)
        return NULL;
    char *text = (char *)(event + 1);
    *event = (struct studio_event){
        .kind = kind,
        .rev = rev,
        .wall_ms = wall_ms,
        .table_id = text,
        .body = text + id_size,
        .body_len = body_len,
    };
    atomic_init(&event->refs, 1);
    memcpy(text, table_id, id_size);
    memcpy(text + id_size, body, body_len);
    text[id_size + body_len] = '\0';
    return event;
}

struct studio_event *studio_event_ref(struct studio_event *event)
{
    atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
    return event;
}

void studio_event_unref(struct studio_event *event)
{
    if (event && atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) == 1)
        free(event);
}

void studio_event_print(struct buf *out, const struct studio_event *event, const char *epoch,
                        bool replay)
{
    buf_str(out, "{");
    json_u64(out, "seq", event->seq);
    json_text(out, "epoch", epoch);
    buf_str(out, ",");
    if (replay && event->body_len > 0) {
        buf_add(out, event->body, event->body_len - 1);
        buf_str(out, ",\"replay\":true}");
    } else {
        buf_add(out, event->body, event->body_len);
    }
}
