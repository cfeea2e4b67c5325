/*
 * link.h - one connection to PostgreSQL: statements by number, their arguments in binary, each answer within a
 * deadline. One thread at a time.
 *
 * What is sent between link_begin and link_end goes out as one pipeline: one round trip, whatever it holds.
 */
#ifndef AGENT_STORE_POSTGRES_LINK_H
#define AGENT_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    LINK_ARGS_MAX = 12,
    LINK_ANSWER_MS = 3000, /* for an answer, unless told; then the connection counts as lost */
    LINK_PAUSE_MS = 500    /* after an attempt that failed nobody waits for another */
};

/* --- arguments ------------------------------------------------------------------------------- */

enum column_type { COLUMN_I64 = 20, COLUMN_TEXT = 25, COLUMN_BYTES = 17 }; /* their oids */

/* An array, to be unnested. */
struct column {
    struct buf bytes;
    enum column_type type;
    uint32_t count;
    bool nulls;
};
void column_begin(struct column *column, enum column_type type);
void column_i64(struct column *column, int64_t n);
/* NULL is SQL NULL. The bytes are copied. */
void column_add(struct column *column, const void *bytes, size_t len);
void column_str(struct column *column, const char *text);
void column_finish(struct column *column);

/* In order. What is not a number must live until link_send returns. */
struct args {
    int count;
    bool failed; /* out of memory, or too large */
    int64_t numbers[LINK_ARGS_MAX];
    const char *values[LINK_ARGS_MAX];
    int lengths[LINK_ARGS_MAX];
};
/* Whose rows they are comes first. */
struct args args_begin(const char *agent_id);
void args_i64(struct args *args, int64_t n);
void args_u64(struct args *args, uint64_t n); /* beyond int64: the largest there is */
void args_add(struct args *args, const void *bytes, size_t len);
void args_str(struct args *args, const char *text); /* NULL is SQL NULL */
void args_column(struct args *args, struct column *column);

/* --- the connection -------------------------------------------------------------------------- */

enum link_result {
    LINK_OK,
    LINK_REFUSED, /* by the server: nothing of it has happened */
    LINK_DOWN,    /* no connection: nothing of it has happened */
    LINK_LOST     /* on the way: what was sent may have happened, or may happen yet */
};

struct link {
    PGconn *conn; /* NULL: none */
    const char *url;
    const char *const *texts; /* of the statements, prepared once for a connection */
    int count;
    bool unsafe_no_sync;
    int answer_ms; /* how long an answer may take */
    bool failed;   /* since link_begin: nothing more is sent */
    bool lost;     /* since link_begin */
    bool warned;   /* since link_begin: a COMMIT that was not replicated says no more */
    int sent;      /* since link_begin */
    int64_t again; /* monotonic, of the next attempt to connect */
    char why[256]; /* in words, of the last failure; has no secret */
    char state[6]; /* its SQLSTATE; empty: none */
};

void link_init(struct link *link, const char *url, const char *const *texts, int count);
/* Connects and prepares, if there is no connection: LINK_OK, LINK_DOWN or LINK_REFUSED. Takes some seconds for
 * each address that does not answer; `now` tries although one has just failed. */
enum link_result link_open(struct link *link, bool now);
void link_close(struct link *link);
bool link_is_open(const struct link *link);
/* The same, and as far as is known the server has not hung up: what is sent over one that has would be in doubt for
 * nothing. */
bool link_is_well(struct link *link);

/* With a transaction around it, or, without, each statement by itself. */
void link_begin(struct link *link, bool transaction);
void link_send(struct link *link, int statement, const struct args *args);
/* Waits for all answers. *rows (may be NULL) is that of the last statement that returned rows, or NULL; PQclear it. */
enum link_result link_end(struct link *link, bool transaction, PGresult **rows);

/* One statement by itself. */
enum link_result link_query(struct link *link, int statement, const struct args *args,
                            PGresult **rows);
/* Unprepared text, several statements in one transaction. */
enum link_result link_exec(struct link *link, const char *sql);

/* --- rows ------------------------------------------------------------------------------------ */

int64_t row_i64(const PGresult *rows, int row, int column);
/* NULL where it is; NUL-terminated, lives as long as the rows. */
const char *row_text(const PGresult *rows, int row, int column, size_t *len);
/* Copies one of the first row, as much as there is room for, "" for NULL. False: it is NULL, or was cut. */
bool row_copy(const PGresult *rows, int column, char *out, size_t size);

#endif
