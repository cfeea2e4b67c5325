/* read.h - messages that only read: carried out against what is committed, when their turn has
 * come. */
#ifndef AGENT_CORE_READ_H
#define AGENT_CORE_READ_H

#include "core/item.h"

struct core;

/* A get, subscribe or unsubscribe that its actor is allowed: answers it. The item stays the
 * caller's. */
void read_message(struct core *core, struct item *item);
/* Answers the joining of the item's actor with its first document, or says why there is none. */
void read_welcome(struct core *core, struct item *item);
/* Subscribes to `tables` (`*` or names separated by commas) as by a message, but with an answer only
 * if it is refused, and without a push of the own table, whose document has just been sent. False:
 * out of memory, there is no answer. */
STUDIO_MUST_USE bool read_subscribe(struct core *core, struct actor *actor, const char *tables);

#endif
