/*
 * court.h - one round of the storm before the judge: subscribers with kept sessions hear all, and
 * in the end every acknowledged message must have arrived, none that was refused, all in order,
 * without a hole but for what a killed broker forgot, of one epoch, and with retained documents,
 * fields and presence that agree with them.
 */
#ifndef TESTS_FAULT_STORM_COURT_H
#define TESTS_FAULT_STORM_COURT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/storm/rig.h"
#include "support/judge.h"
#include "support/mqttclient.h"

/* Where a message of a writer arrived. */
struct arrivals {
    uint64_t base; /* the last value of the round before */
    uint64_t *seq; /* of value base + 1 + i; 0: not seen */
    size_t cap;
};

/* What passes from round to round. */
struct court_memory {
    char *epoch;         /* NULL: none seen yet */
    char *topic, *event; /* the newest event: the next round must go on from there */
    uint64_t seq;
};

struct court {
    struct rig *rig;
    struct court_memory *memory;
    struct judge *judge;
    struct mqttclient *clients[RIG_BROKERS_MAX];
    struct arrivals *arrivals;             /* per writer, the commander behind them */
    unsigned senders;                      /* how many these are */
    unsigned char *heard[RIG_BROKERS_MAX]; /* events, by number from memory->seq on, per broker */
    size_t heard_cap[RIG_BROKERS_MAX];
    size_t missed[RIG_BROKERS_MAX]; /* figure of the round: events its subscriber was not given */
    uint64_t *revs;                 /* the newest one heard, per table */
    char *newest_topic, *newest_event;
    uint64_t newest;
    size_t events, repeats, holes; /* figures of the round */
    size_t acked;
    const struct write_note *notes; /* of the round, once judged; until the next one is */
    size_t note_count;
    size_t behind; /* tables of which a cluster retains less than it has told */
    unsigned drain_ms;
    int64_t agree_ms; /* for documents that follow their events, and a replay */
};

struct court_rules {
    unsigned drain_s;             /* how long the last events may take */
    const int64_t *sync_failures; /* pairs from, to (now_ms): refused there may prove committed */
    size_t sync_failure_count;
    bool health; /* the agent's next one must say that nothing waits any more */
};

/* The writers are paused. */
void court_open(struct court *court, struct rig *rig, struct court_memory *memory);
/* Often, while the storm lasts: notices which brokers are listened to again after a kill. */
void court_watch(struct court *court);
/* Waits until all are. */
void court_wait(struct court *court);
/* Hears what has arrived since the last call. */
void court_hear(struct court *court);
/* After writers_once: waits for the last message of each writer, then judges. All is running and
 * nothing is attacked. Complaints go to the rig. */
void court_judge(struct court *court, const struct court_rules *rules);
void court_close(struct court *court);

void court_memory_finish(struct court_memory *memory);

#endif
