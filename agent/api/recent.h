/*
 * recent.h - the newest events in memory, printed once for all streams: who is near the newest one needs
 * no store. Bounded in number and bytes; what is older is in the store. Net thread.
 */
#ifndef AGENT_API_RECENT_H
#define AGENT_API_RECENT_H

#include "model/event.h"

enum {
    RECENT_MAX = 1024,         /* events */
    RECENT_BYTES_MAX = 4 << 20 /* of their texts */
};

struct recent_line {
    struct studio_event *event;
    char *text; /* as it stands in a stream */
    size_t len;
};

/* Zeroed memory is empty: no event, no memory. */
struct recent {
    struct recent_line *ring;
    size_t head, count, bytes;
};

/* The next event; takes a reference. After a gap, or without memory, those before go. */
void recent_add(struct recent *recent, const char *epoch, struct studio_event *event);
/* NULL: it is not here. Valid until the next change. */
const struct recent_line *recent_find(const struct recent *recent, uint64_t seq);
/* Empty again. */
void recent_clear(struct recent *recent);

#endif
