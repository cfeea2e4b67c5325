/* check.c - everything that must hold of an agent's rows, each as a query for its faults; as sqlite/check.c has it. */
#include <string.h>

#include "store/findings.h"
#include "store/postgres/bulk.h"
#include "store/postgres/private.h"

#define ALL_ACKED "9223372036854775807"
#define OURS      "agent = $1::text"
#define NEWEST    "(SELECT max(seq) AS newest FROM studio_log WHERE " OURS ") e"

/* Each answers with one row of text for every fault. */
static const char *const queries[] = {
    "SELECT 'meta: the epoch is not 32 hex digits' FROM studio_agents WHERE " OURS
    " AND epoch !~ '^[0-9a-f]{32}$'",

    "SELECT format('meta: %s is acknowledged, but the newest event is %s', acked, last_seq)"
    " FROM studio_agents WHERE " OURS " AND acked > last_seq AND acked <> " ALL_ACKED,

    "SELECT format('events: the newest is %s, not %s', newest, last_seq) FROM "
    "studio_agents, " NEWEST " WHERE " OURS " AND newest <> last_seq",

    /* Retention removes only what is acknowledged. */
    "SELECT format('events: %s was never acknowledged and is not there', acked + 1)"
    " FROM studio_agents a WHERE " OURS " AND acked < coalesce((SELECT min(seq) FROM studio_log l"
    " WHERE l.agent = a.agent), last_seq + 1) - 1",

    "SELECT format('events: %s to %s are missing', before + 1, seq - 1) FROM"
    " (SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM studio_log WHERE " OURS ") e"
    " WHERE seq <> before + 1",

    "SELECT format('events: %s has no known kind (%s)', seq, kind) FROM studio_log WHERE " OURS
    " AND kind NOT IN (1, 2)",

    "SELECT format('events: %s of %s has rev %s, the change before has %s', seq, table_id, rev,"
    " before) FROM (SELECT seq, table_id, rev, lag(rev) OVER changes AS before,"
    " lag(seq) OVER changes AS before_seq FROM studio_log WHERE " OURS " AND kind = 1"
    " WINDOW changes AS (PARTITION BY table_id ORDER BY rev, seq)) e"
    " WHERE rev <> before + 1 OR seq < before_seq",

    "SELECT DISTINCT format('tables: %s has events but is not there', table_id) FROM studio_log l"
    " WHERE " OURS " AND NOT EXISTS (SELECT FROM studio_tables t WHERE t.agent = l.agent"
    " AND t.id = l.table_id)",

    "SELECT format('tables: %s is at rev %s, its newest change at %s', id, rev, newest)"
    " FROM studio_tables t JOIN (SELECT table_id, max(rev) AS newest FROM studio_log WHERE " OURS
    " AND kind = 1 GROUP BY table_id) e ON e.table_id = t.id WHERE " OURS " AND rev <> newest",

    "SELECT format('requests: %s of %s for %s has no digest of 32 bytes', request_id, client,"
    " table_id) FROM studio_requests WHERE " OURS " AND octet_length(digest) <> 32",
};

static enum studio_err add_fault(void *ctx, const PGresult *row)
{
    size_t len;
    const char *text = row_text(row, 0, 0, &len);
    findings_add(ctx, "%s", text ? text : "out of memory");
    return STUDIO_OK;
}

static enum studio_err look_at_event(void *ctx, const PGresult *row)
{
    size_t id_len, len;
    const char *id = row_text(row, 0, 1, &id_len), *json = row_text(row, 0, 4, &len);
    findings_event(ctx, (uint64_t)row_i64(row, 0, 0), id, (uint64_t)row_i64(row, 0, 2),
                   (int)row_i64(row, 0, 3), json, len);
    return STUDIO_OK;
}

static enum studio_err look_at_table(void *ctx, const PGresult *row)
{
    size_t id_len, len;
    const char *id = row_text(row, 0, 0, &id_len), *json = row_text(row, 0, 2, &len);
    findings_document(ctx, id, (uint64_t)row_i64(row, 0, 1), json, len);
    return STUDIO_OK;
}

enum link_result check_rows(struct link *link, const char *agent_id, struct findings *findings)
{
    static const struct {
        const char *sql;
        bulk_row_fn *look;
    } contents[] = {
        {"SELECT seq, table_id, rev, kind, '{' || body FROM studio_log WHERE " OURS, look_at_event},
        {"SELECT id, rev, document FROM studio_tables WHERE " OURS " AND document IS NOT NULL",
         look_at_table},
    };
    enum link_result result = LINK_OK;
    enum studio_err err;
    for (size_t i = 0; result == LINK_OK && i < sizeof queries / sizeof *queries; i++)
        result = bulk_read(link, queries[i], agent_id, add_fault, findings, &err);
    for (size_t i = 0; result == LINK_OK && i < sizeof contents / sizeof *contents; i++)
        result = bulk_read(link, contents[i].sql, agent_id, contents[i].look, findings, &err);
    return result;
}

static enum studio_err count_tables(struct link *link, const char *agent_id, uint64_t *count,
                                    struct studio_error *error)
{
    const struct args args = args_begin(agent_id);
    PGresult *rows;
    enum studio_err err = tool_fail(
        link,
        bulk_ask(link, "SELECT count(*) FROM studio_tables WHERE " OURS " AND document IS NOT NULL",
                 &args, &rows),
        error);
    if (err == STUDIO_OK)
        *count = (uint64_t)row_i64(rows, 0, 0);
    PQclear(rows);
    return err;
}

enum studio_err postgres_check(const struct store_place *place, FILE *out,
                               struct studio_error *error)
{
    struct findings findings = {.out = out};
    struct store_info info = {0};
    uint64_t tables = 0;
    struct link link;
    enum studio_err err = tool_connect_to_read(place, &link, error);
    if (err == STUDIO_OK)
        err = tool_fail(&link, check_rows(&link, place->agent_id, &findings), error);
    if (err == STUDIO_OK)
        err = count_tables(&link, place->agent_id, &tables, error);
    if (err ==
        STUDIO_OK) { /* one that contradicts itself has faults, one that is not there has none */
        err = tool_load(&link, place->agent_id, &info, error);
        if (err == STUDIO_OK || findings.count)
            findings_end(&findings, err == STUDIO_OK ? &info : NULL, tables);
    }
    link_close(&link);
    if (findings.count)
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": agent %s has %u faults in the database, the first: %s; restore "
                               "a backup of the database",
                               place->agent_id, findings.count, findings.first);
    else if (err == STUDIO_OK && (fflush(out) != 0 || ferror(out)))
        err = studio_error_set(error, STUDIO_ERR_IO, ": the result could not be printed");
    return err;
}
