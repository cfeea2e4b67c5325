/* crashvfs.c - records over the system's VFS, and plays back what a power cut could leave. */
#include "support/crashvfs.h"
#include "base/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

enum { SECTOR = 512 };

enum op_kind { OP_CREATE, OP_DELETE, OP_DELETE_SYNCED, OP_WRITE, OP_TRUNCATE, OP_SYNC };

struct op {
    enum op_kind kind;
    size_t inode;
    size_t offset; /* of a write; the new size of a truncation */
    size_t len;
    char *bytes;
};

/* One file from its creation to its deletion; a name may have several one after another. */
struct inode {
    char *name;   /* without the directory */
    bool existed; /* before recording */
    char *base;
    size_t base_len;
};

struct crash_file {
    sqlite3_file base;
    size_t inode;
    sqlite3_file *real;
};

static struct {
    char *dir;
    struct op *ops;
    size_t op_count, op_cap;
    struct inode *inodes;
    size_t inode_count, inode_cap;
} tape;

/* Held around each operation and its record, so that both have the same order. */
static pthread_mutex_t tape_lock = PTHREAD_MUTEX_INITIALIZER;

static sqlite3_vfs *system_vfs;
static sqlite3_vfs crash_vfs;

const char *crash_mode_name(enum crash_mode mode)
{
    static const char *const names[] = {"keep", "drop", "reorder", "tear"};
    return names[mode];
}

static void *grown(void *items, size_t *cap, size_t size)
{
    size_t bigger = *cap ? *cap * 2 : 64;
    void *result = realloc(items, bigger * size);
    if (!result)
        test_fail("out of memory in the test");
    *cap = bigger;
    return result;
}

/* --- recording ------------------------------------------------------------------------------- */

static void record(struct op op, const void *bytes)
{
    if (op.len > 0 && bytes) {
        op.bytes = test_alloc(op.len);
        memcpy(op.bytes, bytes, op.len);
    }
    if (tape.op_count == tape.op_cap)
        tape.ops = grown(tape.ops, &tape.op_cap, sizeof *tape.ops);
    tape.ops[tape.op_count++] = op;
}

static size_t add_inode(const char *name, bool existed)
{
    char path[4096];
    struct inode inode = {.name = strdup(name), .existed = existed};
    snprintf(path, sizeof path, "%s/%s", tape.dir, name);
    if (existed)
        inode.base = tmpdir_read(path, &inode.base_len);
    if (!inode.name || (existed && !inode.base && access(path, F_OK) == 0 && inode.base_len > 0))
        test_fail("reading %s", path);
    if (tape.inode_count == tape.inode_cap)
        tape.inodes = grown(tape.inodes, &tape.inode_cap, sizeof *tape.inodes);
    tape.inodes[tape.inode_count] = inode;
    return tape.inode_count++;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The file a name means now: the last one made under it, unless deleted since. */
static bool find_inode(const char *name, size_t *out)
{
    bool found = false;
    for (size_t i = 0; i < tape.inode_count; i++)
        if (strcmp(tape.inodes[i].name, name) == 0) {
            *out = i;
            found = true;
        }
    for (size_t i = 0; found && i < tape.op_count; i++)
        if (tape.ops[i].inode == *out &&
            (tape.ops[i].kind == OP_DELETE || tape.ops[i].kind == OP_DELETE_SYNCED))
            found = false;
    return found;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct crash_file *)file)->real;
}

static size_t inode_of(sqlite3_file *file)
{
    return ((struct crash_file *)file)->inode;
}

static int crash_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    pthread_mutex_lock(&tape_lock);
    record((struct op){.kind = OP_WRITE,
                       .inode = inode_of(file),
                       .offset = (size_t)offset,
                       .len = (size_t)amount},
           bytes);
    int rc = real(file)->pMethods->xWrite(real(file), bytes, amount, offset);
    pthread_mutex_unlock(&tape_lock);
    return rc;
}

static int crash_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    pthread_mutex_lock(&tape_lock);
    record((struct op){.kind = OP_TRUNCATE, .inode = inode_of(file), .offset = (size_t)size}, NULL);
    int rc = real(file)->pMethods->xTruncate(real(file), size);
    pthread_mutex_unlock(&tape_lock);
    return rc;
}

/* The real sync is left out: it would only make the test slow. */
static int crash_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    pthread_mutex_lock(&tape_lock);
    record((struct op){.kind = OP_SYNC, .inode = inode_of(file)}, NULL);
    pthread_mutex_unlock(&tape_lock);
    return SQLITE_OK;
}

