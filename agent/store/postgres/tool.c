/* tool.c - the maintenance commands' way in, what they say of a failure, and the new epoch of a restored store. */
#include <stdio.h>
#include <string.h>

#include "store/postgres/bulk.h"
#include "store/postgres/private.h"

enum { TOOL_ANSWER_MS = 600 * 1000 }; /* for all rows of an agent at once */

enum studio_err tool_connect(const struct store_place *place, struct link *link,
                             struct studio_error *error)
{
    link_init(link, place->url, NULL, 0);
    if (!place->agent_id)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": store.url needs mqtt.agent_id: it says whose store it is there");
    if (schema_prepare(link, error) != OWNER_OURS)
        return STUDIO_ERR_STORE_UNUSABLE;
    link->answer_ms = TOOL_ANSWER_MS;
    if (link_open(link, true) != LINK_OK)
        return postgres_refuse(error, link);
    /* Who gives us the lines, or takes them, may rest. */
    return tool_fail(link, link_exec(link, "SET idle_in_transaction_session_timeout = 0"), error);
}

enum studio_err tool_fail(const struct link *link, enum link_result result,
                          struct studio_error *error)
{
    if (result == LINK_OK)
        return STUDIO_OK;
    if (result == LINK_REFUSED && !link->why[0])
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return postgres_refuse(error, link);
}

enum studio_err tool_held(struct link *link, const char *agent_id, bool *held,
                          struct studio_error *error)
{
    static const char *const sql =
        "SELECT owner, (valid_until > clock_timestamp())::int::bigint FROM studio_agents"
        " WHERE agent = $1::text";
    const struct args args = args_begin(agent_id);
    PGresult *rows;
    size_t len;
    enum link_result result = bulk_ask(link, sql, &args, &rows);
    *held = result == LINK_OK && PQntuples(rows) == 1 && row_i64(rows, 0, 1) != 0;
    if (*held)
        (void)studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": agent %s is in use by %s; stop that one first", agent_id,
                               row_text(rows, 0, 0, &len));
    PQclear(rows);
    return *held ? STUDIO_ERR_STORE_UNUSABLE : tool_fail(link, result, error);
}

static enum studio_err refuse_none(const char *agent_id, struct studio_error *error)
{
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": there is no store of agent %s in the database; check store.url and "
                            "mqtt.agent_id",
                            agent_id);
}

/* False: the rows contradict each other. */
static bool take_info(struct store_info *info, const PGresult *rows)
{
    size_t len;
    const char *epoch = row_text(rows, 0, 0, &len);
    if (!epoch || len != STORE_EPOCH_LEN)
        return false;
    memcpy(info->epoch, epoch, STORE_EPOCH_LEN + 1);
    info->boot = (uint64_t)row_i64(rows, 0, 1);
    info->last_seq = (uint64_t)row_i64(rows, 0, 2);
    info->acked = (uint64_t)row_i64(rows, 0, 3);
    info->oldest = (uint64_t)row_i64(rows, 0, 4);
    info->parked = (uint64_t)row_i64(rows, 0, 6);
    if (info->acked == STORE_ALL_ACKED)
        info->acked = info->last_seq;
    return info->acked <= info->last_seq && info->oldest >= 1 &&
           info->oldest <= info->last_seq + 1 && (uint64_t)row_i64(rows, 0, 5) == info->last_seq;
}

enum studio_err tool_load(struct link *link, const char *agent_id, struct store_info *info,
                          struct studio_error *error)
{
    static const char *const sql =
        "SELECT epoch, boot, last_seq, acked,"
        " coalesce((SELECT min(seq) FROM studio_log WHERE agent = $1), last_seq + 1),"
        " coalesce((SELECT max(seq) FROM studio_log WHERE agent = $1), last_seq),"
        " (SELECT count(*) FROM studio_log WHERE agent = $1 AND parked IS NOT NULL)"
        " FROM studio_agents WHERE agent = $1::text";
    const struct args args = args_begin(agent_id);
    PGresult *rows;
    enum studio_err err = tool_fail(link, bulk_ask(link, sql, &args, &rows), error);
    (void)snprintf(info->agent_id, sizeof info->agent_id, "%s", agent_id);
    if (err == STUDIO_OK && PQntuples(rows) != 1)
        err = refuse_none(agent_id, error);
    else if (err == STUDIO_OK && !take_info(info, rows))
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": the rows of agent %s in the database contradict each other; "
                               "restore a backup of the database",
                               agent_id);
    PQclear(rows);
    return err;
}

enum studio_err tool_connect_to_read(const struct store_place *place, struct link *link,
                                     struct studio_error *error)
{
    enum studio_err err = tool_connect(place, link, error);
    if (err != STUDIO_OK)
        return err;
    return tool_fail(link, link_exec(link, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
                     error);
}

/* Only where nobody owns it: who does has the epoch from before. */
static enum studio_err renew_epoch(struct link *link, const char *agent_id,
                                   char epoch[STORE_EPOCH_LEN + 1], struct studio_error *error)
{
    static const char *const sql =
        "UPDATE studio_agents SET epoch = replace(gen_random_uuid()::text, '-', ''),"
        " line = line + 1 WHERE agent = $1::text AND valid_until <= clock_timestamp()"
        " RETURNING epoch";
    const struct args args = args_begin(agent_id);
    PGresult *rows;
    bool held;
    size_t len = 0;
    enum studio_err err = tool_fail(link, bulk_ask(link, sql, &args, &rows), error);
    const char *text = err == STUDIO_OK && PQntuples(rows) == 1 ? row_text(rows, 0, 0, &len) : NULL;
    if (text && len == STORE_EPOCH_LEN)
        memcpy(epoch, text, len + 1);
    else if (err == STUDIO_OK && (err = tool_held(link, agent_id, &held, error)) == STUDIO_OK)
        err = refuse_none(agent_id, error);
    PQclear(rows);
    return err;
}

enum studio_err postgres_restored(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                                  struct studio_error *error)
{
    struct link link;
    enum studio_err err = tool_connect(place, &link, error);
    if (err == STUDIO_OK)
        err = renew_epoch(&link, place->agent_id, epoch, error);
    link_close(&link);
    return err;
}
