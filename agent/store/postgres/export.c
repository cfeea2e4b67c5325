/* export.c - `store export`: an agent's rows in their order, all of one moment, row by row. */
#include <stdio.h>
#include <string.h>

#include "store/export.h"
#include "store/postgres/bulk.h"
#include "store/postgres/private.h"

/* --- one row of each kind -------------------------------------------------------------------- */

static const char *text_of(const PGresult *row, int column)
{
    size_t len;
    return row_text(row, 0, column, &len);
}

static enum studio_err put_event(void *x, const PGresult *row)
{
    size_t len;
    const char *body = row_text(row, 0, 1, &len);
    return export_event(x, (uint64_t)row_i64(row, 0, 0), body, len);
}

static enum studio_err put_parked(void *x, const PGresult *row)
{
    return export_parked(x, (uint64_t)row_i64(row, 0, 0), text_of(row, 1));
}

static enum studio_err put_table(void *x, const PGresult *row)
{
    size_t len;
    const char *document = row_text(row, 0, 2, &len);
    return export_table(x, text_of(row, 0), (uint64_t)row_i64(row, 0, 1), document ? document : "",
                        len);
}

static enum studio_err put_request(void *x, const PGresult *row)
{
    struct store_request request = {.table_id = text_of(row, 0),
                                    .client = text_of(row, 1),
                                    .request_id = text_of(row, 2),
                                    .wall_ms = row_i64(row, 0, 4)};
    size_t len;
    const char *digest = row_text(row, 0, 3, &len);
    if (!digest || len != sizeof request.digest)
        return studio_error_set(((struct export *)x)->error, STUDIO_ERR_STORE_UNUSABLE,
                                ": a request has no digest of 32 bytes; see studio-agent store "
                                "check");
    memcpy(request.digest, digest, len);
    request.answer = row_text(row, 0, 5, &request.answer_len);
    return export_request(x, &request);
}

static enum studio_err put_cleared(void *x, const PGresult *row)
{
    return export_cleared(x, text_of(row, 0), text_of(row, 1));
}

#define OURS " WHERE agent = $1::text"

static const struct {
    const char *sql;
    bulk_row_fn *put;
} sections[] = {
    {"SELECT seq, body FROM studio_log" OURS " ORDER BY seq", put_event},
    {"SELECT seq, parked FROM studio_log" OURS " AND parked IS NOT NULL ORDER BY seq", put_parked},
    {"SELECT id, rev, document FROM studio_tables" OURS " ORDER BY id", put_table},
    {"SELECT table_id, client, request_id, digest, wall_ms, answer FROM studio_requests" OURS
     " ORDER BY table_id, client, request_id",
     put_request},
    {"SELECT table_id, field FROM studio_cleared" OURS " ORDER BY table_id, field", put_cleared},
};

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err put_all(struct link *link, const struct store_info *info, FILE *out,
                               store_progress_fn *tell, struct studio_error *error)
{
    struct export x;
    enum studio_err err = export_begin(&x, info, out, tell, error), row_err = STUDIO_OK;
    for (size_t i = 0; err == STUDIO_OK && i < sizeof sections / sizeof *sections; i++) {
        enum link_result result =
            bulk_read(link, sections[i].sql, info->agent_id, sections[i].put, &x, &row_err);
        err = row_err != STUDIO_OK ? row_err : tool_fail(link, result, error);
    }
    if (err == STUDIO_OK)
        err = export_end(&x);
    export_finish(&x);
    return err;
}

enum studio_err postgres_export(const struct store_place *place, FILE *out, store_progress_fn *tell,
                                struct studio_error *error)
{
    struct store_info info = {0};
    struct link link;
    enum studio_err err = tool_connect_to_read(place, &link, error);
    if (err == STUDIO_OK)
        err = tool_load(&link, place->agent_id, &info, error);
    if (err == STUDIO_OK)
        err = put_all(&link, &info, out, tell, error);
    link_close(&link);
    return err;
}
