/* client_sse.h - Server-Sent Events as they come in pieces. Pure; one thread at a time. */
#ifndef CLIENT_CLIENT_SSE_H
#define CLIENT_CLIENT_SSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "studio/client.h"

enum { CLIENT_SSE_EVENT_MAX = 1 << 20 /* bytes of one event, and of one line */ };

struct client_sse {
    struct buf line, event, data;
    struct buf id;      /* of the last whole block that had one */
    struct buf next_id; /* of the block at hand */
    bool has_id;
    bool moved; /* the id, and no event has told it */
};

void client_sse_init(struct client_sse *sse);
void client_sse_finish(struct client_sse *sse);
/* A connection begins: what was left of the last one is no event. The id stays. */
void client_sse_begin(struct client_sse *sse);

enum client_sse_result {
    CLIENT_SSE_OK,
    CLIENT_SSE_STOP, /* fn returned false */
    CLIENT_SSE_BAD   /* no memory, or an event that is too large */
};
/* Calls fn for each event that is complete with these bytes. */
enum client_sse_result client_sse_feed(struct client_sse *sse, const char *bytes, size_t len,
                                       studio_client_event_fn *fn, void *ctx);
/* "" so far. */
const char *client_sse_id(const struct client_sse *sse);

#endif
