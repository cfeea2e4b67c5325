/*
 * inbox.h - commands from MQTT on their way to the net thread: a bounded queue in, actors out.
 */
#ifndef AGENT_INBOX_H
#define AGENT_INBOX_H

#include "bridge/bridge.h"
#include "core/core.h"

struct inbox;

enum { INBOX_MAX = 256 /* commands waiting for the net thread */ };

struct inbox *inbox_create(struct core *core, void (*wake)(void *ctx), void *ctx);
/* Commands still waiting are left with the broker; the bridge is stopped by then. NULL does nothing. */
void inbox_destroy(struct inbox *inbox, struct bridge *bridge);

/* Any thread: takes the command over and wakes the net thread. False: full. */
bool inbox_put(struct inbox *inbox, struct bridge_command *command);
/* Net thread: carries out what waits; answers go through bridge_answer on `bridge`. */
void inbox_drain(struct inbox *inbox, struct bridge *bridge);

#endif
