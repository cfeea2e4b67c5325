#include "net/outgoing.h"

#include "protocol/document.h"

void outgoing_finish(struct outgoing *out)
{
    while (outgoing_answer(out))
        ;
}

bool outgoing_put(struct outgoing *out, const char *text, size_t len)
{
    struct frame *frame = frame_create(text, len);

    if (!frame)
        return false;
    *(out->first ? &out->last->next : &out->first) = frame;
    out->last = frame;
    out->waiting++;
    return true;
}

static void hand_out(struct outgoing *out, struct frame *frame)
{
    out->frame = frame;
    out->data = frame->data;
    out->len = frame->len;
}

bool outgoing_answer(struct outgoing *out)
{
    struct frame *frame = out->first;

    outgoing_sent(out);
    if (!frame)
        return false;
    out->first = frame->next;
    out->waiting--;
    hand_out(out, frame);
    return true;
}

static struct frame *lagged(uint64_t missed)
{
    struct frame *frame = NULL;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    push_lagged(&text, missed);
    if (buf_ok(&text))
        frame = frame_create(text.data, text.len);
    buf_finish(&text);
    return frame;
}

bool outgoing_may_push(struct outgoing *out, struct watcher *watcher, struct pacing *pacing,
                       int64_t now_ms)
{
    return watcher->interval_ms == 0 || pacing_begin(pacing, &out->paced, watcher, now_ms);
}

bool outgoing_push_waits(const struct outgoing *out, const struct watcher *watcher)
{
    /* One that is paced is asked until there is nothing more, so that its rest begins. */
    return watcher->interval_ms > 0 ? out->paced.running : hub_waiting(watcher);
}

static bool next_push(struct outgoing *out, struct hub *hub, struct watcher *watcher,
                      struct push *push, const struct clock *clock)
{
    struct paced *paced = &out->paced;

    if (watcher->interval_ms > 0 && !paced->running)
        return false;
    if (hub_next(hub, watcher, push))
        return true;
    if (watcher->interval_ms > 0)
        pacing_end(paced, clock_mono(clock), watcher->interval_ms);
    return false;
}

bool outgoing_push(struct outgoing *out, struct hub *hub, struct watcher *watcher,
                   const struct clock *clock)
{
    struct push push;

    if (!next_push(out, hub, watcher, &push, clock))
        return false;
    if (push.missed && !(push.frame = lagged(push.missed))) {
        watcher->missed += push.missed; /* told later */
        return false;
    }
    if (push.frame) {
        hand_out(out, push.frame);
    } else {
        out->snapshot = push.status;
        /* The header is written into the headroom, the same bytes for every reader. */
        out->data = (char *)(uintptr_t)push.status->push;
        out->len = push.status->push_len;
    }
    return true;
}

void outgoing_sent(struct outgoing *out)
{
    frame_unref(out->frame);
    studio_snapshot_unref(out->snapshot);
    out->frame = NULL;
    out->snapshot = NULL;
    out->data = NULL;
    out->len = 0;
}
