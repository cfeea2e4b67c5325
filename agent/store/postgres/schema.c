/*
 * schema.c - the tables and views, brought to this version.
 *
 * All agents of a database share them; the agent's name is part of every key. They are made where the role's search
 * path says. A step, once released, is never edited; a new version is a new step at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres/private.h"

/* JSON's \u0000 is no text to jsonb. */
#define AS_JSON(text) "replace(" text ", '\\u0000', '\\ufffd')::jsonb"

static const char *const steps[] = {
    /* 1 */
    /* The row of an agent is written by each batch: there is room beside it for its next version. */
    "CREATE TABLE studio_agents (agent text COLLATE \"C\" PRIMARY KEY, epoch text NOT NULL,"
    "  boot bigint NOT NULL, line bigint NOT NULL DEFAULT 0, writes bigint NOT NULL DEFAULT 0,"
    "  last_seq bigint NOT NULL DEFAULT 0, acked bigint NOT NULL DEFAULT 0,"
    "  hours bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0,"
    "  memo text NOT NULL DEFAULT '', owner text NOT NULL, valid_until timestamptz NOT NULL)"
    "  WITH (fillfactor = 20);"
    /* Each ownership, and how far the one before it had come. */
    "CREATE TABLE studio_boots (agent text COLLATE \"C\", boot bigint, owner text NOT NULL,"
    "  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(), after_writes bigint NOT NULL,"
    "  PRIMARY KEY (agent, boot));"
    "CREATE TABLE studio_tables (agent text COLLATE \"C\", id text COLLATE \"C\", rev bigint NOT "
    "NULL,"
    "  document text, PRIMARY KEY (agent, id)) WITH (fillfactor = 50);"
    "CREATE TABLE studio_log (agent text COLLATE \"C\", seq bigint, kind bigint NOT NULL,"
    "  table_id text COLLATE \"C\" NOT NULL, rev bigint NOT NULL, wall_ms bigint NOT NULL, parked "
    "text,"
    "  body text NOT NULL, PRIMARY KEY (agent, seq));"
    "CREATE INDEX studio_log_history ON studio_log (agent, table_id, seq) INCLUDE (kind, rev, "
    "wall_ms);"
    "CREATE INDEX studio_log_parked ON studio_log (agent, seq) WHERE parked IS NOT NULL;"
    "CREATE TABLE studio_requests (agent text COLLATE \"C\", table_id text COLLATE \"C\","
    "  client text COLLATE \"C\", request_id text COLLATE \"C\", digest bytea NOT NULL,"
    "  answer text NOT NULL, wall_ms bigint NOT NULL, hour bigint NOT NULL,"
    "  PRIMARY KEY (agent, table_id, client, request_id));"
    "CREATE INDEX studio_requests_age ON studio_requests (agent, hour);"
    "CREATE TABLE studio_cleared (agent text COLLATE \"C\", table_id text COLLATE \"C\","
    "  field text COLLATE \"C\", rev bigint NOT NULL, PRIMARY KEY (agent, table_id, field));"
    "CREATE TABLE studio_hours (agent text COLLATE \"C\", hour bigint, last_seq bigint NOT NULL,"
    "  PRIMARY KEY (agent, hour));"
    /* The first statement of every transaction: the caller owns the agent, and this is its connection. The row stays
       locked until the end, so one after the other. */
    "CREATE FUNCTION studio_own(p_agent text, p_boot bigint, p_line bigint, p_writes bigint,"
    "  p_last_seq bigint, p_acked bigint, p_bytes bigint, p_lease_ms bigint) RETURNS void"
    "  LANGUAGE plpgsql AS $$ BEGIN"
    "  UPDATE studio_agents SET writes = p_writes, last_seq = p_last_seq, acked = p_acked,"
    "    bytes = greatest(bytes + p_bytes, 0),"
    "    valid_until = clock_timestamp() + p_lease_ms * interval '1 ms'"
    "    WHERE agent = p_agent AND boot = p_boot AND line = p_line AND writes = p_writes - 1;"
    "  IF NOT FOUND THEN RAISE EXCEPTION 'another process owns agent %', p_agent"
    "    USING ERRCODE = '" STATE_NOT_OWNER "'; END IF; END $$;"
    /* For whoever asks with plain SQL. */
    "CREATE VIEW studio_status AS SELECT t.agent, t.id AS table_id, t.rev,"
    "  " AS_JSON("t.document") " AS status, a.owner, a.valid_until,"
                               "  a.valid_until > clock_timestamp() AS owned FROM studio_tables t "
                               "JOIN studio_agents a"
                               "  USING (agent) WHERE t.document IS NOT NULL;"
                               "CREATE VIEW studio_events AS SELECT l.agent, a.epoch, l.seq,"
                               "  CASE l.kind WHEN 1 THEN 'change' ELSE 'exception' END AS kind, "
                               "l.table_id, l.rev,"
                               "  to_timestamp(l.wall_ms / 1000.0) AS at, l.parked,"
                               "  " AS_JSON("'{' || l.body") " AS event FROM studio_log l JOIN "
                                                             "studio_agents a USING (agent);",
    /* 2 */
    /* Whom it was left to, and who waits for it, by the database's clock. */
    "ALTER TABLE studio_agents ADD COLUMN promised text, ADD COLUMN promised_until timestamptz;"
    "CREATE TABLE studio_waiting (agent text COLLATE \"C\", name text COLLATE \"C\","
    "  since timestamptz NOT NULL, seen_until timestamptz NOT NULL, PRIMARY KEY (agent, name));",
};
enum { SCHEMA_VERSION = sizeof steps / sizeof *steps };

