/* statements.c - the SQL of a running agent. What is prepared once a connection; $1 is the agent. */
#include "store/postgres/private.h"

#define LEASE(ms) "clock_timestamp() + " ms " * interval '1 ms'"
/* Also one farther away than any is made: the database's clock was set back since, or a primary with another clock
 * has come. An owner who is there says it again within a second. */
#define PASSED(until)                                                                              \
    "(" until " <= clock_timestamp() OR " until " > clock_timestamp() + interval '6 s')"
/* It may be taken by $2: nobody has it, or he had it himself, as $3, and it is promised to nobody else. */
#define FREE                                                                                       \
    "(" PASSED("a.valid_until") " OR a.owner = $3::text) AND (a.promised IS NULL"                  \
                                " OR a.promised = $2::text OR " PASSED("a.promised_until") ")"
/* The newest names of a table's that need not all be kept. */
#define NEWEST_CLEARED(table)                                                                      \
    " AND c.field NOT IN (SELECT k.field FROM studio_cleared k WHERE k.agent = $1"                 \
    " AND k.table_id = " table " ORDER BY k.rev DESC, k.field LIMIT 32)"
/* Of several for the same key the last one counts. */
#define CLEARED_LAST                                                                               \
    "SELECT DISTINCT ON (table_id, field) table_id, field, rev"                                    \
    " FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY"                           \
    " AS u (table_id, field, rev, n) ORDER BY table_id, field, n DESC"

_Static_assert(STORE_CLEARED_KEPT == 32, "as in NEWEST_CLEARED");
_Static_assert(LEASE_MS + 1000 <= 6000 && PROMISE_MS + 1000 <= 6000, "as in PASSED");

