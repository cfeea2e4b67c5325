/*
 * owner.c - who may write: taken at the start, asked in every transaction.
 *
 * A row for each agent says who owns it, in which boot, and until when by the database's clock. Each ownership has a
 * boot of its own, each connection of an owner a line, and both are asked for by the first statement of every
 * transaction: what a process that was paused, cut off or forgotten has still under way comes to nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres/private.h"

static int64_t now_ms(void)
{
    return clock_mono(clock_system());
}

/* --- what is there --------------------------------------------------------------------------- */

/* False: it contradicts itself. */
static bool take_row(struct postgres_store *store, const PGresult *rows)
{
    struct store_info *info = &store->base.info;
    if (PQntuples(rows) != 1 || !row_copy(rows, 0, info->epoch, sizeof info->epoch))
        return false;
    info->last_seq = (uint64_t)row_i64(rows, 0, 1);
    info->acked = (uint64_t)row_i64(rows, 0, 2);
    store->hours = row_i64(rows, 0, 3);
    store->bytes = row_i64(rows, 0, 4);
    if (!row_copy(rows, 5, info->memo, sizeof info->memo))
        info->memo[0] = '\0';
    info->parked = (uint64_t)row_i64(rows, 0, 6);
    info->oldest = (uint64_t)row_i64(rows, 0, 7);
    if (info->acked == STORE_ALL_ACKED)
        info->acked = info->last_seq;
    return strlen(info->epoch) == STORE_EPOCH_LEN && info->acked <= info->last_seq &&
           info->oldest >= 1 && info->oldest <= info->last_seq + 1 &&
           (uint64_t)row_i64(rows, 0, 8) == info->last_seq;
}

/* LINK_REFUSED without words: the rows contradict each other. */
static enum link_result load(struct postgres_store *store)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    enum link_result result = link_query(&store->link, PG_LOAD, &args, &rows);
    if (result == LINK_OK && !take_row(store, rows))
        result = LINK_REFUSED;
    PQclear(rows);
    return result;
}

/* --- taking ---------------------------------------------------------------------------------- */

/* How long it is an owner's, from when he asked for it: the answer may have been long on its way. */
void owner_renewed(struct postgres_store *store)
{
    store->renewed = now_ms();
    atomic_store(&store->owned_until, store->sent + LEASE_MS - LEASE_MARGIN_MS);
}

/* Whoever has it under this name has ended: it was this directory's, before it started again. */
static const char *own_name(const struct postgres_store *store)
{
    return store->former ? "" : store->owner;
}

/* OURS: nobody holds it, it can be taken. */
static enum owner_found look(struct postgres_store *store, char holder[STORE_OWNER_MAX + 1],
                             struct studio_error *error)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, store->owner);
    args_str(&args, own_name(store));
    enum link_result result = link_query(&store->link, PG_LOOK, &args, &rows);
    if (result != LINK_OK)
        return postgres_not_asked(&store->link, result, error);
    const bool held = PQntuples(rows) == 1 && row_i64(rows, 0, 2) == 0;
    if (held) {
        (void)row_copy(rows, 0, holder, STORE_OWNER_MAX + 1);
        studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                         ": agent %s is in use by %s, for the next %" PRId64
                         " ms at least; stop that one, or give this one another id with --agent-id",
                         store->base.info.agent_id, holder, row_i64(rows, 0, 1));
    }
    PQclear(rows);
    return held ? OWNER_HELD : OWNER_OURS;
}

/* What still holds its row is ended. A role that may not do that waits for it. */
static void unblock(struct postgres_store *store)
{
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, store->owner);
    args_str(&args, own_name(store));
    (void)link_query(&store->link, PG_UNBLOCK, &args, NULL);
}

/* HELD without words: somebody was quicker. */
static enum owner_found take(struct postgres_store *store, struct studio_error *error)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, store->owner);
    args_str(&args, own_name(store));
    args_i64(&args, LEASE_MS);
    store->sent = clock_boot();
    enum link_result result = link_query(&store->link, PG_TAKE, &args, &rows);
    if (result != LINK_OK)
        return postgres_not_asked(&store->link, result, error);
    const bool taken = PQntuples(rows) == 1;
    if (taken) {
        store->base.info.boot = (uint64_t)row_i64(rows, 0, 0);
        store->line = row_i64(rows, 0, 1);
        store->writes = row_i64(rows, 0, 2);
        /* What an ownership before has left is no concern of this one. */
        store->doubt = store->failed = false;
        store->successor[0] = '\0';
        owner_renewed(store);
    }
    PQclear(rows);
    return taken ? OWNER_OURS : OWNER_HELD;
}

