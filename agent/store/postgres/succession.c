/*
 * succession.c - who waits for an agent that is another's, and how it is left to him.
 *
 * Who waits looks a few times a second, without a lock, and says once a second in a row of his own that he is there:
 * so the owner knows whom he can leave it to. He takes it when the owner's lease has run out, or was given up.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres/private.h"

/* --- who waits ------------------------------------------------------------------------------- */

/* A failure says itself at the next look. */
static void say_waiting(struct postgres_store *store, int64_t *again)
{
    struct args args = args_begin(store->base.info.agent_id);
    const int64_t now = clock_mono(clock_system());
    if (now < *again)
        return;
    *again = now + WAITING_SAID_MS;
    args_str(&args, store->owner);
    args_i64(&args, WAITING_MS);
    (void)link_query(&store->link, PG_WAIT, &args, NULL);
}

static void wait_no_more(struct postgres_store *store)
{
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, store->owner);
    if (link_is_open(&store->link))
        (void)link_query(&store->link, PG_WAIT_NO_MORE, &args, NULL);
}

/* Until the schema is there there are no statements. */
static enum owner_found prepare(struct postgres_store *store, const struct store_options *options,
                                struct studio_error *error)
{
    link_init(&store->link, store->url, NULL, 0);
    enum owner_found found = schema_prepare(&store->link, error);
    if (found != OWNER_OURS)
        return found;
    link_init(&store->link, store->url, postgres_texts, PG_COUNT);
    store->link.unsafe_no_sync = options->unsafe_no_sync;
    return OWNER_OURS;
}

enum studio_err succession_take(struct postgres_store *store, const struct store_options *options,
                                struct studio_error *error)
{
    char holder[STORE_OWNER_MAX + 1];
    bool prepared = false, waits = options->patient;
    int64_t say_at = 0;
    for (;;) {
        enum owner_found found = prepared ? OWNER_OURS : prepare(store, options, error);
        prepared = found == OWNER_OURS;
        if (prepared)
            found = owner_take(store, holder, error);
        if (found == OWNER_OURS)
            return STUDIO_OK;
        /* The first look says what is wrong for good; who waits already may hope that it passes. */
        if (!options->held || (found != OWNER_HELD && !waits) ||
            (found == OWNER_WRONG && say_at == 0))
            return error->code;
        waits = true;
        if (found == OWNER_HELD) {
            say_waiting(store, &say_at);
            if (strcmp(holder, store->owner) ==
                0) /* it was left to somebody who has not come yet */
                holder[0] = '\0';
        }
        if (!options->held(options->held_ctx, found == OWNER_HELD ? holder : NULL, error->text)) {
            wait_no_more(store);
            return error->code;
        }
    }
}

/* --- what the owner does --------------------------------------------------------------------- */

bool postgres_owned(const struct store *base)
{
    return clock_boot() < atomic_load(&as_const_postgres(base)->owned_until);
}

const char *postgres_successor(const struct store *base)
{
    const char *name = as_const_postgres(base)->successor;
    return name[0] ? name : NULL;
}

enum studio_err postgres_waiting(struct store *base, char name[STORE_OWNER_MAX + 1], size_t *count)
{
    struct postgres_store *store = as_postgres(base);
    PGresult *rows = NULL;
    struct args args = args_begin(store->base.info.agent_id);
    enum studio_err err = owner_resume(store);
    if (err != STUDIO_OK)
        return err;
    args_str(&args, store->owner);
    enum link_result result = link_query(&store->link, PG_WAITING, &args, &rows);
    if (result == LINK_OK && PQntuples(rows) == 1) {
        (void)row_copy(rows, 0, name, STORE_OWNER_MAX + 1);
        *count = (size_t)row_i64(rows, 0, 1);
    }
    PQclear(rows);
    return transact_fail(store, result, "looking for a standby");
}

enum studio_err postgres_hand_over(struct store *base, const char *name)
{
    struct postgres_store *store = as_postgres(base);
    PGresult *rows = NULL;
    struct args args = args_begin(store->base.info.agent_id);
    if (store->failed || store->doubt || !link_is_open(&store->link))
        return STUDIO_ERR_STORAGE;
    args_u64(&args, store->base.info.boot);
    args_i64(&args, store->line);
    args_str(&args, name);
    args_i64(&args, PROMISE_MS);
    atomic_store(&store->owned_until, 0);
    const bool done =
        link_query(&store->link, PG_PROMISE, &args, &rows) == LINK_OK && PQntuples(rows) == 1;
    PQclear(rows);
    store->left = true;
    return done ? STUDIO_OK : STUDIO_ERR_STORAGE;
}
