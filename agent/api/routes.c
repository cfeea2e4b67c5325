#include "api/routes.h"

#include "api/agent.h"
#include "api/assets.h"
#include "api/commands.h"
#include "api/health.h"
#include "api/history.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/stream.h"
#include "api/studio.h"
#include "api/tables.h"

const struct route routes[] = {
    {"GET", "/healthz", ACCESS_ANYBODY, health_alive, true},
    {"GET", "/readyz", ACCESS_ANYBODY, health_ready, true},
    {"GET", "/metrics", ACCESS_FIGURES, metrics_respond, true},
    {"GET", "/", ACCESS_ANYBODY, assets_page, false},
    {"GET", "/dashboard/*", ACCESS_ANYBODY, assets_file, false},
    {"GET", "/v1/ws", ACCESS_ANYBODY, health_websocket, false},
    {"GET", "/api/v1/tables", ACCESS_USER, tables_list, false},
    {"GET", "/api/v1/tables/{table}", ACCESS_USER, tables_get, false},
    {"DELETE", "/api/v1/tables/{table}", ACCESS_USER, commands_remove, false},
    {"GET", "/api/v1/tables/{table}/history", ACCESS_USER, history_get, false},
    {"POST", "/api/v1/tables/{table}/status", ACCESS_USER, commands_update, false},
    {"POST", "/api/v1/tables/{table}/exceptions", ACCESS_USER, commands_exception, false},
    {"GET", "/api/v1/stream", ACCESS_USER, stream_respond, false},
    {"GET", "/api/v1/studio", ACCESS_USER, studio_get, false},
    {"GET", "/api/v1/agent", ACCESS_USER, agent_get, false},
    {"GET", "/api/v1/openapi.json", ACCESS_USER, openapi_get, false},
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
