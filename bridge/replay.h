/*
 * replay.h - kept events once more for who asks: by seq, or the changes of a table by rev (protocol
 * section 4). Bridge thread.
 *
 * A replay reads the store in pages of REPLAY_PAGE and never has more than REPLAY_IN_FLIGHT messages
 * under way, so a million events cost neither memory nor the others' time. It ends with its
 * connection: who sees no `end` asks again. One per client: a newer request takes its place.
 */
#ifndef BRIDGE_REPLAY_H
#define BRIDGE_REPLAY_H

#include "ask.h"
#include "base/buf.h"
#include "feed.h"
#include "reply.h"

enum { REPLAYS_MAX = 8, REPLAY_PAGE = 64, REPLAY_IN_FLIGHT = 8, REPLAY_RETRY_MS = 1000 };

/* One replay under way. */
struct replay {
    struct reply *request; /* topic and correlation of the answers; NULL: a free place */
    struct ask ask;
    uint64_t next;  /* seq to read next */
    uint64_t to;    /* last seq */
    uint64_t count; /* sent */
    bool read_all, ended, no_memory;
    struct feed_list page;
};

struct replays {
    const struct bridge_source *source;
    const char *epoch;
    struct replay list[REPLAYS_MAX];
    size_t turn;
    unsigned in_flight;
    int64_t retry_ms; /* the store could not be read: not before this */
};

/* A message to send; pointers are valid until the next call. */
struct replay_message {
    const char *topic;
    const void *correlation;
    size_t correlation_len;
    uint64_t seq; /* 0: the end or an error */
};

void replays_init(struct replays *r, const struct bridge_source *source, const char *epoch);
/* Forgets all of them. */
void replays_clear(struct replays *r);

/* Takes a request over. `committed` is the newest event. An answer that is due at once (an error, a
 * replaced request) is put into `answer` and returned; else NULL. */
struct reply *replays_start(struct replays *r, struct reply *request, uint64_t committed);
/* True if replays_next may have a message. */
bool replays_ready(const struct replays *r, int64_t now_ms);
/* The next message, its payload printed into `out`; it counts as in flight. False: none now. */
bool replays_next(struct replays *r, int64_t now_ms, struct buf *out, struct replay_message *m);
/* A message in flight ended. */
void replays_done(struct replays *r);

#endif
