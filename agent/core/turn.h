/*
 * turn.h - the batches: one is filled while the other is with the store; what came back is settled.
 * In the order of the messages each change is made visible and answered, or refused; then, once per
 * table, what is visible now is announced.
 */
#ifndef AGENT_CORE_TURN_H
#define AGENT_CORE_TURN_H

#include <stdbool.h>

struct core;

/* Hands the open batch to an idle store. */
void turn_end(struct core *core);
/* Settles the batch that came back, if one did; true if so. */
bool turn_settle(struct core *core);
/* Nothing waits for the store, neither for a commit nor for a lookup. */
bool turn_quiet(const struct core *core);
/* So much waits that senders should not be read until turn_settle returned true. */
bool turn_congested(const struct core *core);

#endif
