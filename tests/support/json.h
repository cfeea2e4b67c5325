/* json.h - looking into JSON text in tests. */
#ifndef TESTS_SUPPORT_JSON_H
#define TESTS_SUPPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* The member at a path like "data.SDP" or "clients.0.id", printed as JSON without blanks, but a
 * string without its quotes; NULL if the text is not JSON or has no such member. free(). */
char *json_at(const char *text, const char *path);

/* True if the member is there and prints as `value`. */
bool json_is(const char *text, const char *path, const char *value);

/* The member as a number; fails the test if it is none. */
uint64_t json_number(const char *text, const char *path);

/* Fails the test, showing the text, unless json_is. */
void expect_json(const char *text, const char *path, const char *value);

#endif
