/* tmpdir.h - directories that are gone, with all in them, when the test program ends. */
#ifndef TESTS_SUPPORT_TMPDIR_H
#define TESTS_SUPPORT_TMPDIR_H

#include <stddef.h>
#include <sys/types.h>

/* A new, empty directory (mode 0700). The path lives until the program ends; removed then, also
 * when a test has failed. Below $TMPDIR, else /tmp. */
const char *tmpdir_create(void);

/* Removes it with all in it, now. */
void tmpdir_remove(const char *path);

/* `dir/name`; lives until the program ends. */
const char *tmpdir_path(const char *dir, const char *name);

/* Writes `dir/name` with exactly this mode and returns its path as tmpdir_path does. */
const char *tmpdir_write(const char *dir, const char *name, mode_t mode, const char *text);

/* The whole of a file, NUL-terminated, to be free()d; NULL if it cannot be read. */
char *tmpdir_read(const char *path, size_t *len);

#endif
