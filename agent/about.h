/* about.h - what the agent says of itself over HTTP: info and health as on MQTT, also without a broker. */
#ifndef AGENT_ABOUT_H
#define AGENT_ABOUT_H

#include "base/buf.h"

/* Appends {"info":…,"health":…}; `ctx` is the struct source. Net thread. */
void about_print(void *ctx, struct buf *out);

#endif
