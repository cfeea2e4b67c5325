/*
 * crashvfs.h - a SQLite VFS that records what is written, and what a disk may hold after a power
 * cut.
 *
 * Everything goes to the real files too. Each write, truncation, sync, creation and deletion gets a
 * number; afterwards an image of the directory as a cut right before operation `at` could have left
 * it is made, as often as wanted. What was synced is there. What was not:
 *
 *     keep      all of it is there (this is what kill -9 leaves)
 *     drop      none of it
 *     reorder   any of it, each write on its own
 *     tear      the same, and of each write any of its 512-byte sectors
 *
 * New and deleted names are durable once the directory is synced (SQLite's unix VFS does so with
 * the first sync of a new journal or log); before that, any first part of them happened, in their
 * order. Connections may be of several threads; the system's files are trusted not to fail.
 */
#ifndef TESTS_SUPPORT_CRASHVFS_H
#define TESTS_SUPPORT_CRASHVFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum crash_mode { CRASH_KEEP, CRASH_DROP, CRASH_REORDER, CRASH_TEAR, CRASH_MODE_COUNT };

const char *crash_mode_name(enum crash_mode mode);

/* Starts recording: new connections use it, files in `dir` are as they are now. One directory. */
void crashvfs_start(const char *dir);
/* Ends recording; new connections go to the system. Images can be made. */
void crashvfs_pause(void);
/* Forgets the recording. No connection made while recording may be open. */
void crashvfs_stop(void);

/* Operations so far. */
size_t crashvfs_ops(void);
bool crashvfs_is_sync(size_t op);

/* Writes the files into `to`, an empty directory. The same seed gives the same image. */
void crashvfs_image(size_t at, enum crash_mode mode, uint64_t seed, const char *to);

#endif
