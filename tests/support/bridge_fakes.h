/*
 * bridge_fakes.h - the bridge's world in tests: an agent in memory, snapshots, and an MQTT link that
 * remembers what it was given.
 */
#ifndef TESTS_SUPPORT_BRIDGE_FAKES_H
#define TESTS_SUPPORT_BRIDGE_FAKES_H

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/figures.h"
#include "bridge/bridge.h"
#include "bridge/link.h"
#include "studio/status.h"

/* --- snapshots -------------------------------------------------------------------------------- */

/* How many somebody still holds; all are let go of. */
size_t fake_snapshots(void);
/* The nine fields with SDP as given; `custom` is "NAME=JSON,NAME=JSON" or NULL. */
struct studio_snapshot *fake_snapshot(const char *id, uint64_t rev, const char *sdp,
                                      const char *custom);
struct studio_snapshot *fake_removed(const char *id, uint64_t rev);

/* --- the agent -------------------------------------------------------------------------------- */

enum { FAKE_PARKED_MAX = 64, FAKE_BODY_MAX = 256, FAKE_MEMO_MAX = 512 };

struct fake_event {
    uint64_t seq, rev;
    enum event_kind kind;
    char table_id[24];
    bool parked;
    char body[FAKE_BODY_MAX];
};

struct fake_source {
    struct bridge_source ops;
    struct figures figures;
    pthread_mutex_t lock;
    struct fake_event *events; /* [0] is seq 1 */
    size_t count, max;
    uint64_t oldest; /* 1 unless older ones are gone */
    uint64_t acked;
    uint64_t parked[FAKE_PARKED_MAX];
    size_t parked_count;
    size_t reads; /* calls of read and read_changes */
    bool read_fails;
    const char *cleared_table, *cleared_field; /* one, or NULL */
    char clearing_table[24];                   /* the last one told */
    uint64_t clearing_rev;
    size_t clearings;
    int64_t wall_ms;
    char memo[FAKE_MEMO_MAX]; /* the last one */
    size_t memos;
};
void fake_source_init(struct fake_source *s, size_t max);
void fake_source_finish(struct fake_source *s);
/* Commits one more change event; its seq. */
uint64_t fake_commit(struct fake_source *s, const char *table_id, uint64_t rev);
/* A committed event; the reference is the caller's. */
struct studio_event *fake_event(struct fake_source *s, uint64_t seq);
/* Hands a committed event to a bridge, as the agent does. */
void fake_hand_over(struct fake_source *s, struct bridge *bridge, uint64_t seq);
uint64_t fake_source_acked(struct fake_source *s);

/* --- the MQTT link ---------------------------------------------------------------------------- */

enum { FAKE_SENT_MAX = 20000, FAKE_TEXT_MAX = 640 };

struct fake_sent {
    unsigned slot;
    bool subscribe, retained, plain, answered;
    uint64_t seq;
    unsigned expiry_s;
    char topic[256];
    char payload[FAKE_TEXT_MAX]; /* cut */
    size_t len;
    char correlation[32];
};

struct fake_link {
    struct link link;
    enum link_id id;
    uint64_t generation;
    unsigned connects, closes, disconnects;
    bool open, refuses; /* refuses: takes no publish */
    bool fails;         /* connect cannot even start */
    bool will_wanted;
    struct link_target target; /* strings are copies */
    char uri[128], client_id[128], will[256], will_topic[128], username[64], password[64];
    struct fake_sent *sent;
    size_t count;
    char watch[512];
    uint64_t verdicts, verdict; /* how many, the last one's token */
};
void fake_link_init(struct fake_link *f, enum link_id id);
void fake_link_finish(struct fake_link *f);
struct link_event fake_up(const struct fake_link *f);
struct link_event fake_ended(const struct fake_link *f, enum link_event_kind kind, int reason);
struct link_event fake_done(struct fake_link *f, size_t index, int reason);
/* The first message from `from` on whose topic ends so; SIZE_MAX if there is none. */
size_t fake_find(const struct fake_link *f, size_t from, const char *topic_end);

#endif
