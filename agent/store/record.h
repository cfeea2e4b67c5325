/*
 * record.h - one line of an exported store: a JSON object and its members. Pure; any thread.
 *
 * Values are kept as the bytes they are, so that a body or document goes in and comes out
 * unchanged.
 */
#ifndef AGENT_STORE_RECORD_H
#define AGENT_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    RECORD_MEMBERS_MAX = 64, /* a status document has 12 and up to 32 custom ones */
    RECORD_DEPTH_MAX = 32
};

/* Part of the line; strings with their quotes. */
struct record_span {
    const char *text;
    size_t len;
};

struct record {
    size_t count;
    struct record_span names[RECORD_MEMBERS_MAX];
    struct record_span values[RECORD_MEMBERS_MAX];
};

/* Splits `line`, which must be one strict JSON object and nothing else, without a name twice. The
 * record points into the line. False: it is not. */
bool record_parse(const char *line, size_t len, struct record *out);

/* The value of a member, or NULL. */
const struct record_span *record_get(const struct record *record, const char *name);
/* Each is false if the member is missing or of another type. */
bool record_u64(const struct record *record, const char *name, uint64_t *out);
bool record_i64(const struct record *record, const char *name, int64_t *out);
bool record_is(const struct record *record, const char *name, const char *text);
/* Appends the string, unescaped; it holds no NUL. */
bool record_string(const struct record *record, const char *name, struct buf *out);
/* "2026-01-02T03:04:05.678Z" as milliseconds since the Unix epoch. */
bool record_time(const struct record *record, const char *name, int64_t *wall_ms);

#endif
