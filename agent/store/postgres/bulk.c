#include "store/postgres/bulk.h"

#include <endian.h>
#include <stdio.h>

enum { PIECE = 64 * 1024, ROWS_MAX = 64 * 1024 * 1024 };

/* The server's message, and what it says of the row. */
static enum link_result refused(struct link *link, const PGresult *answer)
{
    const char *message = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(answer, PG_DIAG_MESSAGE_DETAIL);
    const char *state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    const bool lost = !message || PQstatus(link->conn) != CONNECTION_OK;
    const char *words = lost ? PQerrorMessage(link->conn) : message;
    snprintf(link->why, sizeof link->why, "%.*s%s%s", (int)strcspn(words, "\n"), words,
             lost || !detail ? "" : ": ", lost || !detail ? "" : detail);
    snprintf(link->state, sizeof link->state, "%s", lost || !state ? "" : state);
    return lost ? LINK_LOST : LINK_REFUSED;
}

static bool send_text(struct link *link, const char *sql, const struct args *args)
{
    static const int binary[LINK_ARGS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    link->why[0] = '\0';
    link->state[0] = '\0';
    return link->conn && !args->failed && PQsetnonblocking(link->conn, 0) == 0 &&
           PQsendQueryParams(link->conn, sql, args->count, NULL, args->values, args->lengths,
                             binary, 1);
}

/* All that is left of an answer; the first error in it. */
static enum link_result drain(struct link *link, enum link_result result)
{
    PGresult *answer;
    while ((answer = PQgetResult(link->conn)) != NULL) {
        if (result == LINK_OK && PQresultStatus(answer) == PGRES_FATAL_ERROR)
            result = refused(link, answer);
        PQclear(answer);
    }
    return result;
}

enum link_result bulk_ask(struct link *link, const char *sql, const struct args *args,
                          PGresult **rows)
{
    *rows = NULL;
    if (!send_text(link, sql, args))
        return refused(link, NULL);
    PGresult *answer = PQgetResult(link->conn);
    const ExecStatusType status = PQresultStatus(answer);
    enum link_result result = LINK_OK;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        result = refused(link, answer);
    result = drain(link, result);
    if (result == LINK_OK)
        *rows = answer;
    else
        PQclear(answer);
    return result;
}

enum link_result bulk_read(struct link *link, const char *sql, const char *agent_id,
                           bulk_row_fn *row, void *ctx, enum studio_err *err)
{
    const struct args args = args_begin(agent_id);
    enum link_result result = LINK_OK;
    PGresult *answer;
    *err = STUDIO_OK;
    if (!send_text(link, sql, &args) || !PQsetSingleRowMode(link->conn))
        return refused(link, NULL);
    while (*err == STUDIO_OK && result == LINK_OK && (answer = PQgetResult(link->conn)) != NULL) {
        const ExecStatusType status = PQresultStatus(answer);
        if (status == PGRES_SINGLE_TUPLE)
            *err = row(ctx, answer);
        else if (status != PGRES_TUPLES_OK)
            result = refused(link, answer);
        PQclear(answer);
    }
    if (*err != STUDIO_OK) /* the rest is not wanted */
        link_close(link);
    return *err == STUDIO_OK ? drain(link, result) : result;
}

/* --- rows into a table ----------------------------------------------------------------------- */

static void add_u16(struct buf *rows, int n)
{
    const uint16_t wire = htobe16((uint16_t)n);
    buf_add(rows, &wire, sizeof wire);
}

static void add_u32(struct buf *rows, uint32_t n)
{
    const uint32_t wire = htobe32(n);
    buf_add(rows, &wire, sizeof wire);
}

enum link_result bulk_begin(struct bulk *bulk, struct link *link, const char *sql)
{
    static const char head[] = "PGCOPY\n\377\r\n"; /* with its NUL, which is a part of it */
    *bulk = (struct bulk){.link = link};
    buf_init(&bulk->rows, ROWS_MAX);
    link->why[0] = '\0';
    link->state[0] = '\0';
    if (!link->conn || PQsetnonblocking(link->conn, 0) != 0)
        return refused(link, NULL);
    PGresult *answer = PQexec(link->conn, sql);
    enum link_result result =
        PQresultStatus(answer) == PGRES_COPY_IN ? LINK_OK : refused(link, answer);
    PQclear(answer);
    buf_add(&bulk->rows, head, sizeof head);
    add_u32(&bulk->rows, 0);
    add_u32(&bulk->rows, 0);
    return result;
}

void bulk_row(struct bulk *bulk, int columns)
{
    add_u16(&bulk->rows, columns);
}

void bulk_i64(struct bulk *bulk, int64_t n)
{
    const uint64_t wire = htobe64((uint64_t)n);
    bulk_add(bulk, &wire, sizeof wire);
}

void bulk_add(struct bulk *bulk, const void *bytes, size_t len)
{
    add_u32(&bulk->rows, bytes ? (uint32_t)len : UINT32_MAX);
    if (bytes)
        buf_add(&bulk->rows, bytes, len);
}

void bulk_str(struct bulk *bulk, const char *text)
{
    bulk_add(bulk, text, text ? strlen(text) : 0);
}

static enum link_result send_piece(struct bulk *bulk)
{
    if (!buf_ok(&bulk->rows)) {
        bulk->link->why[0] = '\0';
        bulk->link->state[0] = '\0';
        return LINK_REFUSED;
    }
    if (PQputCopyData(bulk->link->conn, bulk->rows.data, (int)bulk->rows.len) != 1)
        return refused(bulk->link, NULL);
    buf_clear(&bulk->rows);
    return LINK_OK;
}

enum link_result bulk_flush(struct bulk *bulk)
{
    return buf_ok(&bulk->rows) && bulk->rows.len < PIECE ? LINK_OK : send_piece(bulk);
}

enum link_result bulk_end(struct bulk *bulk)
{
    add_u16(&bulk->rows, -1);
    enum link_result result = send_piece(bulk);
    const char *stop = result == LINK_OK ? NULL : "out of memory";
    buf_finish(&bulk->rows);
    if (result == LINK_LOST)
        return result;
    if (PQputCopyEnd(bulk->link->conn, stop) != 1)
        return refused(bulk->link, NULL);
    return drain(bulk->link, result);
}
