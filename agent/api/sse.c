#include "api/sse.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "protocol/document.h"

static void add_id(struct buf *out, const char *epoch, uint64_t seq)
{
    buf_str(out, "id: ");
    buf_str(out, epoch);
    buf_str(out, ":");
    buf_u64(out, seq);
    buf_str(out, "\n");
}

/* JSON as it is printed here has no end of a line in it: one line of `data:` is enough. */
void sse_event(struct buf *out, const char *epoch, const struct studio_event *event)
{
    add_id(out, epoch, event->seq);
    buf_str(out, event->kind == EVENT_EXCEPTION ? "event: exception\ndata: "
                 : event_removes(event)         ? "event: removed\ndata: "
                                                : "event: change\ndata: ");
    studio_event_print(out, event, epoch, false);
    buf_str(out, "\n\n");
}

void sse_status(struct buf *out, const char *document, size_t len)
{
    buf_str(out, "event: status\ndata: ");
    buf_add(out, document, len);
    buf_str(out, "\n\n");
}

void sse_reset(struct buf *out, const char *why, const char *epoch, uint64_t oldest)
{
    buf_str(out, "event: reset\ndata: {");
    json_text(out, "error", why);
    json_word(out, "epoch", epoch);
    json_u64(out, "oldest_seq", oldest);
    buf_str(out, "}\n\n");
}

void sse_place(struct buf *out, const char *epoch, uint64_t seq)
{
    add_id(out, epoch, seq);
    buf_str(out, "\n");
}

bool sse_read_place(const char *text, char epoch[SSE_EPOCH_MAX + 1], uint64_t *seq)
{
    size_t len = strspn(text, "0123456789abcdef");

    if (len == 0 || len > SSE_EPOCH_MAX || text[len] != ':')
        return false;
    memcpy(epoch, text, len);
    epoch[len] = '\0';
    return text_number(text + len + 1, 0, INT64_MAX, seq);
}
