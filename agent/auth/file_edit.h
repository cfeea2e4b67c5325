/*
 * file_edit.h - replacing a small file as a whole: lock, read, write beside it, sync, rename, sync.
 *
 *     struct file_edit edit;
 *     enum studio_err err = file_edit_open(&edit, path, max, error);
 *     if (err == STUDIO_OK)
 *         err = file_edit_replace(&edit, text, len, error);
 *     file_edit_close(&edit);
 */
#ifndef AGENT_AUTH_FILE_EDIT_H
#define AGENT_AUTH_FILE_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "studio/error.h"

#define FILE_EDIT_GROUP ((gid_t)-1)

struct file_edit {
    char *path;  /* links resolved */
    char *dir;   /* the directory it is in */
    int dir_fd;  /* carries the lock; -1 when not open */
    bool exists; /* there is a file already */
    char *text;  /* its bytes, NUL-terminated; empty if there is none */
    size_t len;
    struct stat about; /* of the file, if it exists */
    mode_t mode;       /* what it is to get; 0: see file_edit_replace */
    gid_t group;       /* FILE_EDIT_GROUP: likewise; heeded for root alone */
};

/* Waits for another editor, reads the file if there is one; makes its directory (0700) if only that
 * is missing. Call file_edit_close in either case. Errors: USAGE, IO, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err file_edit_open(struct file_edit *edit, const char *path, size_t max,
                                               struct studio_error *error);

/*
 * Puts `text` in the file's place, durable on return, with `mode` and `group` where they are set, else with its mode and
 * owner; a new one gets mode 0600 and, made by root, the owner of its directory; the group with which root shares the
 * directory may read it. Errors: IO, NO_MEMORY; the file is as before.
 */
STUDIO_MUST_USE enum studio_err file_edit_replace(struct file_edit *edit, const char *text,
                                                  size_t len, struct studio_error *error);

void file_edit_close(struct file_edit *edit);

/* All of it, for a text that takes nothing from the one before. Errors: as of both. */
STUDIO_MUST_USE enum studio_err file_edit_put(const char *path, const char *text, size_t len,
                                              mode_t mode, gid_t group, struct studio_error *error);

#endif
