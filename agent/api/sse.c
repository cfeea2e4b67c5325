#include "api/sse.h"

#include <string.h>

#include "base/json.h"
#include "protocol/document.h"

enum { DIGITS_MAX = 18 /* a number of these fits into every 64 bits */ };

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

/* Digits and nothing else. */
static bool read_seq(const char *text, uint64_t *seq)
{
    size_t len = strspn(text, "0123456789");

    *seq = 0;
    if (len == 0 || len > DIGITS_MAX || text[len])
        return false;
    for (size_t i = 0; i < len; i++)
        *seq = *seq * 10 + (uint64_t)(text[i] - '0');
    return true;
}

bool sse_read_place(const char *text, char epoch[SSE_EPOCH_MAX + 1], uint64_t *seq)
{
    size_t len = strspn(text, "0123456789abcdef");

    if (len == 0 || len > SSE_EPOCH_MAX || text[len] != ':')
        return false;
    memcpy(epoch, text, len);
    epoch[len] = '\0';
    return read_seq(text + len + 1, seq);
}
