/* link.c - connecting, sending in a pipeline, waiting for answers with a deadline. */
#include "store/postgres/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"

enum { VERSION_MIN = 140000 };

void link_init(struct link *link, const char *url, const char *const *texts, int count)
{
    *link = (struct link){.url = url, .texts = texts, .count = count, .answer_ms = LINK_ANSWER_MS};
}

static int64_t now_ms(void)
{
    return clock_mono(clock_system());
}

/* libpq says it in lines; the first is enough. */
static void note(struct link *link, const char *words, const char *state)
{
    size_t len = strcspn(words, "\n");
    if (len > 0 && words != link->why)
        snprintf(link->why, sizeof link->why, "%.*s", (int)len, words);
    snprintf(link->state, sizeof link->state, "%s", state ? state : "");
}

void link_close(struct link *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
}

bool link_is_open(const struct link *link)
{
    return link->conn != NULL;
}

bool link_is_well(struct link *link)
{
    enum { READS = 8 }; /* its last words, then the end */
    if (!link->conn)
        return false;
    for (int i = 0; i < READS; i++) {
        struct pollfd fd = {.fd = PQsocket(link->conn), .events = POLLIN};
        if (poll(&fd, 1, 0) <= 0)
            return true;
        if (!PQconsumeInput(link->conn))
            break;
    }
    note(link, "the server closed the connection", NULL);
    link_close(link);
    return false;
}

/* --- waiting --------------------------------------------------------------------------------- */

/* Until the socket can be read, or also written. False: the deadline has passed. */
static bool wait_socket(struct link *link, bool to_write, int64_t deadline)
{
    struct pollfd fd = {.fd = PQsocket(link->conn), .events = POLLIN};
    int64_t left = deadline - now_ms();
    if (to_write)
        fd.events |= POLLOUT;
    if (left <= 0)
        return false;
    int n = poll(&fd, 1, (int)left);
    return n > 0 || (n < 0 && errno == EINTR);
}

static enum link_result lose(struct link *link, const char *words)
{
    note(link, *words ? words : "the server closed the connection", NULL);
    link->lost = true;
    link_close(link);
    return LINK_LOST;
}

/* Everything that was sent is on its way. Answers are read meanwhile, or both sides would wait. */
static bool flush(struct link *link, int64_t deadline)
{
    int left;
    while ((left = PQflush(link->conn)) == 1)
        if (!wait_socket(link, true, deadline) || !PQconsumeInput(link->conn))
            return false;
    return left == 0;
}

/* The next result, NULL behind the last of a statement. *ok is false when the connection is lost. */
static PGresult *next_result(struct link *link, int64_t deadline, bool *ok)
{
    *ok = true;
    while (PQisBusy(link->conn)) {
        if (!wait_socket(link, false, deadline)) {
            note(link, "no answer in time", NULL);
            *ok = false;
            return NULL;
        }
        if (!PQconsumeInput(link->conn)) {
            note(link, PQerrorMessage(link->conn), NULL);
            *ok = false;
            return NULL;
        }
    }
    return PQgetResult(link->conn);
}

/* --- connecting ------------------------------------------------------------------------------ */

/* An operator that ends the wait for a standby makes of a COMMIT one that is there, but only here, and a warning. */
static void note_warning(void *ctx, const PGresult *notice)
{
    struct link *link = ctx;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    link->warned |= severity && strcmp(severity, "WARNING") == 0;
}

/* Of these what the address says itself comes before, but for the encoding. */
static PGconn *connect_to(const char *url)
{
    static const char *const keys[] = {"connect_timeout",  "target_session_attrs",
                                       "application_name", "tcp_user_timeout",
                                       "keepalives_idle",  "keepalives_interval",
                                       "keepalives_count", "dbname",
                                       "client_encoding",  NULL};
    const char *const values[] = {"2", "read-write", "studio-agent", "4000", "2", "1",
                                  "3", url,          "UTF8",         NULL};
    return PQconnectdbParams(keys, values, 1);
}

/* What every session has: no commit that is not synced, whatever the server's default, and a server that notices
 * when we are gone: also in the middle of what we were sending, or who comes next would wait for our lock. */
