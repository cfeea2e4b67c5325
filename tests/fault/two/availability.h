/*
 * availability.h - everything that was ever said on the agent's availability, held against who owned
 * it.
 *
 * What must hold, as the protocol has it (section 4, promise 7) for two machines:
 *   - `online` never goes back: each is of the same (boot, conn) as the one before, or of a later one
 *   - what said goodbye or was lost is not `online` again: no `online` of a (boot, conn) after its
 *     `lost`, `stopped` or `moved`
 *   - each `online` is of a boot that the database gave to somebody
 *   - at rest the last word is `online`, of the boot that owns the agent
 * So at any time at most one `online` can be believed, and it is the newest. How long that of a former
 * owner stood there is measured.
 */
#ifndef TESTS_FAULT_TWO_AVAILABILITY_H
#define TESTS_FAULT_TWO_AVAILABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "support/broker.h"

struct availability;

/* A word of it. */
struct availability_word {
    bool online;
    uint64_t boot, conn;
    int64_t at_ms;
};

struct availability *availability_create(const struct broker *broker, const char *agent);
void availability_destroy(struct availability *availability);

/* Hears what has come. */
void availability_hear(struct availability *availability);
/* The last word. */
struct availability_word availability_newest(const struct availability *availability);
/* When `online` of a later boot than this one was said first; 0: it was not. */
int64_t availability_after(const struct availability *availability, uint64_t boot);
/* What was broken since the last call, a sentence; NULL: nothing. free() */
char *availability_complaint(struct availability *availability);

#endif
