/* sse.h - the lines of the live stream (protocol section 5): Server-Sent Events. Pure; any thread. */
#ifndef AGENT_API_SSE_H
#define AGENT_API_SSE_H

#include "model/event.h"

enum { SSE_EPOCH_MAX = 64 /* characters of an epoch in a Last-Event-ID */ };

/* An event as on MQTT, under the id `<epoch>:<seq>`. */
void sse_event(struct buf *out, const char *epoch, const struct studio_event *event);
/* The document of a table. */
void sse_status(struct buf *out, const char *document, size_t len);
/* That what comes does not follow what came, and why: everything is told anew. */
void sse_reset(struct buf *out, const char *why, const char *epoch, uint64_t oldest);
/* An id without an event: all up to here has been told. */
void sse_place(struct buf *out, const char *epoch, uint64_t seq);

/* Takes a Last-Event-ID apart. False: it is none of ours. */
bool sse_read_place(const char *text, char epoch[SSE_EPOCH_MAX + 1], uint64_t *seq);

#endif
