/*
 * stream.h - the live stream: every event as it becomes visible, and from a place in the past (protocol
 * section 5).
 *
 * A stream is a place in the sequence and at most one page of text. Near the newest event it is fed from
 * memory that all share (recent.h), further behind from the store, a page after the other as its reader
 * takes them: a slow reader holds up nobody and nothing queues for it. Net thread.
 */
#ifndef AGENT_API_STREAM_H
#define AGENT_API_STREAM_H

#include "api/request.h"

struct streams;

/* All streams of an agent; listens to its core. NULL: out of memory. */
struct streams *streams_create(struct api *api);
/* No exchange is left, and the lookup has been stopped. NULL does nothing. */
void streams_destroy(struct streams *streams);
/* About ten times a second: what was held back for a moment. */
void streams_tick(struct streams *streams);

/* GET /api/v1/stream */
void stream_respond(struct api_request *request);

#endif
