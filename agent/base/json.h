/* json.h - JSON texts: the strict check of RFC 8259 in front of readers that are lenient, and the
 * printing of strings and members. Pure; any thread. */
#ifndef AGENT_BASE_JSON_H
#define AGENT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The answer where there is no memory to make one. */
#define JSON_NO_MEMORY "{\"error\":\"Storage unavailable\"}"

enum { JSON_NUMBER_MAX = 63 }; /* bytes of one number literal; cJSON reads no more */

struct json_facts {
    bool big_integer; /* an integer literal beyond +-(2^53-1) stands somewhere */
    unsigned depth;   /* deepest nesting; 0 for a scalar */
};

/*
 * True if text[0..len) is exactly one JSON value with nothing but white space around it: no leading
 * zeros, no raw control characters, no \u0000, no lone surrogates, valid UTF-8, nesting up to
 * STUDIO_JSON_DEPTH_MAX, numbers up to JSON_NUMBER_MAX bytes. `facts` may be NULL. Needs no memory.
 */
bool json_check(const char *text, size_t len, struct json_facts *facts);

enum {
    JSON_MEMBERS_MAX = 80,      /* an update changes 9 fields and up to 64 custom ones */
    JSON_MEMBERS_DEPTH_MAX = 32 /* what is stored stands within records */
};

/* A part of a JSON text; strings with their quotes. */
struct json_span {
    const char *text;
    size_t len;
};

struct json_members {
    size_t count;
    struct json_span names[JSON_MEMBERS_MAX], values[JSON_MEMBERS_MAX];
};

/* Splits a text that is exactly one JSON object, as of json_check but for its depth, and has no name
 * twice, into its members as the bytes they are. False: it is not, or has too many. */
bool json_members(const char *text, size_t len, struct json_members *out);

/* Appends `text` as a JSON string with its quotes; escapes '"', '\\' and control characters. */
void json_string(struct buf *out, const char *text, size_t len);

/* Appends the text of a JSON string that is one as of json_check, given with its quotes. */
void json_string_value(struct buf *out, const char *string, size_t len);

/* Appends `"key":`, after a comma unless it is the first of its object. The key needs no escapes. */
void json_key(struct buf *out, const char *key);
/* The same with a value. */
void json_text(struct buf *out, const char *key, const char *text);
/* The same with one that needs no escapes. */
void json_word(struct buf *out, const char *key, const char *word);
void json_u64(struct buf *out, const char *key, uint64_t n);

#endif
