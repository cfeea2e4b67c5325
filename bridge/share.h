/*
 * share.h - who sends next when several have something: each kind of traffic gets its share of the
 * sends, the shares of the idle ones go to the others (stride scheduling). Pure; one thread at a time.
 */
#ifndef BRIDGE_SHARE_H
#define BRIDGE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* What the agent says of itself goes before all else. With all the others busy of 15 sends 10 are
 * events; retained ones get 2 of 12 while only a backlog drains, 2 of 15 at the least: always between
 * a tenth and a quarter (promise 3). */
enum traffic {
    TRAFFIC_CONTROL,
    TRAFFIC_EVENTS,
    TRAFFIC_RETAINED,
    TRAFFIC_ANSWERS,
    TRAFFIC_REPLAYS,
    TRAFFIC_COUNT
};

struct share {
    uint64_t passed[TRAFFIC_COUNT]; /* virtual time each has used up */
    uint64_t now;                   /* of the one that went last */
};

void share_init(struct share *s);
/* The traffic that may go, of those with wants[traffic]; TRAFFIC_COUNT if none wants. */
enum traffic share_pick(struct share *s, const bool wants[TRAFFIC_COUNT]);

#endif
