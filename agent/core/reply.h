/* reply.h - answers: in the order of the messages of each actor, each with its error code. */
#ifndef AGENT_CORE_REPLY_H
#define AGENT_CORE_REPLY_H

#include "core/item.h"

struct core;

/* The item's answer is this error, whatever it was before. */
void reply_set_error(struct core *core, struct item *item, const struct studio_error *error);
/* The item's turn has come: its answer, if it has one, goes to the actor, if that is still there. */
void reply_give(struct core *core, const struct item *item);
/* Gives the answer now, or in its turn behind what the actor still waits for. Takes the item over. */
void reply_in_turn(struct core *core, struct item *item);
/* Both: the message is answered with an error. Takes the item over. */
void reply_refuse(struct core *core, struct item *item, const struct studio_error *error);
/* There was no memory for an item. */
void reply_no_memory(struct core *core, struct actor *actor);

#endif
