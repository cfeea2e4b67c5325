#include "api/assets.h"

#include <string.h>

#include "api/fields.h"
#include "api/request.h"

static const char page[] = "index.html";

/* Nothing from elsewhere, nothing inline, in nobody's frame. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
};

/* NULL: no file of the dashboard has such a name. */
static const char *type_of(const char *name)
{
    const char *suffix = strrchr(name, '.');

    for (size_t i = 0; suffix && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    return NULL;
}

static const struct dashboard_asset *find(const char *name)
{
    for (size_t i = 0; i < dashboard_asset_count; i++)
        if (strcmp(dashboard_assets[i].name, name) == 0)
            return &dashboard_assets[i];
    return NULL;
}

/* Without the header any coding will do (RFC 9110, 12.5.3). */
static bool takes_gzip(const char *header)
{
    struct field_part part;
    bool any = false;

    if (!header)
        return true;
    while (fields_next(&header, &part)) {
        bool wanted = fields_quality(&part) > 0;
        if (fields_is(&part, "gzip"))
            return wanted;
        if (fields_is(&part, "*"))
            any = wanted;
    }
    return any;
}

static void give(struct exchange *x, const struct dashboard_asset *asset)
{
    const char *type = asset ? type_of(asset->name) : NULL;
    const char *known = exchange_field(x, EXCHANGE_IF_NONE_MATCH);

    if (!type) {
        exchange_problem(x, 404, "Not found");
        return;
    }
    exchange_header(x, "vary", "accept-encoding");
    if (!takes_gzip(exchange_field(x, EXCHANGE_ACCEPT_ENCODING))) {
        exchange_problem(x, 406, "This is sent as gzip only");
        return;
    }
    exchange_header(x, "etag", asset->etag);
    exchange_header(x, "cache-control", "no-cache");
    exchange_header(x, "content-security-policy", policy);
    exchange_header(x, "x-content-type-options", "nosniff");
    exchange_header(x, "x-frame-options", "DENY");
    exchange_header(x, "referrer-policy", "no-referrer");
    if (known && fields_name_tag(known, asset->etag)) {
        exchange_send(x, 304, NULL, NULL, 0);
        return;
    }
    exchange_header(x, "content-encoding", "gzip");
    exchange_send(x, 200, type, asset->bytes, asset->len);
}

void assets_page(struct api_request *r)
{
    give(r->exchange, find(page));
}

void assets_file(struct api_request *r)
{
    give(r->exchange, find(strrchr(exchange_path(r->exchange), '/') + 1));
}
