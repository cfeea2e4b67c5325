/* wal_vfs.c - the write-ahead log written in long pieces, its index in memory.
 *
 * SQLite writes each page of a transaction with two calls: 24 bytes of header, then the page. A commit
 * of two hundred pages is four hundred system calls for one stretch of the file. What is appended is
 * kept here until it is synced, read or cut, then written at once. That is sound only where each
 * commit is synced (PRAGMA synchronous = FULL): before the sync nobody may look at these pages, not
 * even the other connections, which are told of them by the index afterwards.
 *
 * Below is SQLite's "unix-excl": the database is locked once, for all connections of this process, and the
 * index is no file; a transaction asks the kernel for no lock, where it asked six times. Nobody else may open
 * the database meanwhile, which the lock on the directory forbids them anyway.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/private.h"

enum { KEPT_MAX = 124 * 1024 /* bytes; the VFS below takes less than 128 KiB in a call */ };

struct wal_file {
    sqlite3_file file; /* first: what SQLite sees */
    sqlite3_file *real;
    char *kept; /* NULL before the first write */
    int len;
    sqlite3_int64 at; /* where `kept` begins in the file */
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs;
    sqlite3_vfs *base;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct wal_file *wal(sqlite3_file *file)
{
    return (struct wal_file *)file;
}

/* After an error the transaction is undone: nothing of it is written again. */
static int write_kept(struct wal_file *w)
{
    int len = w->len;

    w->len = 0;
    return len > 0 ? w->real->pMethods->xWrite(w->real, w->kept, len, w->at) : SQLITE_OK;
}

static int wal_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct wal_file *w = wal(file);
    int rc = SQLITE_OK;

    if (!w->kept)
        w->kept = malloc(KEPT_MAX);
    if (w->len > 0 && (at != w->at + w->len || len > KEPT_MAX - w->len))
        rc = write_kept(w);
    if (rc != SQLITE_OK)
        return rc;
    if (!w->kept || len > KEPT_MAX)
        return w->real->pMethods->xWrite(w->real, bytes, len, at);
    if (w->len == 0)
        w->at = at;
    memcpy(w->kept + w->len, bytes, (size_t)len);
    w->len += len;
    return SQLITE_OK;
}

static int wal_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    struct wal_file *w = wal(file);
    int rc = write_kept(w);

    return rc == SQLITE_OK ? w->real->pMethods->xRead(w->real, out, len, at) : rc;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct wal_file *w = wal(file);
    int rc = write_kept(w);

    return rc == SQLITE_OK ? w->real->pMethods->xTruncate(w->real, size) : rc;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    struct wal_file *w = wal(file);
    int rc = write_kept(w);

    return rc == SQLITE_OK ? w->real->pMethods->xSync(w->real, flags) : rc;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct wal_file *w = wal(file);
    int rc = write_kept(w);

    return rc == SQLITE_OK ? w->real->pMethods->xFileSize(w->real, out) : rc;
}

/* What was not synced was promised to nobody. */
static int wal_close(sqlite3_file *file)
{
    struct wal_file *w = wal(file);

    free(w->kept);
    return w->real->pMethods->xClose(w->real);
}

static int wal_lock(sqlite3_file *file, int level)
{
    return wal(file)->real->pMethods->xLock(wal(file)->real, level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
    return wal(file)->real->pMethods->xUnlock(wal(file)->real, level);
}

static int wal_reserved(sqlite3_file *file, int *out)
{
    return wal(file)->real->pMethods->xCheckReservedLock(wal(file)->real, out);
}

static int wal_control(sqlite3_file *file, int op, void *arg)
{
    return wal(file)->real->pMethods->xFileControl(wal(file)->real, op, arg);
}

static int wal_sector(sqlite3_file *file)
{
    return wal(file)->real->pMethods->xSectorSize(wal(file)->real);
}

static int wal_traits(sqlite3_file *file)
{
    return wal(file)->real->pMethods->xDeviceCharacteristics(wal(file)->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory, no mapping: those are the database's */
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector,
    .xDeviceCharacteristics = wal_traits,
};

/* Any other file is the real one from here on, in the memory that is there for ours. */
static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    struct wal_file *w = wal(file);
    int rc;

    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return shim.base->xOpen(shim.base, name, file, flags, got);
    *w = (struct wal_file){.real = (sqlite3_file *)(w + 1)};
    rc = shim.base->xOpen(shim.base, name, w->real, flags, got);
    if (rc == SQLITE_OK)
        w->file.pMethods = &methods;
    else if (w->real->pMethods)
        (void)w->real->pMethods->xClose(w->real);
    return rc;
}

/* Its other methods take the place of the base and know nothing of us. */
static bool stand_on(sqlite3_vfs *base)
{
    (void)sqlite3_vfs_unregister(&shim.vfs); /* its place in the list is overwritten */
    shim.base = base;
    shim.vfs = *base;
    shim.vfs.zName = "studio-wal";
    shim.vfs.szOsFile = base->szOsFile + (int)sizeof(struct wal_file);
    shim.vfs.xOpen = shim_open;
    shim.vfs.pNext = NULL;
    return sqlite3_vfs_register(&shim.vfs, 0) == SQLITE_OK;
}

/* The usual one. */
static sqlite3_vfs *find_base(void)
{
    sqlite3_vfs *base = sqlite3_vfs_find(NULL);
    sqlite3_vfs *alone = sqlite3_vfs_find("unix-excl");

    return alone && base == sqlite3_vfs_find("unix") ? alone : base;
}

const char *wal_vfs(void)
{
    sqlite3_vfs *base;
    bool ready;

    pthread_mutex_lock(&shim.lock);
    base = find_base();
    if (base == &shim.vfs) { /* what it stood on is gone, and the next in the list took its place */
        (void)sqlite3_vfs_unregister(&shim.vfs);
        base = find_base();
    }
    ready = base && ((base == shim.base && sqlite3_vfs_find(shim.vfs.zName)) || stand_on(base));
    pthread_mutex_unlock(&shim.lock);
    return ready ? shim.vfs.zName : NULL;
}
