/*
 * requests.h - the line of commands from MQTT and of those from HTTP with a request_id, and what it takes
 * that the same again gets the same answer and is not applied again (section 4).
 *
 * What was answered is in the store, what is about to be is in a batch, or ahead in the line. A
 * command is looked up in the store, on the reader's thread, only once none like it is in a batch or
 * ahead: so an answer from there is never too old, whatever is committed while it is on its way. All
 * commands stand in the line in the order they came and leave it in that order; many lookups are out
 * at once. One whose like is in a batch waits in the batch, so that it holds nobody up, and takes its
 * place in line again when the like has been settled: if that was refused it is carried out, before
 * what came after it.
 */
#ifndef AGENT_CORE_REQUESTS_H
#define AGENT_CORE_REQUESTS_H

#include "core/item.h"

struct core;

enum { LINE_MAX = 256 /* commands in line; then no more are taken */ };

/* Makes the item's request from its decoded message and its text, before which `kind` is thought. False: out
 * of memory. */
STUDIO_MUST_USE bool request_make(struct item *item, const char *kind, const char *text,
                                  size_t len);

/* At the end of the line, its lookup sent off if it can be; takes the item over. */
void line_add(struct core *core, struct item *item);
/* One that left it as DUE, after its like was settled: back to its place, for what came later must not
 * be carried out before it. */
void line_return(struct core *core, struct item *item);
/* Sends off the lookups that could not be before; when others have come back or left the line. */
void line_look_up(struct core *core);
/* Takes out the first, if all is known that is needed to go on with it, else NULL: `state` is FREE
 * (it has no request), DUE (its like is in a batch, it has to wait for that), or KNOWN (`err`, or the
 * answer that was given before, if one was). */
struct item *line_next(struct core *core);
/* Destroys all that wait. No lookup is out any more. */
void line_clear(struct line *line);

#endif
