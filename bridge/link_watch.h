/* link_watch.h - what other people, and we, write to the topics this process watches. */
#ifndef BRIDGE_LINK_WATCH_H
#define BRIDGE_LINK_WATCH_H

#include "link.h"

/* A subscription begins; the first of its kind counts. `own`: what we say on the topic (LINK_WATCH_OWN). On the
 * thread that subscribes, before anything of it can be heard. */
void watch_begin(enum link_watch watch, const char *filter, const char *own);
/* A message was heard. False: it needs no attention. Library's thread. */
bool watch_heard(const char *topic, const char *payload, size_t len, struct link_event *event);

#endif