static int crash_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    size_t inode;
    (void)vfs;
    pthread_mutex_lock(&tape_lock);
    if (find_inode(base_name(path), &inode) && access(path, F_OK) == 0)
        record((struct op){.kind = sync_dir ? OP_DELETE_SYNCED : OP_DELETE, .inode = inode}, NULL);
    int rc = system_vfs->xDelete(system_vfs, path, sync_dir);
    pthread_mutex_unlock(&tape_lock);
    return rc;
}

/* --- forwarded ------------------------------------------------------------------------------- */

static int crash_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int crash_read(sqlite3_file *file, void *bytes, int amount, sqlite3_int64 offset)
{
    return real(file)->pMethods->xRead(real(file), bytes, amount, offset);
}

static int crash_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int crash_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int crash_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int crash_check_reserved_lock(sqlite3_file *file, int *reserved)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}

static int crash_file_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int crash_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int crash_device_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int crash_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int crash_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void crash_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int crash_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete_it);
}

/* Version 2: without memory-mapped reads nothing passes by. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = crash_close,
    .xRead = crash_read,
    .xWrite = crash_write,
    .xTruncate = crash_truncate,
    .xSync = crash_sync,
    .xFileSize = crash_file_size,
    .xLock = crash_lock,
    .xUnlock = crash_unlock,
    .xCheckReservedLock = crash_check_reserved_lock,
    .xFileControl = crash_file_control,
    .xSectorSize = crash_sector_size,
    .xDeviceCharacteristics = crash_device_characteristics,
    .xShmMap = crash_shm_map,
    .xShmLock = crash_shm_lock,
    .xShmBarrier = crash_shm_barrier,
    .xShmUnmap = crash_shm_unmap,
};

static int crash_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *out_flags)
{
    (void)vfs;
    struct crash_file *crash = (struct crash_file *)file;
    crash->real = (sqlite3_file *)(crash + 1);
    pthread_mutex_lock(&tape_lock);
    bool existed = path && access(path, F_OK) == 0;
    if (!path || !find_inode(base_name(path), &crash->inode)) {
        crash->inode = add_inode(path ? base_name(path) : "temporary", existed);
        if (path && !existed)
            record((struct op){.kind = OP_CREATE, .inode = crash->inode}, NULL);
    }
    int rc = system_vfs->xOpen(system_vfs, path, crash->real, flags, out_flags);
    crash->base.pMethods = crash->real->pMethods ? &methods : NULL;
    pthread_mutex_unlock(&tape_lock);
    return rc;
}

void crashvfs_start(const char *dir)
{
    tape.dir = strdup(dir);
    DIR *entries = opendir(dir);
    if (!tape.dir || !entries)
        test_fail("reading %s", dir);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t len = strlen(entry->d_name);
        bool shm = len > 4 && strcmp(entry->d_name + len - 4, "-shm") == 0;
        if (entry->d_type == DT_REG && strcmp(entry->d_name, "lock") != 0 && !shm)
            (void)add_inode(entry->d_name, true);
    }
    closedir(entries);
    system_vfs = sqlite3_vfs_find("unix-excl");
    crash_vfs = *system_vfs;
    crash_vfs.zName = "crash";
    crash_vfs.pNext = NULL;
    crash_vfs.szOsFile = (int)sizeof(struct crash_file) + system_vfs->szOsFile;
    crash_vfs.xOpen = crash_open;
    crash_vfs.xDelete = crash_delete;
    sqlite3_vfs_register(&crash_vfs, 1);
}

void crashvfs_pause(void)
{
    sqlite3_vfs_register(system_vfs, 1);
}

void crashvfs_stop(void)
{
    crashvfs_pause();
    sqlite3_vfs_unregister(&crash_vfs);
    for (size_t i = 0; i < tape.op_count; i++)
        free(tape.ops[i].bytes);
    for (size_t i = 0; i < tape.inode_count; i++) {
        free(tape.inodes[i].name);
        free(tape.inodes[i].base);
    }
    free(tape.ops);
    free(tape.inodes);
    free(tape.dir);
    memset(&tape, 0, sizeof tape);
}

size_t crashvfs_ops(void)
{
    pthread_mutex_lock(&tape_lock);
    size_t count = tape.op_count;
    pthread_mutex_unlock(&tape_lock);
    return count;
}

bool crashvfs_is_sync(size_t op)
{
    return op < tape.op_count && tape.ops[op].kind == OP_SYNC;
}

/* --- the cut --------------------------------------------------------------------------------- */

struct dice {
    uint64_t state;
};

/* xorshift64*: a bound of 0 gives 0. */
static size_t roll(struct dice *dice, size_t bound)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return bound ? (size_t)((dice->state * UINT64_C(2685821657736338717)) >> 33) % bound : 0;
}