#define SESSION                                                                                    \
    "SET client_connection_check_interval = '1s';"                                                 \
    "SET idle_in_transaction_session_timeout = '3s';"                                              \
    "SET standard_conforming_strings = on;"                                                        \
    "SET extra_float_digits = 0;"
#define SYNCED                                                                                     \
    "SELECT set_config('synchronous_commit', 'on', false)"                                         \
    " WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"

enum link_result link_exec(struct link *link, const char *sql)
{
    bool ok = true;
    enum link_result result = LINK_OK;
    PGresult *one;
    int64_t deadline = now_ms() + link->answer_ms;
    link->why[0] = '\0';
    if (!link->conn)
        return LINK_DOWN;
    if (!PQsendQuery(link->conn, sql) || !flush(link, deadline))
        return lose(link, PQerrorMessage(link->conn));
    while ((one = next_result(link, deadline, &ok)) != NULL) {
        ExecStatusType status = PQresultStatus(one);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            note(link, PQresultErrorMessage(one), PQresultErrorField(one, PG_DIAG_SQLSTATE));
            result = LINK_REFUSED;
        }
        PQclear(one);
    }
    if (!ok || PQstatus(link->conn) != CONNECTION_OK)
        return lose(link, link->why);
    return result;
}

static bool fits(struct link *link)
{
    const char *encoding = PQparameterStatus(link->conn, "server_encoding");
    if (PQserverVersion(link->conn) < VERSION_MIN)
        note(link, "its version is too old, PostgreSQL 14 is needed", "ST003");
    else if (!encoding || strcmp(encoding, "UTF8") != 0)
        note(link, "its encoding is not UTF8", "ST003");
    else
        return true;
    return false;
}

/* All of them in one round trip. Those that need tables are there once the schema is. */
static enum link_result prepare(struct link *link)
{
    int64_t deadline = now_ms() + link->answer_ms;
    enum link_result result = LINK_OK;
    char name[16];
    bool ok = true, synced = false;
    if (link->count == 0)
        return LINK_OK;
    if (!PQenterPipelineMode(link->conn))
        return LINK_REFUSED;
    for (int i = 0; ok && i < link->count; i++) {
        snprintf(name, sizeof name, "s%d", i);
        ok = PQsendPrepare(link->conn, name, link->texts[i], 0, NULL);
    }
    ok = ok && PQpipelineSync(link->conn) && flush(link, deadline);
    while (ok && !synced) {
        PGresult *one = next_result(link, deadline, &ok);
        ExecStatusType status = PQresultStatus(one);
        synced = status == PGRES_PIPELINE_SYNC;
        if (one && status == PGRES_FATAL_ERROR) {
            note(link, PQresultErrorMessage(one), PQresultErrorField(one, PG_DIAG_SQLSTATE));
            result = LINK_REFUSED;
        }
        if (PQstatus(link->conn) != CONNECTION_OK)
            ok = false;
        PQclear(one);
    }
    return !ok ? LINK_LOST : !PQexitPipelineMode(link->conn) ? LINK_REFUSED : result;
}

static enum link_result begin_session(struct link *link)
{
    enum link_result result = LINK_REFUSED;
    (void)PQsetNoticeReceiver(link->conn, note_warning, link);
    if (PQsetnonblocking(link->conn, 1) == 0 && fits(link))
        result = link_exec(link, link->unsafe_no_sync ? SESSION "SET synchronous_commit = off"
                                                      : SESSION SYNCED);
    return result == LINK_OK ? prepare(link) : result;
}

enum link_result link_open(struct link *link, bool now)
{
    if (link->conn)
        return LINK_OK;
    if (!now && now_ms() < link->again)
        return LINK_DOWN;
    note(link, "out of memory", NULL);
    link->conn = connect_to(link->url);
    enum link_result result = LINK_DOWN;
    if (PQstatus(link->conn) == CONNECTION_OK)
        result = begin_session(link);
    else if (link->conn)
        note(link, PQerrorMessage(link->conn), NULL);
    if (result == LINK_OK)
        return LINK_OK;
    link_close(link);
    link->again = now_ms() + LINK_PAUSE_MS;
    return result == LINK_REFUSED ? LINK_REFUSED : LINK_DOWN;
}

