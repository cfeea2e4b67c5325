/*
 * import.c - `store import`: an agent's rows out of exported lines (import.h), in one transaction.
 *
 * Its row comes first: whoever would start on it meanwhile has to wait, and finds all of it or nothing. Nobody owns it
 * then; its boot is the export's, or above what an agent had there that never stored anything, so every start is newer
 * than all before it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/findings.h"
#include "store/import.h"
#include "store/lock.h"
#include "store/postgres/bulk.h"
#include "store/postgres/private.h"

enum rows { ROWS_EVENTS, ROWS_TABLES, ROWS_REQUESTS, ROWS_CLEARED, ROWS_NONE };

#define INTO(table) "COPY " table " FROM STDIN (FORMAT binary)"

static const char *const texts[ROWS_NONE] = {
    [ROWS_EVENTS] = INTO("studio_log (agent, seq, kind, table_id, rev, wall_ms, body)"),
    [ROWS_TABLES] = INTO("studio_tables (agent, id, rev, document)"),
    [ROWS_REQUESTS] = INTO(
        "studio_requests (agent, table_id, client, request_id, digest, answer, wall_ms, hour)"),
    [ROWS_CLEARED] = INTO("studio_cleared (agent, table_id, field, rev)"),
};

#define NO_ROWS_IN(table) " AND NOT EXISTS (SELECT FROM " table " r WHERE r.agent = $1::text)"
#define NO_ROWS                                                                                    \
    NO_ROWS_IN("studio_log")                                                                       \
    NO_ROWS_IN("studio_tables") NO_ROWS_IN("studio_requests") NO_ROWS_IN("studio_cleared")

/* An agent that has never stored anything is in nobody's way, unless it is owned. */
#define DROP_EMPTY                                                                                 \
    "DELETE FROM studio_agents WHERE agent = $1::text AND last_seq = 0"                            \
    " AND valid_until <= clock_timestamp()" NO_ROWS " RETURNING boot"
#define ADD_AGENT                                                                                  \
    "INSERT INTO studio_agents (agent, epoch, boot, last_seq, acked, owner, valid_until)"          \
    " SELECT $1::text, $2::text, $3::bigint, $4::bigint, $5::bigint, 'nobody', clock_timestamp()"  \
    " WHERE true" NO_ROWS " ON CONFLICT DO NOTHING RETURNING agent"
#define DROP_PAST                                                                                  \
    "WITH boots AS (DELETE FROM studio_boots WHERE agent = $1::text)"                              \
    " DELETE FROM studio_hours WHERE agent = $1::text"
/* As SQLite's import has it: of the change before it; where none is kept one less than that of the next one, or the
 * table's own. */
#define FILL_REVS                                                                                  \
    "UPDATE studio_log l SET rev = f.rev FROM (SELECT seq, kind, coalesce("                        \
    "max(rev) FILTER (WHERE kind = 1) OVER (PARTITION BY table_id ORDER BY seq),"                  \
    " CASE WHEN min(rev) FILTER (WHERE kind = 1) OVER whole IS NOT NULL"                           \
    " THEN greatest(min(rev) FILTER (WHERE kind = 1) OVER whole - 1, 0) END,"                      \
    " (SELECT t.rev FROM studio_tables t WHERE t.agent = $1::text AND t.id = table_id), 0) AS rev" \
    " FROM studio_log WHERE agent = $1::text WINDOW whole AS (PARTITION BY table_id)) f"           \
    " WHERE l.agent = $1::text AND l.seq = f.seq AND f.kind = 2"

/* The rows being copied. */
struct copying {
    struct link link;
    const char *agent_id;
    struct bulk bulk;
    enum rows now;
    int64_t bytes; /* as the agent counts them */
    bool exceptions;
};

/* What the server will not take of the lines is wrong with these. */
static enum studio_err fail(struct import *im, enum link_result result)
{
    const struct copying *c = im->ctx;
    const char *state = c->link.state;
    if (result == LINK_REFUSED && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0))
        return import_contradiction(im, c->link.why);
    if (result == LINK_REFUSED && strcmp(state, "55P03") == 0)
        return studio_error_set(im->error, STUDIO_ERR_STORE_UNUSABLE,
                                ": somebody else is making a store of agent %s; nothing was "
                                "imported",
                                c->agent_id);
    return tool_fail(&c->link, result, im->error);
}

/* How many rows it was about. */
static enum studio_err run(struct import *im, const char *sql, const struct args *args, int *count,
                           int64_t *number)
{
    struct copying *c = im->ctx;
    PGresult *rows;
    enum studio_err err = fail(im, bulk_ask(&c->link, sql, args, &rows));
    *count = PQntuples(rows);
    if (number && *count > 0)
        *number = row_i64(rows, 0, 0);
    PQclear(rows);
    return err;
}

