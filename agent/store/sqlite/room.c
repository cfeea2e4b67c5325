/*
 * room.c - how much of the largest size (store.max_bytes) is left. Below a first mark the oldest
 * acknowledged events go before their time (housekeep.c); below a second updates are refused (commit.c).
 */
#include <sys/stat.h>

#include "store/sqlite/private.h"

/* What is left for the largest batches until the next step: a sixteenth, of a small store up to half. */
static int64_t reserve(int64_t max_pages)
{
    enum { BATCHES = 16 * 1024 * 1024 / STORE_PAGE };
    int64_t least = max_pages / 2 < BATCHES ? max_pages / 2 : BATCHES;
    return max_pages / 16 > least ? max_pages / 16 : least;
}

/* Pages the pager has written since the store was opened. */
static unsigned written(struct sqlite_store *store)
{
    int now = 0, highest;
    (void)sqlite3_db_status(store->db, SQLITE_DBSTATUS_CACHE_WRITE, &now, &highest, 0);
    return (unsigned)now;
}

/* Pages that were freed are used again. */
static bool look(struct sqlite_store *store)
{
    int64_t pages, unused;
    unsigned now = written(store);
    if (sql_number(store->db, "PRAGMA page_count", &pages) != SQLITE_OK ||
        sql_number(store->db, "PRAGMA freelist_count", &unused) != SQLITE_OK)
        return false;
    store->used_pages = pages - unused;
    store->used_when = now;
    return true;
}

/* Less than so many pages are left of the largest size. To look costs half as much as a commit: done only when
 * what was written since the last time could have come so far. */
static bool left_below(struct sqlite_store *store, int64_t left)
{
    int64_t mark = store->max_pages - left;
    if (store->max_pages == 0)
        return false;
    if (store->used_pages > 0 && store->used_pages + (written(store) - store->used_when) <= mark)
        return false;
    return look(store) && store->used_pages > mark;
}

bool sqlite_crowded(struct store *base)
{
    struct sqlite_store *store = as_sqlite(base);
    return left_below(store, reserve(store->max_pages));
}

bool store_full(struct sqlite_store *store)
{
    return left_below(store, reserve(store->max_pages) / 8);
}

static uint64_t size_of(const char *path)
{
    struct stat about;

    return path && stat(path, &about) == 0 ? (uint64_t)about.st_size : 0;
}

uint64_t sqlite_bytes(const struct store *base)
{
    const struct sqlite_store *store = as_const_sqlite(base);
    return size_of(store->path) +
           size_of(sqlite3_filename_wal(sqlite3_db_filename(store->db, NULL)));
}
