/* json.h - strict RFC 8259 checking in front of cJSON, which is lenient. Pure; any thread. */
#ifndef AGENT_PROTOCOL_JSON_H
#define AGENT_PROTOCOL_JSON_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
