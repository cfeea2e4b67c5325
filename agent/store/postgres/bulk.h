/*
 * bulk.h - more rows than should be in memory at once, over a connection of link.h's: for commands, which wait for as
 * long as the server takes. One thread.
 *
 * What fails leaves its words and its SQLSTATE in the link; nothing can be asked in that transaction any more.
 */
#ifndef AGENT_STORE_POSTGRES_BULK_H
#define AGENT_STORE_POSTGRES_BULK_H

#include "store/postgres/link.h"
#include "studio/error.h"

/* One statement, unprepared. *rows is NULL unless it is OK; PQclear it. */
enum link_result bulk_ask(struct link *link, const char *sql, const struct args *args,
                          PGresult **rows);

/* The same with no argument but the agent, row by row: `row` has one each time. An error of `row` ends it, and is in
 * *err. */
typedef enum studio_err bulk_row_fn(void *ctx, const PGresult *row);
enum link_result bulk_read(struct link *link, const char *sql, const char *agent_id,
                           bulk_row_fn *row, void *ctx, enum studio_err *err);

/* Rows into a table. */
struct bulk {
    struct link *link;
    struct buf rows; /* on their way, in the binary format */
};
/* `sql` is COPY table (columns) FROM STDIN (FORMAT binary). */
enum link_result bulk_begin(struct bulk *bulk, struct link *link, const char *sql);
/* A row is bulk_row, then its columns. */
void bulk_row(struct bulk *bulk, int columns);
void bulk_i64(struct bulk *bulk, int64_t n);
void bulk_add(struct bulk *bulk, const void *bytes, size_t len); /* NULL is SQL NULL */
void bulk_str(struct bulk *bulk, const char *text);
/* Behind each row: sends what has come together. LINK_REFUSED without words: there is no memory. */
enum link_result bulk_flush(struct bulk *bulk);
/* The rows are there; in any case the bulk can be begun again. */
enum link_result bulk_end(struct bulk *bulk);

#endif
