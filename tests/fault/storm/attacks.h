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
    size_t kind;     /* its number among those of this storm */
    unsigned broker; /* which one it is about */
    uint64_t *random;
    int64_t began_ms;
    uint64_t before; /* count of what it meets, at its begin */
    uint64_t bites; /* what it met: connections cut, calls that failed or were slow; 1 by default */
};

struct attack {
    const char *name;
    unsigned min_ms, max_ms;                           /* how long it lasts */
    unsigned rare_ms;                                  /* now and then up to so long; 0: never */
    bool (*begin)(struct rig *rig, struct blow *blow); /* false: not possible now */
    void (*end)(struct rig *rig, struct blow *blow);   /* may be NULL */
    bool needs_faults;
    bool is_kill; /* of the agent */
    bool is_broker_kill;
    bool is_sync_failure;
};

extern const struct attack attacks[];
extern const size_t attack_count;

const struct attack *attack_find(const char *name, size_t len);

#endif
