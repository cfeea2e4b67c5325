#include "republish.h"

#include "bridge/bridge.h"

bool republish(struct bridge *bridge, struct buf *answer)
{
    struct bridge_stats stats;

    if (!bridge) {
        buf_str(answer, "this agent has no broker: nothing is published");
        return false;
    }
    bridge_get_stats(bridge, &stats);
    bridge_again(bridge);
    buf_printf(answer, "all retained messages are published again, on %s%s", stats.broker,
               stats.connected ? "" : " as soon as there is a connection");
    return true;
}