/* --- one kind of row after the other --------------------------------------------------------- */

static enum studio_err end_rows(struct import *im)
{
    struct copying *c = im->ctx;
    if (c->now == ROWS_NONE)
        return STUDIO_OK;
    c->now = ROWS_NONE;
    return fail(im, bulk_end(&c->bulk));
}

static enum studio_err begin_row(struct import *im, enum rows rows, int columns)
{
    struct copying *c = im->ctx;
    if (c->now != rows) {
        enum studio_err err = end_rows(im);
        if (err == STUDIO_OK) {
            c->now = rows;
            err = fail(im, bulk_begin(&c->bulk, &c->link, texts[rows]));
        }
        if (err != STUDIO_OK)
            return err;
    }
    bulk_row(&c->bulk, columns);
    bulk_str(&c->bulk, c->agent_id);
    return STUDIO_OK;
}

static enum studio_err end_row(struct import *im)
{
    struct copying *c = im->ctx;
    return fail(im, bulk_flush(&c->bulk));
}

static enum studio_err take_event(struct import *im, const struct studio_event *event)
{
    struct copying *c = im->ctx;
    const bool change = event->kind == EVENT_CHANGE;
    enum studio_err err = begin_row(im, ROWS_EVENTS, 7);
    if (err != STUDIO_OK)
        return err;
    bulk_i64(&c->bulk, (int64_t)event->seq);
    bulk_i64(&c->bulk, event->kind);
    bulk_str(&c->bulk, event->table_id);
    bulk_i64(&c->bulk, change ? (int64_t)event->rev : 0);
    bulk_i64(&c->bulk, event->wall_ms);
    bulk_add(&c->bulk, event->body, event->body_len);
    c->exceptions |= !change;
    c->bytes += (int64_t)event->body_len + ROW_BYTES;
    return end_row(im);
}

static enum studio_err take_table(struct import *im, const char *table_id, uint64_t rev,
                                  const char *document, size_t len)
{
    struct copying *c = im->ctx;
    enum studio_err err = begin_row(im, ROWS_TABLES, 4);
    if (err != STUDIO_OK)
        return err;
    bulk_str(&c->bulk, table_id);
    bulk_i64(&c->bulk, (int64_t)rev);
    bulk_add(&c->bulk, document, len);
    return end_row(im);
}

static enum studio_err take_request(struct import *im, const struct store_request *request)
{
    struct copying *c = im->ctx;
    enum studio_err err = begin_row(im, ROWS_REQUESTS, 8);
    if (err != STUDIO_OK)
        return err;
    bulk_str(&c->bulk, request->table_id);
    bulk_str(&c->bulk, request->client);
    bulk_str(&c->bulk, request->request_id);
    bulk_add(&c->bulk, request->digest, sizeof request->digest);
    bulk_add(&c->bulk, request->answer, request->answer_len);
    bulk_i64(&c->bulk, request->wall_ms);
    bulk_i64(&c->bulk, 0);
    c->bytes += (int64_t)request->answer_len + ROW_BYTES;
    return end_row(im);
}

static enum studio_err take_cleared(struct import *im, const char *table_id, const char *field)
{
    struct copying *c = im->ctx;
    enum studio_err err = begin_row(im, ROWS_CLEARED, 4);
    if (err != STUDIO_OK)
        return err;
    bulk_str(&c->bulk, table_id);
    bulk_str(&c->bulk, field);
    bulk_i64(&c->bulk, 0);
    return end_row(im);
}

/* There are few. */
static enum studio_err take_parked(struct import *im, uint64_t seq, const char *reason)
{
    struct copying *c = im->ctx;
    struct args args = args_begin(c->agent_id);
    int count;
    args_u64(&args, seq);
    args_str(&args, reason);
    enum studio_err err = end_rows(im);
    if (err == STUDIO_OK)
        err = run(im, postgres_texts[PG_PARK], &args, &count, NULL);
    if (err == STUDIO_OK && count != 1)
        err = import_refuse(im, "event %" PRIu64 " is not there, or parked already", seq);
    return err;
}

/* --- the agent's row ------------------------------------------------------------------------- */

static enum studio_err refuse_agent(struct import *im)
{
    struct copying *c = im->ctx;
    bool held;
    enum studio_err err = tool_held(&c->link, c->agent_id, &held, im->error);
    if (err != STUDIO_OK)
        return err;
    return studio_error_set(im->error, STUDIO_ERR_STORE_UNUSABLE,
                            ": there is a store of agent %s in the database already; nothing was "
                            "imported; remove it first (OPERATING.md), or name another database",
                            c->agent_id);
}

