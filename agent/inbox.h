/*
 * inbox.h - commands from MQTT on their way to the net thread: a bounded queue in, actors out.
 *
 * What a client sends beyond its rate is refused before it queues, by the bridge's thread: however many
 * it sends, the net thread has no work with them, and they take no place of others. Only under a root
 * shared by several agents the net thread has to look first whether there is anything to say.
 */
#ifndef AGENT_INBOX_H
#define AGENT_INBOX_H

#include "bridge/bridge.h"
#include "core/core.h"

struct inbox;

enum { INBOX_MAX = 256 /* commands waiting for the net thread */ };

/* `options` as the core has them. NULL: out of memory. */
struct inbox *inbox_create(struct core *core, const struct core_options *options,
                           void (*wake)(void *ctx), void *ctx);
/* Commands still waiting are left with the broker; the bridge is stopped by then. NULL does nothing. */
void inbox_destroy(struct inbox *inbox, struct bridge *bridge);

/* Bridge thread: takes the command over and wakes the net thread, or answers it. False: full. */
bool inbox_put(struct inbox *inbox, struct bridge *bridge, struct bridge_command *command);
/* Net thread: carries out what waits; answers go through bridge_answer on `bridge`. */
void inbox_drain(struct inbox *inbox, struct bridge *bridge);

#endif
