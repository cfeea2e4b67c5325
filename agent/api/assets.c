#include "api/assets.h"

#include <string.h>
#include <strings.h>

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

/* Is the coding text[0..len), with what follows it, one that is wanted? `q=0` says that it is not. */
static bool is_wanted(const char *text, size_t len)
{
    const char *q = memmem(text, len, "q=", 2);
    size_t digits = q ? strspn(q + 2, "0. \t") : 0;

    return !q || q + 2 + digits < text + len;
}

/* Without the header any coding will do (RFC 9110, 12.5.3). */
static bool takes_gzip(const char *header)
{
    bool any = false;

    if (!header)
        return true;
    for (; *header; header += *header == ',') {
        size_t len, name;
        bool wanted;

        header += strspn(header, " \t");
        len = strcspn(header, ",");
        name = strcspn(header, " \t;,");
        wanted = is_wanted(header, len);
        if (name == 4 && strncasecmp(header, "gzip", name) == 0)
            return wanted;
        if (name == 1 && *header == '*')
            any = wanted;
        header += len;
    }
    return any;
}

static bool is_there(const char *if_none_match, const char *etag)
{
    return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag));
}

static void give(struct exchange *x, const struct dashboard_asset *asset)
{
    const char *type = asset ? type_of(asset->name) : NULL;

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
    if (is_there(exchange_field(x, EXCHANGE_IF_NONE_MATCH), asset->etag)) {
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
