/*
 * verify.h - does a subscriber have what the store has? (`studio-agent store verify`)
 *
 * The record is lines as `mosquitto_sub -v` or `studio-client events --json` write them: an event is what stands from the
 * first `{` on and has a seq and an epoch; other lines are passed over.
 */
#ifndef AGENT_STORE_VERIFY_H
#define AGENT_STORE_VERIFY_H

#include <stdio.h>

#include "store/store.h"

/*
 * Reads at most `bytes` of `record`. For the events of this store's epoch, from the first in the record to the last, it must hold that each is
 * there, with exactly the bytes the store has, and that first deliveries come in order; repeats may come, and what was
 * fetched by replay at any time. Prints a line for each fault, and what was counted. `copy` as in tools.h.
 * STUDIO_OK: no fault. Errors: STORAGE (there is one), STORE_UNUSABLE, NO_MEMORY, IO.
 */
STUDIO_MUST_USE enum studio_err store_verify(const char *dir, int copy, FILE *record,
                                             long long bytes, FILE *out,
                                             struct studio_error *error);

#endif
