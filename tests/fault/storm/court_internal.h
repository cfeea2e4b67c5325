/* court_internal.h - what the parts of the court share. */
#ifndef TESTS_FAULT_STORM_COURT_INTERNAL_H
#define TESTS_FAULT_STORM_COURT_INTERNAL_H

#include "fault/storm/court.h"

#define COURT_AGENT "edge-1"
#define COURT_NAME  "court"

/* The value a writer, or the commander, has sent last. */
uint64_t court_last(const struct court *court, unsigned sender);
/* Which event brought it; 0: none did. */
uint64_t court_seq_of(const struct court *court, unsigned sender, uint64_t value);
/* Hears whatever comes in a short time, from any broker. */
void court_hear_on(struct court *court);

/* court_check.c: what was acknowledged, refused, sent and missed. */
void court_check_sends(struct court *court);
void court_fetch_holes(struct court *court);
void court_check_notes(struct court *court, const struct court_rules *rules);
void court_check_order(struct court *court);

/* court_documents.c: what a late subscriber finds retained, against what the agent has. */
void court_check_documents(struct court *court, const struct court_rules *rules);

#endif
