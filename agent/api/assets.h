/* assets.h - the dashboard: its page and what belongs to it, as the build has put them into the program. */
#ifndef AGENT_API_ASSETS_H
#define AGENT_API_ASSETS_H

#include <stddef.h>

struct api_request;

/* A file of agent/dashboard/, compressed by gzip. */
struct dashboard_asset {
    const char *name, *etag;
    const unsigned char *bytes;
    size_t len;
};

/* Made by the build (agent/dashboard/embed.cmake). */
extern const struct dashboard_asset dashboard_assets[];
extern const size_t dashboard_asset_count;

/* `/`: the page. Who says that he takes no gzip is answered 406. */
void assets_page(struct api_request *request);
/* `/dashboard/NAME`: what it needs. */
void assets_file(struct api_request *request);

#endif
