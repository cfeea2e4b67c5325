/*
 * outgoing.h - what a WebSocket client is still to be sent: answers in their order, pushes of what it
 * watches. Zeroed memory is nothing to send. Net thread only.
 */
#ifndef AGENT_NET_OUTGOING_H
#define AGENT_NET_OUTGOING_H

#include "base/clock.h"
#include "core/hub.h"
#include "net/pacing.h"

struct outgoing {
    struct frame *first, *last; /* answers */
    size_t waiting;             /* of them */
    char *data;                 /* what was taken, with SNAPSHOT_HEADROOM bytes before it */
    size_t len;
    struct frame *frame; /* one of the two holds it */
    struct studio_snapshot *snapshot;
    struct paced paced; /* of pushes, where the watcher wants them some time apart */
};

void outgoing_finish(struct outgoing *out);
/* An answer, copied. False: out of memory. */
STUDIO_MUST_USE bool outgoing_put(struct outgoing *out, const char *text, size_t len);
/* Takes the next answer; false, and nothing is taken any more: none waits. */
bool outgoing_answer(struct outgoing *out);
/* A push has come up: may it leave now? If not, pacing_tick says when. */
bool outgoing_may_push(struct outgoing *out, struct watcher *watcher, struct pacing *pacing,
                       int64_t now_ms);
/* When no answer waits: takes the next push, if one waits and may leave. */
bool outgoing_push(struct outgoing *out, struct hub *hub, struct watcher *watcher,
                   const struct clock *clock);
/* It is to be called once more. */
bool outgoing_push_waits(const struct outgoing *out, const struct watcher *watcher);
/* What was taken is written, or not wanted any more. */
void outgoing_sent(struct outgoing *out);

#endif
