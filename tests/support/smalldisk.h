/*
 * smalldisk.h - a file system of a few megabytes, to be filled up: a tmpfs that only this program and
 * its children see.
 */
#ifndef TESTS_SUPPORT_SMALLDISK_H
#define TESTS_SUPPORT_SMALLDISK_H

/* Its folder, empty; NULL where it may not be mounted. To be called before there are threads, and
 * before folders that must stay in sight of others. Unmounted when the program ends. */
const char *smalldisk_mount(void);
void smalldisk_unmount(void);

/* To the last byte; again: what has become free since. */
void smalldisk_fill(void);
void smalldisk_make_room(void);

#endif
