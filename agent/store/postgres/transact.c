/*
 * transact.c - a transaction of the owner, and what became of one whose answer was lost.
 *
 * Each has a number, which it leaves in the agent's row. When the connection breaks before the answer is here, it is
 * looked up under a new line (owner.c), which the old connection's backend cannot write behind: then the number
 * found there says what happened, and nothing can happen later.
 */
#include <string.h>

#include "base/clock.h"
#include "store/postgres/private.h"

enum { PATIENCE_MS = 1000 };

struct numbers numbers_now(const struct postgres_store *store)
{
    return (struct numbers){.last_seq = store->base.info.last_seq, .acked = store->base.info.acked};
}

enum studio_err transact_begin(struct postgres_store *store, const struct numbers *numbers)
{
    struct args args = args_begin(store->base.info.agent_id);
    if (store->doubt && store->items) /* store_settle comes first */
        return STUDIO_ERR_STORAGE;
    enum studio_err err = owner_resume(store);
    if (err != STUDIO_OK)
        return err;
    store->coming = *numbers;
    args_u64(&args, store->base.info.boot);
    args_i64(&args, store->line);
    args_i64(&args, store->writes + 1);
    args_u64(&args, numbers->last_seq);
    args_u64(&args, store->mirror ? numbers->acked : STORE_ALL_ACKED);
    args_i64(&args, numbers->bytes);
    args_i64(&args, LEASE_MS);
    store->sent = clock_boot();
    link_begin(&store->link, true);
    link_send(&store->link, PG_OWN, &args);
    return STUDIO_OK;
}

/* Classes of SQLSTATE after which another connection may find a server that can write. */
static bool server_changes(const char *state)
{
    return strncmp(state, "57P", 3) == 0 || strcmp(state, "25006") == 0;
}

enum studio_err transact_fail(struct postgres_store *store, enum link_result result,
                              const char *what)
{
    const struct link *link = &store->link;
    if (result == LINK_OK)
        return STUDIO_OK;
    if (result == LINK_REFUSED && strcmp(link->state, STATE_NOT_OWNER) == 0) {
        link_close(&store->link);
        atomic_store(&store->owned_until, 0); /* not sure, until it has been looked up */
        return owner_resume(store) == STUDIO_ERR_IO ? STUDIO_ERR_IO : STUDIO_ERR_STORAGE;
    }
    /* What is there contradicts what is to come: somebody else has written. */
    if (result == LINK_REFUSED && strncmp(link->state, "23", 2) == 0) {
        store->failed = true;
        log_error("store", "%s failed: %s; the database can no longer be trusted", what, link->why);
        return STUDIO_ERR_IO;
    }
    log_limited(&store->complaints, LOG_WARN, "store", "%s failed: %s", what, link->why);
    if (result == LINK_REFUSED && server_changes(link->state))
        link_close(&store->link);
    return STUDIO_ERR_STORAGE;
}

static void note_done(struct postgres_store *store)
{
    store->writes++;
    owner_renewed(store);
    store->base.info.last_seq = store->coming.last_seq;
    store->base.info.acked = store->coming.acked;
    store->bytes += store->coming.bytes;
}

enum studio_err transact_end(struct postgres_store *store, const char *what, PGresult **rows)
{
    int64_t began = clock_mono(clock_system());
    enum link_result result = link_end(&store->link, true, rows);
    store->commit_ms = clock_mono(clock_system()) - began;
    if (result == LINK_OK)
        note_done(store);
    if (result != LINK_LOST)
        return transact_fail(store, result, what);
    log_limited(&store->complaints, LOG_WARN, "store", "%s: the answer was lost: %s", what,
                store->link.why);
    store->lost = true;
    store->doubt = true;
    store->happened = false;
    store->items = NULL;
    store->asked = store->writes + 1;
    if (store->commit_ms >= PATIENCE_MS) /* that it is in doubt should be known soon */
        return STUDIO_ERR_STORAGE;
    enum studio_err err = owner_resume(store);
    if (err == STUDIO_ERR_STORAGE || (err != STUDIO_OK && !store->happened))
        return err;
    /* Also when somebody else owns it now, and found it there: the next one says so. */
    return store->happened ? STUDIO_OK : STUDIO_ERR_STORAGE;
}

enum studio_err transact_renew(struct postgres_store *store)
{
    struct numbers numbers = numbers_now(store);
    if (clock_mono(clock_system()) - store->renewed < LEASE_RENEW_MS)
        return STUDIO_OK;
    enum studio_err err = transact_begin(store, &numbers);
    return err == STUDIO_OK ? transact_end(store, "renewing the ownership", NULL) : err;
}
