/*
 * last_used.h - keeps days.h's file: a thread of its own writes what the tokens know, after a line was used for the first
 * time of a day, at most once a minute; so no login waits for a disk. What a crash takes, the next use brings back.
 */
#ifndef AGENT_AUTH_LAST_USED_H
#define AGENT_AUTH_LAST_USED_H

#include "auth/tokens.h"

struct last_used;

/* Of the data directory `dir`. NULL: out of memory. */
struct last_used *last_used_create(const char *dir);
/* Writes what is not written yet; the tokens still live. NULL does nothing. */
void last_used_destroy(struct last_used *used);

/* These tokens count from now on; they learn what those before, which still live, or the file knew of the same
 * lines. Those that are gone go from the file. One thread at a time; NULL does nothing. */
void last_used_change(struct last_used *used, struct tokens *tokens);

/* tokens_use said so. Any thread; NULL does nothing. */
void last_used_tell(struct last_used *used);

#endif
