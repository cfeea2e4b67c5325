/* text.h - pure checks and small conversions on text. Any thread. */
#ifndef AGENT_BASE_TEXT_H
#define AGENT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool text_utf8_valid(const char *text, size_t len);

/* The largest n <= len such that text[0..n) does not end inside a UTF-8 sequence. */
size_t text_utf8_cut(const char *text, size_t len);

/* True if there is a control character: below U+0020, or U+007F to U+009F. */
bool text_has_control(const char *text, size_t len);

/* `pattern` with '*' for any run of bytes (also none) against the whole of `text`. Linear time. */
bool text_match(const char *pattern, const char *text);

/* All of it is a whole number in digits, from `least` to `most`. */
bool text_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* The first part of a list with commas, without blanks (spaces, tabs) around it: *len bytes, maybe none, at *part.
 * What follows its comma; NULL: it was the last. */
const char *text_part(const char *list, const char **part, size_t *len);

/* Lower-case hex of n bytes; `out` holds 2n + 1. */
void text_hex(const unsigned char *bytes, size_t n, char *out);

/* Exactly 2n hex digits of either case as n bytes. False: they are not. */
bool text_unhex(const char *hex, size_t len, unsigned char *bytes, size_t n);

/* The value of a hex digit of either case, -1 if it is none. */
int text_hex_digit(char c);

/* ASCII only, whatever the locale. */
char text_lower(char c);

/* How many letters must be added, taken away or changed to make `b` of `a`, without regard to case;
 * SIZE_MAX when one is longer than 64 bytes. */
size_t text_edits(const char *a, const char *b);

/* The entry of `names` (count of them) with the smallest edit distance to `word`, NULL if none is
 * near enough to be a typing mistake. For "unknown key X, did you mean Y". */
const char *text_nearest(const char *word, const char *const *names, size_t count);

#endif