static enum studio_err take_begin(struct import *im, const struct store_info *info)
{
    struct copying *c = im->ctx;
    struct args agent = args_begin(c->agent_id), all = agent;
    int64_t boot = -1;
    int count;
    if (strcmp(info->agent_id, c->agent_id) != 0)
        return import_refuse(im, "it is of agent %s, but mqtt.agent_id is %s", info->agent_id,
                             c->agent_id);
    enum studio_err err = run(im, DROP_EMPTY, &agent, &count, &boot);
    if (err != STUDIO_OK)
        return err;
    args_str(&all, info->epoch);
    args_i64(&all, boot + 1 > (int64_t)info->boot ? boot + 1 : (int64_t)info->boot);
    args_u64(&all, info->last_seq);
    args_u64(&all, info->acked);
    err = run(im, ADD_AGENT, &all, &count, NULL);
    if (err != STUDIO_OK)
        return err;
    return count == 1 ? run(im, DROP_PAST, &agent, &count, NULL) : refuse_agent(im);
}

static const struct import_target target = {.begin = take_begin,
                                            .event = take_event,
                                            .parked = take_parked,
                                            .table = take_table,
                                            .request = take_request,
                                            .cleared = take_cleared};

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err check(struct import *im)
{
    struct copying *c = im->ctx;
    struct findings findings = {0};
    enum studio_err err = fail(im, check_rows(&c->link, c->agent_id, &findings));
    if (err == STUDIO_OK && findings.count > 0)
        err = import_contradiction(im, findings.first);
    return err;
}

static enum studio_err complete(struct import *im)
{
    struct copying *c = im->ctx;
    struct args agent = args_begin(c->agent_id), bytes = agent;
    int count;
    args_i64(&bytes, c->bytes);
    enum studio_err err = end_rows(im);
    if (err == STUDIO_OK && c->exceptions)
        err = run(im, FILL_REVS, &agent, &count, NULL);
    if (err == STUDIO_OK)
        err = run(im, "UPDATE studio_agents SET bytes = $2::bigint WHERE agent = $1::text", &bytes,
                  &count, NULL);
    return err == STUDIO_OK ? check(im) : err;
}

/* Only its answer says that it is there. */
static enum studio_err commit(struct import *im)
{
    struct copying *c = im->ctx;
    enum link_result result;
    c->link.warned = false;
    result = link_exec(&c->link, "COMMIT");
    if (result == LINK_OK && c->link.warned)
        return studio_error_set(im->error, STUDIO_ERR_IO,
                                ": it is imported, but perhaps not on the database's standby: see "
                                "whether that one has it before it is needed");
    if (result == LINK_LOST)
        return studio_error_set(im->error, STUDIO_ERR_IO,
                                ": nobody knows whether it is imported, the database did not "
                                "answer: %s; import it again, which is refused if it was",
                                c->link.why);
    /* What the first queries are planned by; without it they are only slower. */
    if (result == LINK_OK)
        (void)link_exec(&c->link, "ANALYZE studio_log; ANALYZE studio_tables");
    return fail(im, result);
}

static enum studio_err import_rows(struct import *im)
{
    struct copying *c = im->ctx;
    enum studio_err err = fail(im, link_exec(&c->link, "BEGIN; SET LOCAL lock_timeout = '5s'"));
    if (err == STUDIO_OK)
        err = import_read(im);
    if (err == STUDIO_OK)
        err = complete(im);
    return err == STUDIO_OK ? commit(im) : err;
}

enum studio_err postgres_import(const struct store_place *place, FILE *in, store_progress_fn *tell,
                                struct studio_error *error)
{
    struct copying *c = calloc(1, sizeof *c);
    struct import *im = calloc(1, sizeof *im);
    int lock_fd = -1;
    enum studio_err err = STUDIO_ERR_NO_MEMORY;
    if (!c || !im) {
        (void)studio_error_set(error, err, NULL);
        goto done;
    }
    c->agent_id = place->agent_id;
    c->now = ROWS_NONE;
    im->target = &target;
    im->ctx = c;
    im->in = in;
    im->tell = tell;
    im->error = error;
    /* An agent whose store is still in the directory would go on there. */
    err = lock_take(place->dir, &lock_fd, error);
    if (err == STUDIO_OK)
        err = tool_connect(place, &c->link, error);
    if (err == STUDIO_OK)
        err = import_rows(im);
    if (c->now != ROWS_NONE)
        buf_finish(&c->bulk.rows);
    link_close(&c->link);
    lock_release(lock_fd);
done:
    free(im);
    free(c);
    return err;
}
