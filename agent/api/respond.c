#include "api/api.h"

#include <string.h>

#include "api/guard.h"
#include "api/routes.h"
#include "base/names.h"

enum { ALLOW_MAX = 64 };

static const char hole[] = "{table}";

/* Does the path have the form of the pattern? Then `table` is what stands for `{table}`, if it could be
 * one, else "". What stands for `*` is the handler's to look at. */
static bool matches(const char *pattern, const char *path, char table[STUDIO_TABLE_ID_MAX + 1])
{
    const char *at = strstr(pattern, hole);
    size_t before, len;

    table[0] = '\0';
    if (!at) {
        before = strcspn(pattern, "*");
        return strncmp(pattern, path, before) == 0 &&
               (pattern[before] ? !strchr(path + before, '/') : !path[before]);
    }
    before = (size_t)(at - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    len = strcspn(path + before, "/");
    if (len == 0 || strcmp(at + sizeof(hole) - 1, path + before + len) != 0)
        return false;
    if (len <= STUDIO_TABLE_ID_MAX && name_is_table(path + before, len)) {
        memcpy(table, path + before, len);
        table[len] = '\0';
    }
    return true;
}

static bool serves(const struct route *route, const char *method)
{
    return strcmp(method, route->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Adds the method to those the path has. */
static void allow(struct buf *list, const char *method)
{
    buf_str(list, list->len ? ", " : "");
    buf_str(list, method);
    if (strcmp(method, "GET") == 0)
        buf_str(list, ", HEAD");
}

/* Of a user who has logged in. Commands are counted where they are carried out. */
static void pass_user(struct api_request *r)
{
    const struct route *route = r->route;

    if (strcmp(route->method, "GET") == 0 && !request_within_rate(r))
        return;
    if (!r->table[0] && strstr(route->path, hole))
        request_refuse(r, STUDIO_ERR_UNKNOWN_TABLE, "that is no name of one");
    else
        route->respond(r);
}

static void pass_on(struct api *api, struct exchange *exchange, const struct route *route,
                    const char *table)
{
    struct api_request *r = request_create(api, exchange);

    if (!r)
        return;
    r->route = route;
    memcpy(r->table, table, sizeof(r->table));
    if (route->access == ACCESS_USER)
        request_login(r, pass_user);
    else if (route->access == ACCESS_ANYBODY || guard_lets_in(r))
        route->respond(r);
}

void api_respond(void *ctx, struct exchange *exchange)
{
    const char *path = exchange_path(exchange), *method = exchange_method(exchange);
    char table[STUDIO_TABLE_ID_MAX + 1], space[ALLOW_MAX];
    struct buf allowed;

    buf_init_fixed(&allowed, space, sizeof(space));
    for (size_t i = 0; i < route_count; i++) {
        if (!matches(routes[i].path, path, table))
            continue;
        if (serves(&routes[i], method)) {
            const char *owner, *closed = routes[i].always ? NULL : api_closed(ctx, &owner);

            if (closed) {
                exchange_problem(exchange, 503, closed);
                return;
            }
            pass_on(ctx, exchange, &routes[i], table);
            return;
        }
        allow(&allowed, routes[i].method);
    }
    if (allowed.len > 0)
        exchange_header(exchange, "allow", allowed.data);
    exchange_problem(exchange, allowed.len > 0 ? 405 : 404,
                     allowed.len > 0 ? "Method not allowed" : "Not found");
}
