/* attacks.h - what can happen to two machines; one row each. */
#ifndef TESTS_FAULT_TWO_ATTACKS_H
#define TESTS_FAULT_TWO_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/two/minority.h"
#include "fault/two/rig.h"

/* One under way. */
struct strike {
    const struct two_attack *attack;
    uint64_t *random;
    enum host owner; /* when it began */
    int64_t began_ms;
    unsigned operator_ms; /* after so long the operator has seen it and acts */
    bool operated;
    enum host one, other;      /* of a cut */
    struct minority *minority; /* of a split; NULL */
    char what[60];             /* for the line that tells of it */
};

enum moves {
    MOVES_NOT,
    MOVES_PERHAPS, /* when it lasts longer than the ownership does */
    MOVES          /* the other agent takes over */
};

struct two_attack {
    const char *name;
    unsigned min_ms, max_ms; /* how long it lasts at least, before it is mended */
    enum moves moves;
    bool planned; /* somebody wants it */
    bool needs_faults;
    void (*begin)(struct two *two, struct strike *strike);
    void (*operate)(struct two *two,
                    struct strike *strike); /* what the operator does; may be NULL */
    void (*end)(struct two *two,
                struct strike *strike); /* all is well again, or will be; may be NULL */
};

extern const struct two_attack two_attacks[];
extern const size_t two_attack_count;

#endif
