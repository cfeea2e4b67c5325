/*
 * link_acks.h - the acknowledgements of commands leave when the agent has decided, not when the
 * library would send them. See link_acks.c for how.
 */
#ifndef BRIDGE_LINK_ACKS_H
#define BRIDGE_LINK_ACKS_H

#include "link_held.h"

/* Before the library is started; without this everything is as the library does it. */
void acks_hold(int mqtt_version);

/* A command has been read (library's thread): its token. False: there are far too many. */
STUDIO_MUST_USE bool acks_command(int msgid, uint64_t *token);
/* The thread that serves the agent (link_main.c): it has decided; the acknowledgement leaves with acks_send. */
void acks_verdict(uint64_t token);
/* The same thread. False: some that may leave could not yet, call again soon. */
bool acks_send(void);
/* Reads no further command. */
void acks_close(void);
/* No command waits for its verdict or acknowledgement. */
bool acks_all_sent(void);

#endif
