#include "net/routes.h"

#include <stdio.h>
#include <string.h>

static int healthz(const struct http_facts *facts, struct buf *body)
{
    (void)facts;
    buf_str(body, "{\"status\":\"ok\"}");
    return 200;
}

static int readyz(const struct http_facts *facts, struct buf *body)
{
    bool ready = facts->store_writable && !facts->stopping;

    buf_printf(body, "{\"status\":\"%s\",\"store\":\"%s\",\"broker\":{\"state\":\"%s\"",
               ready             ? "ready"
               : facts->stopping ? "stopping"
                                 : "unavailable",
               facts->store_writable ? "writable" : "not writable",
               !facts->mirror     ? "not configured"
               : facts->connected ? "connected"
                                  : "not connected");
    if (facts->mirror) {
        buf_str(body, ",\"uri\":");
        buf_json(body, facts->broker, strlen(facts->broker));
    }
    buf_str(body, "}}");
    return ready ? 200 : 503;
}

static const struct {
    const char *path;
    int (*respond)(const struct http_facts *facts, struct buf *body);
} routes[] = {
    {"/healthz", healthz},
    {"/readyz", readyz},
};

int http_respond(const char *method, const char *path, const struct http_facts *facts,
                 struct buf *body)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
            return routes[i].respond(facts, body);
        buf_str(body, "{\"error\":\"Method not allowed\"}");
        return 405;
    }
    if (strcmp(path, "/") == 0 || strcmp(path, "/v1/ws") == 0) {
        buf_str(body, "{\"error\":\"This is a WebSocket address\"}");
        return 426;
    }
    buf_str(body, "{\"error\":\"Not found\"}");
    return 404;
}
