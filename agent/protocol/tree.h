/*
 * tree.h - checked JSON text as a cJSON tree, and a tree back to text. Pure; any thread.
 *
 * cJSON is lenient in reading (so json_check stands before it) and prints numbers with 15 digits
 * (so the printer is here: every double comes out as the shortest text that reads back the same).
 */
#ifndef AGENT_PROTOCOL_TREE_H
#define AGENT_PROTOCOL_TREE_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/json.h"
#include "protocol/message.h"

/* The tree of text[0..len), to be freed by cJSON_Delete. Errors: INVALID_JSON, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err tree_parse(const char *text, size_t len, struct json_facts *facts,
                                           cJSON **out);

/* The value without insignificant white space (free()) and its length; NULL if out of memory. Numbers
 * must be finite. */
char *tree_text(const cJSON *item, size_t *len);

enum tree_numbers {
    TREE_NUMBERS_OK,
    TREE_NUMBERS_OVERFLOW, /* one is too large for a double */
    TREE_NUMBERS_BIG       /* one was an integer that a double may not hold exactly */
};

/* The first trouble with a number in `item`, where `facts` are those of the whole text. */
enum tree_numbers tree_check_numbers(const cJSON *item, const struct json_facts *facts);

/* The index of a built-in field's value in its list, or -1: then `refused` remembers it. */
int tree_value(const cJSON *item, const struct studio_values *lists,
               const struct studio_field *field, struct refused_value *refused);

/* True if `item` is a whole number within +-(2^53-1). */
bool tree_is_integer(const cJSON *item);

#endif
