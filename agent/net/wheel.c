#include "net/wheel.h"

#include <stddef.h>
#include <utlist.h>

void wheel_add(struct wheel *wheel, struct wheel_node *node)
{
    node->slice = wheel->fill++ % WHEEL_SLICES;
    DL_PREPEND(wheel->slices[node->slice], node);
}

void wheel_remove(struct wheel *wheel, struct wheel_node *node)
{
    DL_DELETE(wheel->slices[node->slice], node);
}

static void turn(struct wheel_node *node, wheel_fn *fn, void *ctx)
{
    struct wheel_node *next;

    for (; node; node = next) {
        next = node->next;
        fn(ctx, node);
    }
}

void wheel_step(struct wheel *wheel, wheel_fn *fn, void *ctx)
{
    turn(wheel->slices[wheel->at++ % WHEEL_SLICES], fn, ctx);
}

void wheel_each(struct wheel *wheel, wheel_fn *fn, void *ctx)
{
    for (int i = 0; i < WHEEL_SLICES; i++)
        turn(wheel->slices[i], fn, ctx);
}
