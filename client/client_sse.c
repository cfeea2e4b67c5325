#include "client_sse.h"

#include <string.h>

void client_sse_init(struct client_sse *sse)
{
    memset(sse, 0, sizeof(*sse));
    buf_init(&sse->line, CLIENT_SSE_EVENT_MAX);
    buf_init(&sse->event, CLIENT_SSE_EVENT_MAX);
    buf_init(&sse->data, CLIENT_SSE_EVENT_MAX);
    buf_init(&sse->id, CLIENT_SSE_EVENT_MAX);
    buf_init(&sse->next_id, CLIENT_SSE_EVENT_MAX);
}

void client_sse_finish(struct client_sse *sse)
{
    buf_finish(&sse->line);
    buf_finish(&sse->event);
    buf_finish(&sse->data);
    buf_finish(&sse->id);
    buf_finish(&sse->next_id);
}

static void begin_block(struct client_sse *sse)
{
    buf_clear(&sse->event);
    buf_clear(&sse->data);
    sse->has_id = false;
}

void client_sse_begin(struct client_sse *sse)
{
    buf_clear(&sse->line);
    begin_block(sse);
}

const char *client_sse_id(const struct client_sse *sse)
{
    return sse->id.len > 0 ? sse->id.data : "";
}

static void set(struct buf *buf, const char *text)
{
    buf_clear(buf);
    buf_str(buf, text);
}

/* An empty line: the block is whole. One without data only moves the id. */
static bool end_block(struct client_sse *sse, studio_client_event_fn *fn, void *ctx)
{
    bool go_on = true;

    if (sse->has_id) {
        set(&sse->id, sse->next_id.len > 0 ? sse->next_id.data : "");
        sse->moved = true;
    }
    if (sse->data.len > 0) {
        sse->data.data[--sse->data.len] = '\0'; /* the last end of a line */
        const struct studio_client_event event = {
            .event = sse->event.len > 0 ? sse->event.data : "message",
            .id = client_sse_id(sse),
            .json = sse->data.data,
            .len = sse->data.len,
        };
        sse->moved = false;
        go_on = fn(ctx, &event);
    }
    begin_block(sse);
    return go_on;
}

static void take_field(struct client_sse *sse, const char *name, const char *value)
{
    if (strcmp(name, "event") == 0) {
        set(&sse->event, value);
    } else if (strcmp(name, "data") == 0) {
        buf_str(&sse->data, value);
        buf_str(&sse->data, "\n");
    } else if (strcmp(name, "id") == 0) {
        set(&sse->next_id, value);
        sse->has_id = true;
    }
}

/* `name: value`, `name`, or `: a comment` */
static void take_line(struct client_sse *sse)
{
    char *line = sse->line.data, *colon = strchr(line, ':');
    const char *value = "";

    if (colon != NULL) {
        *colon = '\0';
        value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
    take_field(sse, line, value);
}

static bool all_ok(const struct client_sse *sse)
{
    return buf_ok(&sse->line) && buf_ok(&sse->event) && buf_ok(&sse->data) && buf_ok(&sse->id) &&
           buf_ok(&sse->next_id);
}

enum client_sse_result client_sse_feed(struct client_sse *sse, const char *bytes, size_t len,
                                       studio_client_event_fn *fn, void *ctx)
{
    while (len > 0 && all_ok(sse)) {
        const char *end = memchr(bytes, '\n', len);
        size_t n = end != NULL ? (size_t)(end - bytes) : len;
        buf_add(&sse->line, bytes, n);
        if (end == NULL)
            break;
        bytes += n + 1;
        len -= n + 1;
        if (sse->line.len > 0 && sse->line.data[sse->line.len - 1] == '\r')
            sse->line.data[--sse->line.len] = '\0';
        if (sse->line.len > 0)
            take_line(sse);
        else if (!end_block(sse, fn, ctx))
            return CLIENT_SSE_STOP;
        buf_clear(&sse->line);
    }
    return all_ok(sse) ? CLIENT_SSE_OK : CLIENT_SSE_BAD;
}
