/*
 * faultvfs.h - a SQLite VFS over the system's in which a chosen call fails.
 *
 * One plan at a time, for programs that use SQLite from one thread while a plan is armed.
 */
#ifndef TESTS_SUPPORT_FAULTVFS_H
#define TESTS_SUPPORT_FAULTVFS_H

enum faultvfs_op {
    FAULTVFS_WRITE,
    FAULTVFS_SYNC,
    FAULTVFS_TRUNCATE,
    FAULTVFS_INDEX, /* another part of a log's index is wanted: files of SQLITE_OPEN_MAIN_DB */
    FAULTVFS_OP_COUNT
};

/* From here on it is the default for new connections; it outlives them. */
void faultvfs_register(void);
void faultvfs_unregister(void);

/* The nth call (1: the next) of `op` on a file opened with one of `flags` (SQLITE_OPEN_MAIN_DB,
 * SQLITE_OPEN_WAL; 0: any) fails with `rc`, and the `times` - 1 after it (0: all). A write that
 * fails has written its first half. Also sets the counters to 0. */
void faultvfs_arm(enum faultvfs_op op, int flags, unsigned nth, unsigned times, int rc);
void faultvfs_disarm(void);

/* Calls of `op` on the files of the plan since it was armed or disarmed. */
unsigned faultvfs_calls(enum faultvfs_op op);

#endif
