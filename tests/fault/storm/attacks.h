/* attacks.h - everything the storm can do to the agent and what is around it; one row each. */
#ifndef TESTS_FAULT_STORM_ATTACKS_H
#define TESTS_FAULT_STORM_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/storm/rig.h"

/* An attack under way. */
struct blow {
    const struct attack *attack;
    unsigned broker; /* which one it is about */
    uint64_t *random;
    int64_t began_ms;
};

struct attack {
    const char *name;
    unsigned min_ms, max_ms;                           /* how long it lasts */
    bool (*begin)(struct rig *rig, struct blow *blow); /* false: not possible now */
    void (*end)(struct rig *rig, struct blow *blow);   /* may be NULL */
    bool needs_faults;
    bool is_kill; /* of the agent */
    bool is_broker_kill;
};

extern const struct attack attacks[];
extern const size_t attack_count;

const struct attack *attack_find(const char *name, size_t len);

#endif
