/*
 * lessons.h - what our connections have learned of the brokers in this run, each for all of them. Pure;
 * bridge thread.
 *
 * A broker's name may have several addresses (link_race.h). One that takes the connection and then says
 * nothing, hangs up or is not available is tried last the next time, behind those that were before it;
 * one that answers is back in its place.
 */
#ifndef BRIDGE_LESSONS_H
#define BRIDGE_LESSONS_H

#include "brokers.h"
#include "link.h"

enum { LESSONS_LAST_MAX = 512 /* bytes of addresses; the oldest are forgotten */ };

struct lessons {
    unsigned keepalive_max[BROKERS_MAX];      /* Server Keep Alive; 0: not asked for */
    char last[BROKERS_MAX][LESSONS_LAST_MAX]; /* by comma, the order to try them in */
};

/* `broker` is its number, `address` of the connection, "" if there was none. */
void lessons_address_failed(struct lessons *l, size_t broker, const char *address);
void lessons_address_answered(struct lessons *l, size_t broker, const char *address);

#endif
