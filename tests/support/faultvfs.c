/* faultvfs.c - forwards everything to the system's VFS and fails what the plan says. */
#include "support/faultvfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

struct fault_file {
    sqlite3_file base;
    int flags;
    sqlite3_file *real;
};

static struct {
    bool armed;
    enum faultvfs_op op;
    int flags;
    unsigned nth, times;
    int rc;
    unsigned calls[FAULTVFS_OP_COUNT];
} plan;

static sqlite3_vfs *system_vfs;
static sqlite3_vfs fault_vfs;

void faultvfs_arm(enum faultvfs_op op, int flags, unsigned nth, unsigned times, int rc)
{
    faultvfs_disarm();
    plan.armed = true;
    plan.op = op;
    plan.flags = flags;
    plan.nth = nth;
    plan.times = times;
    plan.rc = rc;
}

void faultvfs_disarm(void)
{
    plan.armed = false;
    plan.flags = 0;
    for (int i = 0; i < FAULTVFS_OP_COUNT; i++)
        plan.calls[i] = 0;
}

unsigned faultvfs_calls(enum faultvfs_op op)
{
    return plan.calls[op];
}

/* Counts the call; the code it is to fail with, or SQLITE_OK. */
static int verdict(const struct fault_file *file, enum faultvfs_op op)
{
    if (plan.flags != 0 && (plan.flags & file->flags) == 0)
        return SQLITE_OK;
    unsigned call = ++plan.calls[op];
    bool hit = plan.armed && op == plan.op && call >= plan.nth &&
               (plan.times == 0 || call < plan.nth + plan.times);
    return hit ? plan.rc : SQLITE_OK;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

/* --- what can fail --------------------------------------------------------------------------- */

static int fault_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    int rc = verdict((struct fault_file *)file, FAULTVFS_WRITE);
    if (rc == SQLITE_OK)
        return real(file)->pMethods->xWrite(real(file), bytes, amount, offset);
    (void)real(file)->pMethods->xWrite(real(file), bytes, amount / 2, offset);
    return rc;
}

static int fault_sync(sqlite3_file *file, int flags)
{
    int rc = verdict((struct fault_file *)file, FAULTVFS_SYNC);
    return rc == SQLITE_OK ? real(file)->pMethods->xSync(real(file), flags) : rc;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = verdict((struct fault_file *)file, FAULTVFS_TRUNCATE);
    return rc == SQLITE_OK ? real(file)->pMethods->xTruncate(real(file), size) : rc;
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    int rc = verdict((struct fault_file *)file, FAULTVFS_INDEX);
    return rc == SQLITE_OK ? real(file)->pMethods->xShmMap(real(file), page, size, extend, out)
                           : rc;
}

/* --- the rest -------------------------------------------------------------------------------- */

static int fault_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int fault_read(sqlite3_file *file, void *bytes, int amount, sqlite3_int64 offset)
{
    return real(file)->pMethods->xRead(real(file), bytes, amount, offset);
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int fault_check_reserved_lock(sqlite3_file *file, int *reserved)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}

static int fault_file_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int fault_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int fault_device_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int fault_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete_it);
}

static int fault_fetch(sqlite3_file *file, sqlite3_int64 offset, int amount, void **out)
{
    return real(file)->pMethods->xFetch(real(file), offset, amount, out);
}

static int fault_unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page)
{
    return real(file)->pMethods->xUnfetch(real(file), offset, page);
}

static const sqlite3_io_methods methods = {
    .iVersion = 3,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_reserved_lock,
    .xFileControl = fault_file_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_device_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
    .xFetch = fault_fetch,
    .xUnfetch = fault_unfetch,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    (void)vfs;
    struct fault_file *fault = (struct fault_file *)file;
    fault->flags = flags;
    fault->real = (sqlite3_file *)(fault + 1);
    int rc = system_vfs->xOpen(system_vfs, name, fault->real, flags, out_flags);
    fault->base.pMethods = fault->real->pMethods ? &methods : NULL;
    return rc;
}

void faultvfs_register(void)
{
    system_vfs = sqlite3_vfs_find("unix-excl");
    fault_vfs = *system_vfs; /* all but files is the system's */
    fault_vfs.zName = "fault";
    fault_vfs.pNext = NULL;
    fault_vfs.szOsFile = (int)sizeof(struct fault_file) + system_vfs->szOsFile;
    fault_vfs.xOpen = fault_open;
    sqlite3_vfs_register(&fault_vfs, 1);
}

void faultvfs_unregister(void)
{
    faultvfs_disarm();
    sqlite3_vfs_unregister(&fault_vfs);
}
