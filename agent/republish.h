/* republish.h - a wish from outside: everything retained is published again. */
#ifndef AGENT_REPUBLISH_H
#define AGENT_REPUBLISH_H

#include <stdbool.h>

#include "base/buf.h"

struct bridge;

/* Appends what comes of it. False: nothing, and why. `bridge` may be NULL: there is none. */
bool republish(struct bridge *bridge, struct buf *answer);

#endif
