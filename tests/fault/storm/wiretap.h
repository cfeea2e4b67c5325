/*
 * wiretap.h - the order in which the agent first sends its events, heard on the way to the brokers:
 * a broker that was killed may deliver in another order than it was given.
 */
#ifndef TESTS_FAULT_STORM_WIRETAP_H
#define TESTS_FAULT_STORM_WIRETAP_H

#include <stdbool.h>
#include <stddef.h>

#include "support/proxy.h"

struct wiretap;

struct wiretap *wiretap_create(void);
void wiretap_destroy(struct wiretap *tap);
/* From its first connection on; several proxies share one order. Destroy the proxies first. */
void wiretap_listen(struct wiretap *tap, struct proxy *proxy);
/* While replays are sent, events are not new. */
void wiretap_pause(struct wiretap *tap, bool paused);

/* Events heard for the first time after a later one, since the last call; *example is one of them. */
size_t wiretap_disorder(struct wiretap *tap, unsigned long long *example);

#endif