/* --- statements ------------------------------------------------------------------------------ */

static void send_text(struct link *link, const char *sql)
{
    if (link->failed)
        return;
    link->failed = !PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    link->sent++;
}

void link_begin(struct link *link, bool transaction)
{
    link->failed = false;
    link->lost = false;
    link->warned = false;
    link->sent = 0;
    link->why[0] = '\0';
    link->state[0] = '\0';
    if (!link->conn)
        return;
    link->failed = !PQenterPipelineMode(link->conn);
    if (transaction)
        send_text(link, "BEGIN");
}

void link_send(struct link *link, int statement, const struct args *args)
{
    static const int binary[LINK_ARGS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    char name[16];
    if (!link->conn || link->failed)
        return;
    snprintf(name, sizeof name, "s%d", statement);
    link->failed = args->failed || !PQsendQueryPrepared(link->conn, name, args->count, args->values,
                                                        args->lengths, binary, 1);
    link->sent++;
}

/* Up to the end of the pipeline. */
static enum link_result collect(struct link *link, int64_t deadline, PGresult **rows)
{
    enum link_result result = LINK_OK;
    bool ok = true;
    for (;;) {
        PGresult *one = next_result(link, deadline, &ok);
        ExecStatusType status = PQresultStatus(one);
        if (!ok || PQstatus(link->conn) != CONNECTION_OK) {
            if (one && *PQresultErrorMessage(one))
                note(link, PQresultErrorMessage(one), PQresultErrorField(one, PG_DIAG_SQLSTATE));
            PQclear(one);
            return lose(link, link->why);
        }
        if (one && status == PGRES_FATAL_ERROR && result == LINK_OK) {
            note(link, PQresultErrorMessage(one), PQresultErrorField(one, PG_DIAG_SQLSTATE));
            result = LINK_REFUSED;
        }
        if (one && status == PGRES_TUPLES_OK && rows) {
            PQclear(*rows);
            *rows = one;
            continue;
        }
        PQclear(one);
        if (status == PGRES_PIPELINE_SYNC)
            return result;
    }
}

/* After an error the transaction is still open. */
static enum link_result end_session_state(struct link *link, enum link_result result)
{
    char why[sizeof link->why], state[sizeof link->state];
    if (!PQexitPipelineMode(link->conn)) {
        link_close(link);
        return result;
    }
    if (PQtransactionStatus(link->conn) == PQTRANS_IDLE)
        return result;
    memcpy(why, link->why, sizeof why);
    memcpy(state, link->state, sizeof state);
    if (link_exec(link, "ROLLBACK") != LINK_OK)
        link_close(link);
    memcpy(link->why, why, sizeof why);
    memcpy(link->state, state, sizeof state);
    return result;
}

enum link_result link_end(struct link *link, bool transaction, PGresult **rows)
{
    int64_t deadline = now_ms() + link->answer_ms;
    if (rows)
        *rows = NULL;
    if (!link->conn) {
        note(link, "there is no connection", NULL);
        return LINK_DOWN;
    }
    if (link->failed) { /* the COMMIT was not sent, so it can only have been for nothing */
        note(link, "out of memory", NULL);
        link_close(link);
        return LINK_DOWN;
    }
    if (transaction)
        send_text(link, "COMMIT");
    if (link->failed || !PQpipelineSync(link->conn) || !flush(link, deadline))
        return lose(link, PQerrorMessage(link->conn));
    enum link_result result = collect(link, deadline, rows);
    if (result == LINK_OK && link->warned)
        result = lose(link, "stored, but perhaps not on its standby");
    if (result != LINK_OK && rows) {
        PQclear(*rows);
        *rows = NULL;
    }
    return result == LINK_LOST ? LINK_LOST : end_session_state(link, result);
}

enum link_result link_query(struct link *link, int statement, const struct args *args,
                            PGresult **rows)
{
    link_begin(link, false);
    link_send(link, statement, args);
    return link_end(link, false, rows);
}