enum owner_found owner_take(struct postgres_store *store, char holder[STORE_OWNER_MAX + 1],
                            struct studio_error *error)
{
    enum { TRIES = 3 }; /* somebody else is quicker now and then, but then he holds it */
    enum owner_found found = OWNER_HELD;
    enum link_result result = link_open(&store->link, true);
    if (result != LINK_OK)
        return postgres_not_asked(&store->link, result, error);
    for (int i = 0; i < TRIES && found == OWNER_HELD; i++) {
        found = look(store, holder, error);
        if (found != OWNER_OURS)
            return found;
        unblock(store);
        found = take(store, error);
    }
    if (found != OWNER_OURS)
        return found;
    result = load(store);
    if (result == LINK_OK)
        return OWNER_OURS;
    if (result != LINK_REFUSED || store->link.why[0])
        return postgres_not_asked(&store->link, result, error);
    studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                     ": the rows of agent %s in the database contradict each other; "
                     "restore a backup of the database",
                     store->base.info.agent_id);
    return OWNER_WRONG;
}

void owner_release(struct postgres_store *store)
{
    struct args args = args_begin(store->base.info.agent_id);
    if (!link_is_open(&store->link))
        return;
    args_u64(&args, store->base.info.boot);
    args_i64(&args, store->line);
    (void)link_query(&store->link, PG_RELEASE, &args, NULL);
}

/* --- after a connection was lost ------------------------------------------------------------- */

/* What was in doubt had happened if the one who came next found it. Unless he can be asked for, nothing is known. */
static enum link_result note_successor(struct postgres_store *store)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    size_t len;
    args_u64(&args, store->base.info.boot);
    args_str(&args, store->owner);
    args_i64(&args, WAITING_MS);
    enum link_result result = link_query(&store->link, PG_SUCCESSOR, &args, &rows);
    if (result != LINK_OK)
        return result;
    const bool known = PQntuples(rows) == 1; /* else the database has another past */
    const char *who = known ? row_text(rows, 0, 0, &len) : "another process";
    store->happened = store->doubt && known && row_i64(rows, 0, 1) >= store->asked;
    store->failed = true;
    atomic_store(&store->owned_until, 0);
    snprintf(store->successor, sizeof store->successor, "%s", who);
    log_error("store", "%s owns this agent now: this one stops writing%s", who,
              !store->doubt     ? ""
              : store->happened ? "; its last batch was stored"
                                : "; its last batch was not stored");
    PQclear(rows);
    return LINK_OK;
}

/* The line is ours: everything that is sent over another one is refused from here on. */
static enum link_result fence(struct postgres_store *store, bool *ours)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    args_u64(&args, store->base.info.boot);
    args_i64(&args, LEASE_MS);
    store->sent = clock_boot();
    enum link_result result = link_query(&store->link, PG_FENCE, &args, &rows);
    *ours = result == LINK_OK && PQntuples(rows) == 1;
    if (*ours) {
        const int64_t found = row_i64(rows, 0, 1);
        store->line = row_i64(rows, 0, 0);
        store->happened = store->doubt && found == store->asked;
        store->failed =
            !store->happened && found != (store->doubt ? store->asked - 1 : store->writes);
        store->writes = found;
        owner_renewed(store);
    }
    PQclear(rows);
    return result;
}

static enum studio_err away(struct postgres_store *store)
{
    log_limited(&store->complaints, LOG_WARN, "store", "the database is away: %s", store->link.why);
    link_close(&store->link);
    return STUDIO_ERR_STORAGE;
}

enum studio_err owner_resume(struct postgres_store *store)
{
    bool ours;
    if (store->failed)
        return STUDIO_ERR_IO;
    if (link_is_well(&store->link))
        return STUDIO_OK;
    if (link_open(&store->link, false) != LINK_OK || fence(store, &ours) != LINK_OK)
        return away(store);
    if (!ours && note_successor(store) != LINK_OK)
        return away(store);
    if (ours && store->failed)
        log_error("store", "the database has another past than this agent: it stops writing");
    if (store->failed)
        return STUDIO_ERR_IO;
    if (load(store) != LINK_OK)
        return away(store);
    store->doubt = false;
    log_info("store", "the database is back");
    return STUDIO_OK;
}