/* Is this file's name in the directory after the cut? */
static bool name_is_there(size_t inode, size_t survivors)
{
    bool there = tape.inodes[inode].existed;
    for (size_t i = 0; i < survivors; i++) {
        if (tape.ops[i].inode != inode)
            continue;
        if (tape.ops[i].kind == OP_CREATE)
            there = true;
        else if (tape.ops[i].kind == OP_DELETE || tape.ops[i].kind == OP_DELETE_SYNCED)
            there = false;
    }
    return there;
}

/* A new file's first sync takes its directory along. */
static bool syncs_directory(size_t op)
{
    if (tape.ops[op].kind == OP_DELETE_SYNCED)
        return true;
    if (tape.ops[op].kind != OP_SYNC || tape.inodes[tape.ops[op].inode].existed)
        return false;
    for (size_t i = 0; i < op; i++)
        if (tape.ops[i].inode == tape.ops[op].inode && tape.ops[i].kind == OP_SYNC)
            return false;
    return true;
}

/* Creations and deletions before this operation survive the cut, those after do not. */
static size_t surviving_names(size_t at, enum crash_mode mode, struct dice *dice)
{
    size_t durable = 0;
    for (size_t i = 0; i < at; i++)
        if (syncs_directory(i))
            durable = i + 1;
    switch (mode) {
    case CRASH_KEEP:
        return at;
    case CRASH_DROP:
        return durable;
    default:
        return durable + roll(dice, at - durable + 1);
    }
}

struct image {
    char *bytes;
    size_t len, cap;
};

static void resize(struct image *image, size_t len)
{
    if (len > image->cap) {
        size_t cap = len * 2;
        image->bytes = realloc(image->bytes, cap);
        if (!image->bytes)
            test_fail("out of memory in the test");
        image->cap = cap;
    }
    if (len > image->len)
        memset(image->bytes + image->len, 0, len - image->len);
    image->len = len;
}

static void put(struct image *image, size_t offset, const char *bytes, size_t len)
{
    if (offset + len > image->len)
        resize(image, offset + len);
    memcpy(image->bytes + offset, bytes, len);
}

static void apply(struct image *image, const struct op *op)
{
    if (op->kind == OP_WRITE)
        put(image, op->offset, op->bytes, op->len);
    else if (op->kind == OP_TRUNCATE)
        resize(image, op->offset);
}

/* Any of a write's sectors, as they lie on the disk. */
static void apply_torn(struct image *image, const struct op *op, struct dice *dice)
{
    size_t done = 0;
    while (op->kind == OP_WRITE && done < op->len) {
        size_t part = SECTOR - (op->offset + done) % SECTOR;
        if (part > op->len - done)
            part = op->len - done;
        if (roll(dice, 2))
            put(image, op->offset + done, op->bytes + done, part);
        done += part;
    }
}

static void apply_pending(struct image *image, const struct op *op, enum crash_mode mode,
                          struct dice *dice)
{
    if (mode == CRASH_KEEP || (mode != CRASH_DROP && roll(dice, 2)))
        apply(image, op);
    else if (mode == CRASH_TEAR && roll(dice, 2))
        apply_torn(image, op, dice);
}

static void build_image(struct image *image, size_t inode, size_t at, enum crash_mode mode,
                        struct dice *dice)
{
    size_t synced = 0;
    const struct inode *file = &tape.inodes[inode];
    resize(image, 0);
    if (file->base_len > 0)
        put(image, 0, file->base, file->base_len);
    for (size_t i = 0; i < at; i++)
        if (tape.ops[i].inode == inode && tape.ops[i].kind == OP_SYNC)
            synced = i;
    for (size_t i = 0; i < at; i++) {
        if (tape.ops[i].inode != inode)
            continue;
        if (i < synced)
            apply(image, &tape.ops[i]);
        else
            apply_pending(image, &tape.ops[i], mode, dice);
    }
}

void crashvfs_image(size_t at, enum crash_mode mode, uint64_t seed, const char *to)
{
    struct dice dice = {seed * UINT64_C(0x9e3779b97f4a7c15) + at * 2 + 1};
    struct image image = {0};
    size_t survivors = surviving_names(at, mode, &dice);
    for (size_t i = 0; i < tape.inode_count; i++) {
        char path[4096];
        if (!name_is_there(i, survivors))
            continue;
        build_image(&image, i, at, mode, &dice);
        snprintf(path, sizeof path, "%s/%s", to, tape.inodes[i].name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || (image.len > 0 && write(fd, image.bytes, image.len) != (ssize_t)image.len))
            test_fail("writing %s", path);
        close(fd);
        image.len = 0;
    }
    free(image.bytes);
}