const char *const postgres_texts[PG_COUNT] = {
    /* Who is there already keeps it until his lease has run out; the same one that starts again need not wait. */
    [PG_TAKE] =
        "WITH taken AS (INSERT INTO studio_agents AS a (agent, epoch, boot, owner, valid_until)"
        " VALUES ($1::text, replace(gen_random_uuid()::text, '-', ''), 1, $2::text, " LEASE(
            "$4::bigint") ") ON CONFLICT (agent) DO UPDATE SET boot = a.boot + 1, line = a.line + "
                          "1,"
                          " owner = excluded.owner, promised = NULL, valid_until = " LEASE(
                              "$4::bigint") " WHERE " FREE " RETURNING boot, line, writes),"
                                            " noted AS (INSERT INTO studio_boots (agent, boot, "
                                            "owner, after_writes)"
                                            " SELECT $1, boot, $2, writes FROM taken),"
                                            " dropped AS (DELETE FROM studio_boots WHERE agent = $1"
                                            " AND boot < (SELECT boot - 1000 FROM taken)),"
                                            " there AS (DELETE FROM studio_waiting WHERE agent = $1"
                                            " AND (name = $2 OR seen_until < clock_timestamp()))"
                                            " SELECT boot, line, writes FROM taken",
    /* Half a transaction of one who was cut off or paused then holds its row for as long as its session lives: that is
       ended, once the agent may be taken. Not that of another who takes it just now. */
    [PG_UNBLOCK] = "SELECT pg_terminate_backend(l.pid) FROM studio_agents a"
                   " JOIN pg_locks l ON l.transactionid = a.xmax AND l.granted"
                   " JOIN pg_stat_activity s ON s.pid = l.pid"
                   " AND s.xact_start < clock_timestamp() - interval '1 s'"
                   " WHERE a.agent = $1::text AND l.pid <> pg_backend_pid() AND " FREE,
    /* Takes no lock, so that who waits does not get into the owner's way. */
    [PG_LOOK] =
        "SELECT owner, (extract(epoch FROM valid_until - clock_timestamp()) * 1000)::bigint,"
        " (" FREE ")::int::bigint FROM studio_agents a WHERE agent = $1::text",
    [PG_WAIT] =
        "INSERT INTO studio_waiting AS w (agent, name, since, seen_until)"
        " VALUES ($1::text, $2::text, clock_timestamp(), " LEASE(
            "$3::bigint") ")"
                          " ON CONFLICT (agent, name) DO UPDATE SET seen_until = "
                          "excluded.seen_until,"
                          " since = CASE WHEN w.seen_until < clock_timestamp() THEN excluded.since"
                          " ELSE w.since END",
    [PG_WAIT_NO_MORE] = "DELETE FROM studio_waiting WHERE agent = $1::text AND name = $2::text",
    [PG_WAITING] = "SELECT name, count(*) OVER () FROM studio_waiting WHERE agent = $1::text"
                   " AND name <> $2::text AND seen_until > clock_timestamp()"
                   " ORDER BY since, name LIMIT 1",
    /* Our own name is no longer good for it either. */
    [PG_PROMISE] =
        "UPDATE studio_agents SET valid_until = clock_timestamp(), promised = $4::text,"
        " promised_until = " LEASE(
            "$5::bigint") " WHERE agent = $1::text AND boot = $2::bigint AND line = $3::bigint"
                          " RETURNING boot",
    [PG_FENCE] = "UPDATE studio_agents SET line = line + 1, valid_until = " LEASE(
        "$3::bigint") " WHERE agent = $1::text AND boot = $2::bigint RETURNING line, writes",
    /* $3 waits from now on. That it writes makes what it reads count: the answer comes when the synchronous standby
       has all of it. */
    [PG_SUCCESSOR] =
        "WITH waits AS (INSERT INTO studio_waiting AS w (agent, name, since, seen_until)"
        " VALUES ($1::text, $3::text, clock_timestamp(), " LEASE(
            "$4::bigint") ")"
                          " ON CONFLICT (agent, name) DO UPDATE SET seen_until = "
                          "excluded.seen_until)"
                          " SELECT owner, after_writes FROM studio_boots WHERE agent = $1::text"
                          " AND boot > $2::bigint ORDER BY boot LIMIT 1",
    [PG_LOAD] = "SELECT epoch, last_seq, acked, hours, bytes, memo,"
                " (SELECT count(*) FROM studio_log WHERE agent = $1 AND parked IS NOT NULL),"
                " coalesce((SELECT min(seq) FROM studio_log WHERE agent = $1), last_seq + 1),"
                " coalesce((SELECT max(seq) FROM studio_log WHERE agent = $1), last_seq)"
                " FROM studio_agents WHERE agent = $1::text",
    [PG_OWN] = "SELECT studio_own($1::text, $2::bigint, $3::bigint, $4::bigint, $5::bigint,"
               " $6::bigint, $7::bigint, $8::bigint)",
    [PG_ADD_EVENTS] =
        "INSERT INTO studio_log (agent, seq, kind, table_id, rev, wall_ms, body)"
        " SELECT $1::text, $2::bigint + n, kind, table_id, rev, wall_ms, body"
        " FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])"
        " WITH ORDINALITY AS u (kind, table_id, rev, wall_ms, body, n)",
    [PG_PUT_TABLES] =
        "INSERT INTO studio_tables (agent, id, rev, document)"
        " SELECT DISTINCT ON (id) $1::text, id, rev, document"
        " FROM unnest($2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY"
        " AS u (id, rev, document, n) ORDER BY id, n DESC"
        " ON CONFLICT (agent, id) DO UPDATE SET rev = excluded.rev, document = excluded.document",
    [PG_DROP_CLEARED] = "DELETE FROM studio_cleared c USING (" CLEARED_LAST ") l"
                        " WHERE c.agent = $1::text AND c.table_id = l.table_id"
                        " AND c.field = l.field AND l.rev < 0",
    [PG_ADD_CLEARED] = "INSERT INTO studio_cleared (agent, table_id, field, rev)"
                       " SELECT $1::text, table_id, field, rev FROM (" CLEARED_LAST ") l"
                       " WHERE rev >= 0 ON CONFLICT (agent, table_id, field)"
                       " DO UPDATE SET rev = excluded.rev",
    [PG_FORGET_CLEARED] =
        "DELETE FROM studio_cleared c USING unnest($2::text[]) AS u (table_id)"
        " WHERE c.agent = $1::text AND c.table_id = u.table_id" NEWEST_CLEARED("u.table_id"),
    [PG_FORGET_BELOW] =
        "DELETE FROM studio_cleared c USING unnest($2::text[], $3::bigint[]) AS u (table_id, rev)"
        " WHERE c.agent = $1::text AND c.table_id = u.table_id AND c.rev <= u.rev" NEWEST_CLEARED(
            "u.table_id"),
    /* One older than a day may still be there; the new one takes its place. */
    [PG_DROP_REQUESTS] =
        "WITH gone AS (DELETE FROM studio_requests r USING"
        " unnest($2::text[], $3::text[], $4::text[]) AS u (table_id, client, request_id)"
        " WHERE r.agent = $1 AND r.table_id = u.table_id AND r.client = u.client"
        " AND r.request_id = u.request_id RETURNING octet_length(answer) + $5::bigint AS bytes)"
        " UPDATE studio_agents SET bytes = bytes - (SELECT sum(bytes) FROM gone)"
        " WHERE agent = $1::text AND EXISTS (SELECT FROM gone)",
    [PG_ADD_REQUESTS] =
        "INSERT INTO studio_requests (agent, table_id, client, request_id, digest, answer, "
        "wall_ms, hour)"
        " SELECT DISTINCT ON (table_id, client, request_id)"
        " $1::text, table_id, client, request_id, digest, answer, wall_ms, $8::bigint"
        " FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bigint[])"
        " WITH ORDINALITY AS u (table_id, client, request_id, digest, answer, wall_ms, n)"
        " ORDER BY table_id, client, request_id, n DESC",
    [PG_PARK] = "UPDATE studio_log SET parked = $3::text WHERE agent = $1::text"
                " AND seq = $2::bigint AND parked IS NULL RETURNING seq",
    [PG_PUT_MEMO] = "UPDATE studio_agents SET memo = $2::text WHERE agent = $1::text",
    [PG_TABLES] = "SELECT id, rev, document FROM studio_tables WHERE agent = $1::text"
                  " AND id > $2::text ORDER BY id LIMIT $3::bigint",
    [PG_AGED] = "SELECT last_seq FROM studio_hours WHERE agent = $1::text AND hour <= $2::bigint"
                " ORDER BY hour DESC LIMIT 1",
    [PG_DROP_EVENTS] =
        "WITH gone AS (DELETE FROM studio_log WHERE agent = $1 AND seq <= $2::bigint"
        " RETURNING octet_length(body) + $3::bigint AS bytes, parked)"
        " UPDATE studio_agents SET bytes = greatest(bytes - coalesce((SELECT sum(g.bytes) FROM "
        "gone g), 0), 0)"
        " WHERE agent = $1::text"
        " RETURNING bytes, (SELECT count(*) FROM gone WHERE parked IS NOT NULL)",
    [PG_OLD_REQUESTS] = "SELECT 1::bigint FROM studio_requests WHERE agent = $1::text"
                        " AND hour <= $2::bigint LIMIT 1",
    [PG_DROP_OLD] =
        "WITH gone AS (DELETE FROM studio_requests WHERE ctid = ANY (ARRAY(SELECT ctid"
        " FROM studio_requests WHERE agent = $1 AND hour <= $2::bigint ORDER BY hour"
        " LIMIT $3::bigint)) RETURNING octet_length(answer) + $4::bigint AS bytes)"
        " UPDATE studio_agents SET bytes = greatest(bytes - coalesce((SELECT sum(g.bytes) FROM "
        "gone g), 0), 0)"
        " WHERE agent = $1::text RETURNING bytes",
    [PG_ADD_HOUR] =
        "WITH hour AS (UPDATE studio_agents SET hours = $2::bigint"
        " WHERE agent = $1::text RETURNING last_seq)"
        " INSERT INTO studio_hours (agent, hour, last_seq) SELECT $1, $2, last_seq FROM hour",
    [PG_DROP_HOURS] = "DELETE FROM studio_hours WHERE agent = $1::text AND hour < $2::bigint",
    [PG_RELEASE] = "UPDATE studio_agents SET valid_until = clock_timestamp()"
                   " WHERE agent = $1::text AND boot = $2::bigint AND line = $3::bigint",
    /* Needs no table. A role without pg_monitor sees that standbys are there, not what they are. */
    [PG_SURVEY] = "SELECT current_setting('server_version'), current_setting('synchronous_commit'),"
                  " current_setting('synchronous_standby_names'), (current_setting('fsync') = "
                  "'on')::int::int8,"
                  " (SELECT count(*) FROM pg_stat_replication),"
                  " (SELECT CASE WHEN count(*) > count(sync_state) THEN -1 ELSE count(*) FILTER"
                  " (WHERE sync_state IN ('sync', 'quorum')) END FROM pg_stat_replication)",
};
