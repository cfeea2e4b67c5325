/*
 * wheel.h - connections to be looked at about once a second, a tenth of them at each tick, so that
 * thousands cost no peak. Nodes belong to the caller. Net thread only.
 */
#ifndef AGENT_NET_WHEEL_H
#define AGENT_NET_WHEEL_H

enum { WHEEL_SLICES = 10 };

struct wheel_node {
    struct wheel_node *prev, *next;
    unsigned slice;
};

/* Zeroed: empty. */
struct wheel {
    struct wheel_node *slices[WHEEL_SLICES];
    unsigned fill; /* slice of the next node */
    unsigned at;   /* slice of the next step */
};

/* May remove the node it is given, no other. */
typedef void wheel_fn(void *ctx, struct wheel_node *node);

void wheel_add(struct wheel *wheel, struct wheel_node *node);
void wheel_remove(struct wheel *wheel, struct wheel_node *node);
/* Calls fn for the nodes of the next slice. */
void wheel_step(struct wheel *wheel, wheel_fn *fn, void *ctx);
/* Calls fn for all nodes. */
void wheel_each(struct wheel *wheel, wheel_fn *fn, void *ctx);

#endif
