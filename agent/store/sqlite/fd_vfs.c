/*
 * fd_vfs.c - a database in a file that somebody else has opened: what it is called and who may write there
 * was the caller's matter.
 *
 * Its name is the number of the descriptor. There are no locks and no journal: nobody else knows the file yet,
 * and half a copy is thrown away. Nor is it synced: the caller does that, where nobody waits.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/private.h"

struct fd_file {
    sqlite3_file file; /* first: what SQLite sees */
    int fd;
    bool fixed; /* only read, and nobody writes it: SQLite then looks for no log beside it */
};

static int fd_of(sqlite3_file *file)
{
    return ((struct fd_file *)file)->fd;
}

/* What lies behind the end is zero. */
static int fd_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    char *to = out;
    int done = 0;
    while (done < len) {
        ssize_t n = pread(fd_of(file), to + done, (size_t)(len - done), at + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SQLITE_IOERR_READ;
        if (n == 0)
            break;
        done += (int)n;
    }
    memset(to + done, 0, (size_t)(len - done));
    return done == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int fd_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    const char *from = bytes;
    for (int done = 0; done < len;) {
        ssize_t n = pwrite(fd_of(file), from + done, (size_t)(len - done), at + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EFBIG
                       ? SQLITE_IOERR_WRITE
                       : SQLITE_FULL;
        done += (int)n;
    }
    return SQLITE_OK;
}

static int fd_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return ftruncate(fd_of(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int fd_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct stat about;
    if (fstat(fd_of(file), &about) != 0)
        return SQLITE_IOERR_FSTAT;
    *out = about.st_size;
    return SQLITE_OK;
}

static int fd_close(sqlite3_file *file)
{
    (void)file; /* it is the caller's */
    return SQLITE_OK;
}

static int fd_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int fd_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int fd_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int fd_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int fd_sector(sqlite3_file *file)
{
    (void)file;
    return 0; /* the usual one */
}

static int fd_traits(sqlite3_file *file)
{
    return ((struct fd_file *)file)->fixed ? SQLITE_IOCAP_IMMUTABLE : 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = fd_close,
    .xRead = fd_read,
    .xWrite = fd_write,
    .xTruncate = fd_truncate,
    .xSync = fd_sync,
    .xFileSize = fd_size,
    .xLock = fd_lock,
    .xUnlock = fd_lock,
    .xCheckReservedLock = fd_reserved,
    .xFileControl = fd_control,
    .xSectorSize = fd_sector,
    .xDeviceCharacteristics = fd_traits,
};

static int open_fd(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    struct fd_file *f = (struct fd_file *)file;
    (void)vfs;
    f->file.pMethods = NULL;
    if (!name || !(flags & SQLITE_OPEN_MAIN_DB))
        return SQLITE_CANTOPEN;
    f->fd = (int)strtol(name, NULL, 10);
    f->fixed = (flags & SQLITE_OPEN_READONLY) != 0;
    f->file.pMethods = &methods;
    if (got)
        *got = flags;
    return SQLITE_OK;
}

static int full_name(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    (void)vfs;
    (void)sqlite3_snprintf(cap, out, "%s", name);
    return SQLITE_OK;
}

static int no_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)name;
    (void)flags;
    *out = 0; /* there is no journal beside it */
    return SQLITE_OK;
}

static int no_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)name;
    (void)sync;
    return SQLITE_OK;
}

static sqlite3_vfs fd_vfs;
static bool registered;

/* Time and chance are the usual VFS's. */
static void register_once(void)
{
    const sqlite3_vfs *base = sqlite3_vfs_find(NULL);
    if (!base)
        return;
    fd_vfs = *base;
    fd_vfs.zName = "studio-fd";
    fd_vfs.szOsFile = (int)sizeof(struct fd_file);
    fd_vfs.pNext = NULL;
    fd_vfs.xOpen = open_fd;
    fd_vfs.xDelete = no_delete;
    fd_vfs.xAccess = no_access;
    fd_vfs.xFullPathname = full_name;
    registered = sqlite3_vfs_register(&fd_vfs, 0) == SQLITE_OK;
}

int fd_open(int fd, bool to_read, sqlite3 **db)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char name[16];
    *db = NULL;
    (void)pthread_once(&once, register_once);
    if (!registered)
        return SQLITE_NOMEM;
    (void)sqlite3_snprintf((int)sizeof name, name, "%d", fd);
    int rc =
        sql_open(name, to_read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, fd_vfs.zName, db);
    if (rc != SQLITE_OK || to_read)
        return rc;
    return sql_exec(*db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                         "PRAGMA cache_size = 64");
}
