/*
 * copier.c - what stands in the log goes into the database, while commits go on.
 *
 * A checkpoint waits for the disk twice, and writes many pages all over the file: too long for a batch
 * that comes meanwhile. So another thread does it on a connection of its own, few pages at a time, and
 * syncs the database itself. What it cannot do is to come to an end, without which the log is never begun
 * anew and grows: it would need a moment without a commit. So the writer does the last step, when
 * little is left (housekeep.c, commit.c).
 *
 * SQLite before 3.51.3 can lose pages when a checkpoint begins where all is copied already, just while
 * a commit begins the log anew (its "WAL-reset bug"). Here none does: each begins with the lock held
 * and only when the last commit left something to copy, so that a commit cannot begin the log anew
 * before that very checkpoint is done.
 */
#include <stdlib.h>

#include "store/sqlite/private.h"

struct sqlite_copier {
    struct store_copier base;
    struct sqlite_store *store;
    sqlite3 *db;
    struct log_limit complaints;
};

enum studio_err sqlite_copier_open(struct store *base, struct store_copier **out,
                                   struct studio_error *error)
{
    struct sqlite_store *store = as_sqlite(base);
    int64_t ignored;
    enum studio_err err;
    *out = NULL;
    struct sqlite_copier *copier = calloc(1, sizeof *copier);
    int rc = copier ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sql_open(store->path, SQLITE_OPEN_READWRITE, NULL, &copier->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(copier->db,
                      store->syncs ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    /* One that has not read yet says it has checkpointed, and has not. */
    if (rc == SQLITE_OK)
        rc = sql_number(copier->db, "SELECT count(*) FROM sqlite_schema", &ignored);
    if (rc != SQLITE_OK)
        goto fail;
    copier->store = store;
    store->has_copier = true;
    *out = &copier->base;
    return STUDIO_OK;
fail:
    err = sql_refuse(error, store->path, rc, copier ? copier->db : NULL);
    if (copier)
        sqlite_copier_close(&copier->base);
    return err;
}

void sqlite_copier_close(struct store_copier *base)
{
    struct sqlite_copier *copier = (struct sqlite_copier *)base;
    if (copier->store)
        copier->store->has_copier = false;
    (void)sqlite3_close(copier->db);
    free(copier);
}

bool sqlite_copy_due(const struct store *base)
{
    const struct sqlite_store *store = as_const_sqlite(base);
    return store->wal_pages - store->copied >= STORE_COPY_STEP;
}

/* Else the writer's last step would wait for all that was copied before. */
static int sync_database(struct sqlite_copier *copier)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(copier->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return rc == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : rc;
}

/* The lock is held. */
static int copy(struct sqlite_copier *copier)
{
    struct sqlite_store *store = copier->store;
    int done = 0;
    if (store->wal_pages <= store->copied)
        return SQLITE_OK;
    int rc = sqlite3_wal_checkpoint_v2(copier->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &done);
    if ((rc & 0xff) == SQLITE_BUSY) /* a foreign program is at it */
        return SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    store->copied = done;
    return store->syncs && store->wal_pages > done ? sync_database(copier) : SQLITE_OK;
}

enum studio_err sqlite_copy(struct store_copier *base)
{
    struct sqlite_copier *copier = (struct sqlite_copier *)base;
    struct sqlite_store *store = copier->store;
    if (store->failed)
        return STUDIO_ERR_IO;
    pthread_mutex_lock(&store->copying);
    int rc = copy(copier);
    pthread_mutex_unlock(&store->copying);
    return rc == SQLITE_OK ? STUDIO_OK
                           : store_note_failure(store, &copier->complaints, rc, "copying the log");
}
