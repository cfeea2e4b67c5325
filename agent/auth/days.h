/*
 * days.h - the file that tells on which day each line of the tokens file last let somebody in (tokens.h): DATA/token-days,
 * one line for each, with a hash that stands for pattern and token and gives away neither. Any thread.
 */
#ifndef AGENT_AUTH_DAYS_H
#define AGENT_AUTH_DAYS_H

#include "auth/tokens.h"

struct days;

/* Of the data directory `dir`; no file is an empty one, and what is no line of it is passed over. Errors: USAGE (it cannot be
 * read), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err days_read(const char *dir, struct days **out,
                                          struct studio_error *error);
/* NULL does nothing. */
void days_free(struct days *days);
size_t days_count(const struct days *days);
/* The last day this line was used, counted from 1970; 0: none is known. */
int days_find(const struct days *days, const struct token_line *line);

/* Replaces the file by what the tokens know. Errors: USAGE, IO, NO_MEMORY; it is as before. */
STUDIO_MUST_USE enum studio_err days_write(const char *dir, const struct tokens *tokens,
                                           struct studio_error *error);

#endif
