#include "api/recent.h"

#include <stdlib.h>

#include "api/sse.h"

static struct recent_line *at(const struct recent *r, size_t i)
{
    return &r->ring[(r->head + i) % RECENT_MAX];
}

static void drop_oldest(struct recent *r)
{
    struct recent_line *line = at(r, 0);

    r->bytes -= line->len;
    studio_event_unref(line->event);
    free(line->text);
    r->head = (r->head + 1) % RECENT_MAX;
    r->count--;
}

void recent_clear(struct recent *r)
{
    while (r->count > 0)
        drop_oldest(r);
    free(r->ring);
    *r = (struct recent){.ring = NULL};
}

/* As it stands in a stream; NULL: out of memory. */
static char *print(const char *epoch, const struct studio_event *event, size_t *len)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    sse_event(&text, epoch, event);
    *len = text.len;
    return buf_take(&text);
}

void recent_add(struct recent *r, const char *epoch, struct studio_event *event)
{
    struct recent_line line = {.event = event};

    if (r->count > 0 && at(r, r->count - 1)->event->seq + 1 != event->seq)
        recent_clear(r);
    if (!r->ring)
        r->ring = calloc(RECENT_MAX, sizeof(*r->ring));
    line.text = r->ring ? print(epoch, event, &line.len) : NULL;
    if (!line.text) {
        recent_clear(r); /* there must be no gap */
        return;
    }
    while (r->count > 0 && (r->count == RECENT_MAX || r->bytes + line.len > RECENT_BYTES_MAX))
        drop_oldest(r);
    studio_event_ref(event);
    r->bytes += line.len;
    *at(r, r->count++) = line;
}

const struct recent_line *recent_find(const struct recent *r, uint64_t seq)
{
    uint64_t first = r->count > 0 ? at(r, 0)->event->seq : 0;

    return r->count > 0 && seq >= first && seq - first < r->count ? at(r, (size_t)(seq - first))
                                                                  : NULL;
}
