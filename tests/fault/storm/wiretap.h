/*
 * wiretap.h - listens between the agent and its brokers: in which order events are first sent, and
 * which of them a broker acknowledged before it was killed. Only those it may have lost; and only
 * here is the order of sending to be heard, for a broker that was killed delivers in another one.
 */
#ifndef TESTS_FAULT_STORM_WIRETAP_H
#define TESTS_FAULT_STORM_WIRETAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/proxy.h"

enum { WIRETAP_BROKERS_MAX = 3 };

struct wiretap;

struct wiretap *wiretap_create(void);
void wiretap_destroy(struct wiretap *tap);
/* From the proxy's first connection on; all brokers share one order. Destroy the proxies first. */
void wiretap_listen(struct wiretap *tap, unsigned broker, struct proxy *proxy);

/* From true until false, whatever this broker has acknowledged so far or acknowledges now may be
 * lost: it is killed, and who listens to it is not back yet. */
void wiretap_forgets(struct wiretap *tap, unsigned broker, bool forgets);

/* Without a tap (NULL) nothing is said to forget, all was sent, in order. */

/* The event was sent to a broker at least once, whole. */
bool wiretap_sent(struct wiretap *tap, uint64_t seq);
/* A broker has acknowledged it and may have lost it. */
bool wiretap_forgotten(struct wiretap *tap, uint64_t seq);
/* How many events were sent so far, each counted once. */
uint64_t wiretap_count(struct wiretap *tap);
/* Connections to this broker that are open now. */
unsigned wiretap_open(struct wiretap *tap, unsigned broker);

/* Events sent for the first time after a later one, since the last call; *example is one of them. */
size_t wiretap_disorder(struct wiretap *tap, uint64_t *example);

#endif
