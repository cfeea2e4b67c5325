#include "core/notes.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

void notes_init(struct notes *n)
{
    pthread_mutex_init(&n->lock, NULL);
}

void notes_finish(struct notes *n)
{
    pthread_mutex_destroy(&n->lock);
}

/* --- parked ---------------------------------------------------------------------------------- */

void notes_park(struct notes *n, uint64_t seq, const char *reason)
{
    bool room;

    pthread_mutex_lock(&n->lock);
    room = n->parked_count < NOTES_PARK_MAX;
    if (room) {
        struct note_parked *slot = &n->parked[n->parked_count++];
        slot->seq = seq;
        strncpy(slot->reason, reason, NOTES_REASON_MAX);
        slot->reason[NOTES_REASON_MAX] = '\0';
    }
    pthread_mutex_unlock(&n->lock);
    if (!room)
        log_warn("store", "event %llu is parked, but could not be marked so: too many at once",
                 (unsigned long long)seq);
}

bool notes_has_parked(struct notes *n)
{
    pthread_mutex_lock(&n->lock);
    const bool any = n->parked_count > 0;
    pthread_mutex_unlock(&n->lock);
    return any;
}

enum studio_err notes_write_parked(struct notes *n, struct store *store)
{
    struct note_parked one;

    pthread_mutex_lock(&n->lock);
    one = n->parked[0];
    pthread_mutex_unlock(&n->lock);
    const enum studio_err err = store_park(store, one.seq, one.reason);
    if (err != STUDIO_OK)
        return err;
    pthread_mutex_lock(&n->lock);
    n->parked_count--;
    memmove(&n->parked[0], &n->parked[1], n->parked_count * sizeof(n->parked[0]));
    pthread_mutex_unlock(&n->lock);
    return STUDIO_OK;
}

/* --- cleared --------------------------------------------------------------------------------- */

void notes_clear(struct notes *n, const char *table_id, uint64_t rev)
{
    size_t i = 0;

    pthread_mutex_lock(&n->lock);
    while (i < n->clearing_count && strcmp(n->clearings[i].table_id, table_id) != 0)
        i++;
    if (i < NOTES_FORGET_MAX) {
        snprintf(n->clearings[i].table_id, sizeof(n->clearings[i].table_id), "%s", table_id);
        n->clearings[i].rev = rev;
        if (i == n->clearing_count)
            n->clearing_count++;
    }
    pthread_mutex_unlock(&n->lock);
}

enum studio_err notes_write_cleared(struct notes *n, struct store *store, bool *any)
{
    struct store_clearing clearings[NOTES_FORGET_MAX];
    size_t count;

    pthread_mutex_lock(&n->lock);
    count = n->clearing_count;
    memcpy(clearings, n->clearings, count * sizeof(*clearings));
    n->clearing_count = 0;
    pthread_mutex_unlock(&n->lock);
    *any = count > 0;
    return *any ? store_forget_cleared(store, clearings, count) : STUDIO_OK;
}

/* --- the memo -------------------------------------------------------------------------------- */

void notes_keep(struct notes *n, const char *memo)
{
    pthread_mutex_lock(&n->lock);
    snprintf(n->memo, sizeof(n->memo), "%s", memo);
    n->memo_due = true;
    pthread_mutex_unlock(&n->lock);
}

enum studio_err notes_write_memo(struct notes *n, struct store *store, bool *any)
{
    char memo[sizeof(n->memo)];

    pthread_mutex_lock(&n->lock);
    *any = n->memo_due;
    if (*any)
        memcpy(memo, n->memo, sizeof(memo));
    n->memo_due = false;
    pthread_mutex_unlock(&n->lock);
    if (!*any)
        return STUDIO_OK;
    const enum studio_err err = store_put_memo(store, memo);
    if (err == STUDIO_OK)
        return err;
    pthread_mutex_lock(&n->lock);
    if (!n->memo_due)
        memcpy(n->memo, memo, sizeof(memo));
    n->memo_due = true;
    pthread_mutex_unlock(&n->lock);
    return err;
}
