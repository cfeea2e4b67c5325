#include "net/routes.h"

#include <string.h>

#include "base/buf.h"
#include "base/figures.h"
#include "protocol/document.h"

enum { ROUTES_BODY_MAX = 1024 };

static int healthz(const struct figures *figures, struct buf *body)
{
    (void)figures;
    buf_str(body, "{\"status\":\"ok\"}");
    return 200;
}

static int readyz(const struct figures *figures, struct buf *body)
{
    bool writable = figure_get(&figures->store_writable), stopping = figure_get(&figures->stopping);
    bool ready = writable && !stopping;

    /* Which broker it is, is not for strangers. */
    buf_printf(body, "{\"status\":\"%s\",\"store\":\"%s\",\"broker\":{\"state\":\"%s\"}}",
               ready      ? "ready"
               : stopping ? "stopping"
                          : "unavailable",
               writable ? "writable" : "not writable",
               !figure_get(&figures->mirror)            ? "not configured"
               : figure_get(&figures->broker_connected) ? "connected"
                                                        : "not connected");
    return ready ? 200 : 503;
}

static const struct {
    const char *path;
    int (*respond)(const struct figures *figures, struct buf *body);
} routes[] = {
    {"/healthz", healthz},
    {"/readyz", readyz},
};

static int refuse(struct buf *body, int status, const char *why)
{
    answer_error(body, why, NULL);
    return status;
}

static int route(const struct figures *figures, struct exchange *exchange, struct buf *body)
{
    const char *path = exchange_path(exchange), *method = exchange_method(exchange);

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
            return routes[i].respond(figures, body);
        exchange_header(exchange, "allow", "GET, HEAD");
        return refuse(body, 405, "Method not allowed");
    }
    if (strcmp(path, "/") == 0 || strcmp(path, "/v1/ws") == 0) {
        exchange_header(exchange, "upgrade", "websocket");
        return refuse(body, 426, "This is a WebSocket address");
    }
    return refuse(body, 404, "Not found");
}

void routes_respond(void *ctx, struct exchange *exchange)
{
    struct buf body;
    int status;

    buf_init(&body, ROUTES_BODY_MAX);
    status = route(ctx, exchange, &body);
    if (buf_ok(&body))
        exchange_reply(exchange, status, body.data, body.len);
    else
        exchange_reply(exchange, 503, NULL, 0);
    buf_finish(&body);
}
