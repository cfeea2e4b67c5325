/*
 * share.h - who sends next when several have something: each class gets its share of the sends, the
 * shares of the idle ones go to the others (stride scheduling). Pure; one thread at a time.
 */
#ifndef BRIDGE_SHARE_H
#define BRIDGE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* With all of them busy of 15 sends 10 are events; retained ones get 2 of 12 while only a backlog
 * drains, 2 of 15 at the least: always between a tenth and a quarter (promise 3). */
enum share_class { SHARE_EVENT, SHARE_RETAINED, SHARE_REPLY, SHARE_REPLAY, SHARE_COUNT };

struct share {
    uint64_t passed[SHARE_COUNT]; /* virtual time each class has used up */
    uint64_t now;                 /* of the class that went last */
};

void share_init(struct share *s);
/* The class that may go, of those with wants[class]; SHARE_COUNT if none wants. */
enum share_class share_pick(struct share *s, const bool wants[SHARE_COUNT]);

#endif
