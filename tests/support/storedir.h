/*
 * storedir.h - a data folder as files: the commands for its store, and whether a byte has changed.
 */
#ifndef TESTS_SUPPORT_STOREDIR_H
#define TESTS_SUPPORT_STOREDIR_H

#include <stdbool.h>
#include <stddef.h>

/* Runs `studio-agent store <action> --data <data>` to its end with `in` (NULL: nothing) on standard
 * input, and returns its exit code; *out and *err (may be NULL) are free()d. */
int storedir_command(const char *action, const char *data, const char *in, char **out, char **err);
/* The same, failing the test unless it ends with this code and says `words` on either stream. */
void storedir_expect(const char *action, const char *data, int code, const char *words);

/* Tries to start an agent there and fails the test unless it ends with 4 and says each of `words`
 * (ends with NULL), what to do among them. */
void storedir_expect_no_start(const char *data, const char *const *words);

/* The bytes of studio.db and of its log; a missing log is an empty one. */
struct storedir_files {
    char *db, *wal;
    size_t db_len, wal_len;
};
struct storedir_files storedir_read(const char *data);
/* Of an agent that runs: as they are at one moment. */
struct storedir_files storedir_read_live(const char *data);
void storedir_finish(struct storedir_files *files);
/* Writes them into an empty folder. */
void storedir_write(const char *data, const struct storedir_files *files);
/* Fails the test unless they are byte for byte the same there. */
void storedir_expect_unchanged(const char *data, const struct storedir_files *files);

#endif
