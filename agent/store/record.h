/*
 * record.h - the members of one line of an exported store, or of what a row holds. Pure; any thread.
 */
#ifndef AGENT_STORE_RECORD_H
#define AGENT_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

/* The value of a member, or NULL. */
const struct json_span *record_get(const struct json_members *record, const char *name);
/* Each is false if the member is missing or of another type. */
bool record_u64(const struct json_members *record, const char *name, uint64_t *out);
bool record_i64(const struct json_members *record, const char *name, int64_t *out);
/* True if it is this text, which needs no escapes. */
bool record_is(const struct json_members *record, const char *name, const char *text);
/* "2026-01-02T03:04:05.678Z" as milliseconds since the Unix epoch. */
bool record_time(const struct json_members *record, const char *name, int64_t *wall_ms);

#endif
