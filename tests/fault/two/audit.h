/*
 * audit.h - who wrote what, as the database has it: a trigger notes for each event in whose boot, in
 * which transaction, and from which address it was written.
 *
 * What must hold: no number is missing; the boots of the events never go back; all of one boot come
 * from the host that owned it then; none was written after the next one had taken over, by the number
 * of the transaction that one found; what a client was told is stored once, what was refused is not.
 */
#ifndef TESTS_FAULT_TWO_AUDIT_H
#define TESTS_FAULT_TWO_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "fault/storm/writers.h"
#include "fault/two/database.h"

/* Once the agent has made its tables. */
void audit_begin(struct database *database);

struct audit_figures {
    uint64_t events; /* noted, of all rounds */
    uint64_t boots;
    size_t lost, conjured; /* of these notes */
};

/* At rest: everything since the last call that was without a complaint; *from is where that was, 0 at
 * first. Returns what is wrong, a line each, NULL: nothing. free() */
char *audit_check(struct database *database, uint64_t *from, const struct write_note *notes,
                  size_t count, unsigned writers, struct audit_figures *figures);

/* Each check finds what is put there for it, and taken back again; once events of two boots are there.
 * What was not found, a line each, NULL: nothing. free() */
char *audit_forge(struct database *database);

#endif
