/* sender_private.h - what the two halves of the sender share; nobody else includes it. */
#ifndef BRIDGE_SENDER_PRIVATE_H
#define BRIDGE_SENDER_PRIVATE_H

#include "sender.h"

int64_t sender_now(const struct sender *s);
/* Something the agent says of itself is to go out at that time. */
void sender_set_due(struct sender *s, enum control what, int64_t at_ms);
/* Moves the watermark as far as it goes. */
void sender_advance(struct sender *s);
/* Tells the agent, once per step. */
void sender_tell_acked(struct sender *s);
/* An answer waits to be sent. */
bool sender_has_reply(const struct sender *s);
bool sender_is_parked(const struct sender *s, uint64_t seq);
void sender_park(struct sender *s, uint64_t seq, const char *reason);

#endif
