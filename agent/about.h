/* about.h - what the agent says of itself: in its log, and over HTTP info and health as on MQTT, also without
 * a broker. */
#ifndef AGENT_ABOUT_H
#define AGENT_ABOUT_H

#include "base/buf.h"

struct source;

/* Its first line: which agent, and what it has found in its store. */
void about_log(const struct source *source);
/* Appends {"info":…,"health":…}; `ctx` is the struct source. Net thread. */
void about_print(void *ctx, struct buf *out);

#endif
