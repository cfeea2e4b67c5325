#include "api/health.h"

#include "api/request.h"
#include "base/figures.h"
#include "core/core.h"

enum { BODY_MAX = 256 };

void health_alive(struct api_request *r)
{
    static const char body[] = "{\"status\":\"ok\"}";

    exchange_reply(r->exchange, 200, body, sizeof(body) - 1);
}

void health_ready(struct api_request *r)
{
    const struct figures *figures = r->api->figures;
    bool writable = figure_get(&figures->store_writable), stopping = figure_get(&figures->stopping);
    bool full = core_backlog_full(r->api->core), ready = writable && !full && !stopping;
    char space[BODY_MAX];
    struct buf body;

    buf_init_fixed(&body, space, sizeof(space));
    /* Which broker it is, is not for strangers. */
    buf_printf(
        &body,
        "{\"status\":\"%s\",\"store\":\"%s\",\"backlog\":\"%s\",\"broker\":{\"state\":\"%s\"}}",
        ready      ? "ready"
        : stopping ? "stopping"
                   : "unavailable",
        writable ? "writable" : "not writable", full ? "full" : "not full",
        !figure_get(&figures->mirror)  ? "not configured"
        : figure_get(&figures->broker) ? "connected"
                                       : "not connected");
    exchange_reply(r->exchange, ready ? 200 : 503, body.data, body.len);
}

void health_websocket(struct api_request *r)
{
    exchange_header(r->exchange, "upgrade", "websocket");
    exchange_problem(r->exchange, 426, "This is a WebSocket address");
}
