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
    {"GET", "/healthz", ACCESS_ANYBODY, health_alive},
    {"GET", "/readyz", ACCESS_ANYBODY, health_ready},
    {"GET", "/metrics", ACCESS_FIGURES, metrics_respond},
    {"GET", "/", ACCESS_ANYBODY, assets_page},
    {"GET", "/dashboard/*", ACCESS_ANYBODY, assets_file},
    {"GET", "/v1/ws", ACCESS_ANYBODY, health_websocket},
    {"GET", "/api/v1/tables", ACCESS_USER, tables_list},
    {"GET", "/api/v1/tables/{table}", ACCESS_USER, tables_get},
    {"DELETE", "/api/v1/tables/{table}", ACCESS_USER, commands_remove},
    {"GET", "/api/v1/tables/{table}/history", ACCESS_USER, history_get},
    {"POST", "/api/v1/tables/{table}/status", ACCESS_USER, commands_update},
    {"POST", "/api/v1/tables/{table}/exceptions", ACCESS_USER, commands_exception},
    {"GET", "/api/v1/stream", ACCESS_USER, stream_respond},
    {"GET", "/api/v1/studio", ACCESS_USER, studio_get},
    {"GET", "/api/v1/agent", ACCESS_USER, agent_get},
    {"GET", "/api/v1/openapi.json", ACCESS_USER, openapi_get},
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