/* The lock is the database's own, whatever the search path: who comes second finds it done. */
#define BEGIN                                                                                      \
    "BEGIN; SELECT pg_advisory_xact_lock(1398035780);"                                             \
    "CREATE TABLE IF NOT EXISTS studio_schema (version bigint NOT NULL);"                          \
    "INSERT INTO studio_schema SELECT 0 WHERE NOT EXISTS (SELECT FROM studio_schema)"

enum studio_err postgres_refuse(struct studio_error *error, const struct link *link)
{
    static const struct {
        const char *state; /* its beginning */
        const char *advice;
    } reasons[] = {
        {"28", "check user and password in store.url or its passfile"},
        {"3D", "make the database first: createdb"},
        {"42501", "give this role the right to make tables there, or have its owner start once"},
        {"53", "the database has no room or too many connections"},
        {"ST003", "name another database in store.url"},
    };
    /* libpq gives no state to a connection that was not let in. */
    static const struct {
        const char *words, *advice;
    } connecting[] = {
        {"does not exist", "check user and database in store.url; createdb makes one"},
        {"password", "check user and password in store.url or its passfile"},
        {"certificate", "check sslmode and sslrootcert in store.url, and the certificate there"},
    };
    const char *advice = "check store.url, and that the database runs";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strncmp(link->state, reasons[i].state, strlen(reasons[i].state)) == 0)
            advice = reasons[i].advice;
    for (size_t i = 0; !link->state[0] && i < sizeof connecting / sizeof *connecting; i++)
        if (strstr(link->why, connecting[i].words))
            advice = connecting[i].advice;
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": the database cannot be used: %s; %s", link->why, advice);
}

/* Classes of SQLSTATE of what passes: no connection, no room for one, a server that starts, ends, or only reads. */
static bool passes(const char *state)
{
    static const char *const classes[] = {"08", "53", "57P", "25006", "40"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(state, classes[i], strlen(classes[i])) == 0)
            return true;
    return false;
}

enum owner_found postgres_not_asked(const struct link *link, enum link_result result,
                                    struct studio_error *error)
{
    (void)postgres_refuse(error, link);
    return result == LINK_REFUSED && !passes(link->state) ? OWNER_WRONG : OWNER_AWAY;
}

/* -1: there is none yet; -2: it cannot be asked, *result says in which way. */
static int64_t version_of(struct link *link, enum link_result *result)
{
    static const char *const there[] = {"SELECT version FROM studio_schema"};
    struct link asking;
    struct args none = {.count = 0};
    PGresult *rows = NULL;
    int64_t version = -2;
    link_init(&asking, link->url, there, 1);
    *result = link_open(&asking, true);
    if (*result == LINK_OK)
        *result = link_query(&asking, 0, &none, &rows);
    if (*result == LINK_OK)
        version = PQntuples(rows) == 1 ? row_i64(rows, 0, 0) : -1;
    else if (strcmp(asking.state, "42P01") == 0) /* no such table */
        version = -1;
    else {
        memcpy(link->why, asking.why, sizeof link->why);
        memcpy(link->state, asking.state, sizeof link->state);
    }
    PQclear(rows);
    link_close(&asking);
    return version;
}

static enum link_result run_steps(struct link *link, int64_t version)
{
    char done[64];
    enum link_result result = LINK_OK;
    for (int64_t i = version; result == LINK_OK && i < SCHEMA_VERSION; i++)
        result = link_exec(link, steps[i]);
    (void)snprintf(done, sizeof done, "UPDATE studio_schema SET version = %d", SCHEMA_VERSION);
    return result == LINK_OK ? link_exec(link, done) : result;
}

/* Asked again under the lock: somebody else may have been quicker. */
static enum link_result migrate(struct link *link)
{
    PGresult *rows = NULL;
    enum link_result result = link_exec(link, BEGIN);
    if (result != LINK_OK)
        return result;
    rows = PQexec(link->conn, "SELECT version FROM studio_schema");
    if (PQresultStatus(rows) != PGRES_TUPLES_OK || PQntuples(rows) != 1)
        result = LINK_REFUSED;
    int64_t version = result == LINK_OK ? strtoll(PQgetvalue(rows, 0, 0), NULL, 10) : 0;
    PQclear(rows);
    if (result == LINK_OK && version < SCHEMA_VERSION)
        result = run_steps(link, version);
    return result == LINK_OK ? link_exec(link, "COMMIT") : result;
}

enum owner_found schema_prepare(struct link *link, struct studio_error *error)
{
    enum link_result result;
    int64_t version = version_of(link, &result);
    if (version == -2)
        return postgres_not_asked(link, result, error);
    if (version > SCHEMA_VERSION) {
        studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                         ": the database was written by a newer studio-agent (format %lld, "
                         "this one knows up to %d); start that version",
                         (long long)version, (int)SCHEMA_VERSION);
        return OWNER_WRONG;
    }
    if (version == SCHEMA_VERSION)
        return OWNER_OURS;
    result = link_open(link, true);
    if (result == LINK_OK)
        result = migrate(link);
    enum owner_found found =
        result == LINK_OK ? OWNER_OURS : postgres_not_asked(link, result, error);
    link_close(link);
    return found;
}
