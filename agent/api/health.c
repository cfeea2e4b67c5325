#include "api/health.h"

#include <string.h>

#include "api/request.h"
#include "base/figures.h"
#include "base/json.h"
#include "core/core.h"

enum { BODY_MAX = 1024 /* the name of an owner with six bytes for each of its own */ };

void health_alive(struct api_request *r)
{
    static const char body[] = "{\"status\":\"ok\"}";

    exchange_reply(r->exchange, 200, body, sizeof(body) - 1);
}

static const char *status_of(const struct api *api, bool ready)
{
    if (ready)
        return "ready";
    if (figure_get(&api->figures->stopping))
        return "stopping";
    return api->core ? "unavailable" : "standby";
}

static const char *broker_of(const struct figures *figures)
{
    if (!figure_get(&figures->mirror))
        return "not configured";
    return figure_get(&figures->broker) ? "connected" : "not connected";
}

void health_ready(struct api_request *r)
{
    const struct api *api = r->api;
    const char *owner;
    const bool owned = api_closed(api, &owner) == NULL;
    const bool writable = owned && figure_get(&api->figures->store_writable);
    const bool full = api->core && core_backlog_full(api->core);
    const bool ready = writable && !full && !figure_get(&api->figures->stopping);
    char space[BODY_MAX];
    struct buf body;

    buf_init_fixed(&body, space, sizeof(space));
    /* Which broker it is, is not for strangers. */
    buf_printf(
        &body,
        "{\"status\":\"%s\",\"store\":\"%s\",\"backlog\":\"%s\",\"broker\":{\"state\":\"%s\"}",
        status_of(api, ready),
        !owned     ? "not owned"
        : writable ? "writable"
                   : "not writable",
        full ? "full" : "not full", broker_of(api->figures));
    if (owner) {
        buf_str(&body, ",\"owner\":");
        json_string(&body, owner, strlen(owner));
    }
    buf_str(&body, "}");
    exchange_reply(r->exchange, ready ? 200 : 503, body.data, body.len);
}

void health_websocket(struct api_request *r)
{
    exchange_header(r->exchange, "upgrade", "websocket");
    exchange_problem(r->exchange, 426, "This is a WebSocket address");
}
