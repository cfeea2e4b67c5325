/*
 * dial.h - which broker to try next, when, and in which version of MQTT; and what the log says
 * about it, each thing once. Bridge thread.
 *
 * A failure or loss moves on to the next broker of the list at once; after a whole round without a
 * stable connection there is a wait that grows. A broker too old for MQTT 5 says so, or just closes the
 * connection: then 3.1.1 is tried as well. Where that made a connection it is tried first from then on,
 * also after a restart (the memo), until the broker refuses it or is found to speak 5 (probe.h). A broker
 * that took the session for someone else is left alone for 30 s, and so is one that refuses our
 * credentials when there is no other.
 */
#ifndef BRIDGE_DIAL_H
#define BRIDGE_DIAL_H

#include "base/backoff.h"
#include "brokers.h"
#include "link.h"

enum {
    DIAL_NEXT_MS = 100, /* "at once": a list of dead brokers is not run through in a moment */
    DIAL_SLOW_MS = 30000,
    DIAL_CLOSED = 2,      /* times without an answer: it may be too old for MQTT 5 */
    DIAL_OLD_CLOSED = 10, /* the same of one known to be: it may be too new for 3.1.1 */
    DIAL_MEMO_MAX = BROKERS_MAX * (BROKER_URI_MAX + 1), /* bytes with the NUL */
    DIAL_SHORT_LIVED = 3 /* connections: it may be another client with our id */
};

struct dial {
    const struct brokers *brokers;
    backoff_random_fn *random;
    void *random_ctx;
    struct backoff backoff;
    size_t current;                /* the broker in use or to try next */
    unsigned in_round;             /* failures since the last stable connection, by rounds */
    int64_t due_ms;                /* not before this */
    int64_t up_ms;                 /* when the connection came up */
    int64_t down_ms;               /* when the last one ended; -1: there was none yet */
    unsigned attempts;             /* failed since then */
    int configured;                /* version of MQTT */
    int mqtt_version[BROKERS_MAX]; /* to be tried next, or in use */
    bool old[BROKERS_MAX];         /* 3.1.1 made a connection where 5 did not */
    bool guessed[BROKERS_MAX];    /* 3.1.1 only because it does not answer MQTT 5; not proven yet */
    unsigned closed[BROKERS_MAX]; /* attempts in a row it closed instead of answering */
    bool memo_due;                /* `old` changed */
    unsigned short_lived;         /* connections in a row that came at once and did not last */
    char said[BROKERS_MAX][LINK_TEXT_MAX + 32]; /* what the log said last */
};

/* What the reason of a CONNACK or DISCONNECT means, in words; NULL: nothing we know more of. Any thread. */
const char *dial_reason(int reason);

void dial_init(struct dial *d, const struct brokers *brokers, int mqtt_version,
               backoff_random_fn *random, void *random_ctx);
/* After dial_init: what was remembered in an earlier run, see dial_memo. */
void dial_recall(struct dial *d, const char *memo);
/* What to remember now: the names of the brokers that are spoken to in 3.1.1 though 5 is configured,
 * separated by commas. False: nothing new since the last time. */
bool dial_memo(struct dial *d, char out[DIAL_MEMO_MAX]);
/* The broker in use is one of those. */
bool dial_old(const struct dial *d);
/* It speaks MQTT 5 after all. */
void dial_speaks_5(struct dial *d);

const struct broker *dial_broker(const struct dial *d);
int dial_version(const struct dial *d);
/* An attempt ended; `closed`: the broker closed it instead of answering. */
void dial_failed(struct dial *d, int64_t now_ms, int reason, bool closed, const char *text);
/* It is a connection; `backlog` events wait. */
void dial_up(struct dial *d, int64_t now_ms, int mqtt_version, uint64_t backlog);
/* The connection ended. */
void dial_lost(struct dial *d, int64_t now_ms, int reason, const char *text);
/* True: the broker ended the connection itself (`closed`: told so by TCP; `reason`: by its DISCONNECT), and
 * what we sent may be why. */
bool dial_hung_up(int reason, bool closed);
/* Before dial_lost: it is known why, so no other client is to blame. */
void dial_excuse(struct dial *d);
/* After dial_lost: the connection was the price of a message parked for good (some brokers hang up
 * on those). Comes back to broker `to` at once, since each time brings the backlog on by one. */
void dial_resume(struct dial *d, int64_t now_ms, size_t to);
/* We leave on purpose, for another broker of the list. */
void dial_move(struct dial *d, int64_t now_ms, size_t to);

#endif
