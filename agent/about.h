/* about.h - what the agent says of itself: in its log, and over HTTP info and health as on MQTT, also without
 * a broker. */
#ifndef AGENT_ABOUT_H
#define AGENT_ABOUT_H

#include "base/buf.h"

struct figures;
struct source;
struct studio_agent_config;

/* Its first line: which agent, and what it has found in its store. */
void about_log(const struct source *source);
/* What of tokens and passwords the configuration lets others read, in the log and in `exposed` of health. */
void about_warn(const struct studio_agent_config *config, struct figures *figures);
/* Appends {"info":…,"health":…}; `ctx` is the struct source. Any thread. */
void about_print(void *ctx, struct buf *out);

#endif
