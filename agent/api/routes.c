#include "api/routes.h"

#include "api/assets.h"
#include "api/health.h"

const struct route routes[] = {
    {"GET", "/healthz", ACCESS_ANYBODY, health_alive},
    {"GET", "/readyz", ACCESS_ANYBODY, health_ready},
    {"GET", "/", ACCESS_ANYBODY, assets_page},
    {"GET", "/dashboard/*", ACCESS_ANYBODY, assets_file},
    {"GET", "/v1/ws", ACCESS_ANYBODY, health_websocket},
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
