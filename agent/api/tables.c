#include "api/tables.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"
#include "api/params.h"
#include "core/core.h"
#include "core/rights.h"
#include "core/tables.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
    PAGE_BYTES = 512 * 1024, /* from there on a page takes no more documents */
    PAGE_LOOK = 10000,       /* tables it looks at, removed ones among them: the loop waits */
    ETAG_MAX = 24
};

/* --- all of them ------------------------------------------------------------------------------ */

struct query {
    const char *prefix, *after;
    uint64_t limit;
};

static bool read_prefix(void *query, const char *value)
{
    ((struct query *)query)->prefix = value;
    return true;
}

static bool read_after(void *query, const char *value)
{
    ((struct query *)query)->after = value;
    return true;
}

static bool read_limit(void *query, const char *value)
{
    return text_number(value, 1, LIMIT_MAX, &((struct query *)query)->limit);
}

static const struct param params[] = {
    {"prefix", "the beginning of a name", read_prefix},
    {"limit", "1 to 1000", read_limit},
    {"after", "the name of a table", read_after},
};

/* May what the query asks for have this name? */
static bool asked_for(const struct query *query, const char *id)
{
    return strncmp(id, query->prefix, strlen(query->prefix)) == 0 && strcmp(id, query->after) > 0;
}

static void add_document(struct buf *body, const struct table *table)
{
    const struct studio_snapshot *snapshot = table_snapshot(table);

    if (body->len > 0 && body->data[body->len - 1] != '[')
        buf_str(body, ",");
    buf_add(body, snapshot->document, snapshot->document_len);
}

/* Prints a page; the name it goes on behind, NULL: it was the last. */
static const char *print_page(const struct tables *tables, const struct query *query,
                              struct buf *body)
{
    bool behind = strcmp(query->after, query->prefix) >= 0;
    size_t place = tables_place(tables, behind ? query->after : query->prefix);
    const struct table *table = tables_at(tables, place);
    const char *last = NULL;
    uint64_t count = 0;

    if (table && strcmp(table_id(table), query->after) == 0)
        table = tables_at(tables, ++place);
    for (size_t looked = 0; table && asked_for(query, table_id(table));
         table = tables_at(tables, ++place)) {
        if (++looked > PAGE_LOOK)
            return last;
        if (table_exists(table)) {
            if (count++ == query->limit || body->len >= PAGE_BYTES)
                return last;
            add_document(body, table);
        }
        last = table_id(table);
    }
    return NULL;
}

/* A device's own table is all it may read. */
static void print_own(struct tables *tables, const char *id, const struct query *query,
                      struct buf *body)
{
    const struct table *table = tables_find(tables, id);

    if (table && table_exists(table) && asked_for(query, id))
        add_document(body, table);
}

void tables_list(struct api_request *r)
{
    struct query query = {.prefix = "", .after = "", .limit = LIMIT_DEFAULT};
    struct tables *tables = core_tables(r->api->core);
    const char *next = NULL;
    struct buf body;

    if (!request_params(r, params, sizeof(params) / sizeof(params[0]), &query))
        return;
    buf_init(&body, SIZE_MAX);
    buf_str(&body, "{\"tables\":[");
    if (rights_to_read(r->actor, NULL))
        next = print_page(tables, &query, &body);
    else
        print_own(tables, r->actor->table_id, &query, &body);
    buf_str(&body, "]}");
    if (next && buf_ok(&body))
        request_next(r, next, NULL);
    request_reply(r, &body);
}

/* --- one ---------------------------------------------------------------------------------------- */

void tables_get(struct api_request *r)
{
    const char *known = exchange_field(r->exchange, EXCHANGE_IF_NONE_MATCH);
    const struct table *table = tables_find(core_tables(r->api->core), r->table);
    const struct studio_snapshot *snapshot;
    char etag[ETAG_MAX];

    if (!request_params(r, NULL, 0, NULL))
        return;
    if (!rights_to_read(r->actor, r->table)) {
        request_refuse(r, STUDIO_ERR_NOT_PERMITTED, NULL);
        return;
    }
    if (!table || !table_exists(table)) {
        request_refuse(r, STUDIO_ERR_UNKNOWN_TABLE, r->table);
        return;
    }
    snapshot = table_snapshot(table);
    snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)snapshot->rev);
    exchange_header(r->exchange, "etag", etag);
    exchange_header(r->exchange, "cache-control", "private, no-cache");
    if (known && fields_name_tag(known, etag))
        exchange_send(r->exchange, 304, NULL, "", 0);
    else
        exchange_reply(r->exchange, 200, snapshot->document, snapshot->document_len);
}
