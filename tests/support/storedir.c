/* storedir.c - running the store's commands, reading and comparing its files. */
#include "support/storedir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

#define DB "studio.db"

int storedir_command(const char *action, const char *data, const char *in, char **out, char **err)
{
    const char *argv[] = {studio_program("studio-agent"), "store", action, "--data", data, NULL};
    return proc_run_on(argv, NULL, in, out, err);
}

void storedir_expect(const char *action, const char *data, int code, const char *words)
{
    char *out, *err;
    int got = storedir_command(action, data, NULL, &out, &err);
    if (got != code || (!strstr(out, words) && !strstr(err, words)))
        test_fail("store %s: exit %d, expected %d and '%s' in: %s%s", action, got, code, words, out,
                  err);
    free(out);
    free(err);
}

void storedir_expect_no_start(const char *data, const char *const *words)
{
    const char *argv[] = {
        studio_program("studio-agent"), "--listen", "localhost:0", "--data", data, "--tokens",
        tokens_write_default(data),     NULL};
    char *out, *err;
    int code = proc_run(argv, NULL, &out, &err);
    if (code != 4 || *out)
        test_fail("a start ended with %d, not with 4: %s%s", code, out, err);
    for (; *words; words++)
        if (!strstr(err, *words))
            test_fail("'%s' is not in: %s", *words, err);
    free(out);
    free(err);
}

/* --- the files -------------------------------------------------------------------------------- */

struct storedir_files storedir_read(const char *data)
{
    struct storedir_files f = {0};
    f.db = tmpdir_read(tmpdir_path(data, DB), &f.db_len);
    f.wal = tmpdir_read(tmpdir_path(data, DB "-wal"), &f.wal_len);
    if (!f.wal)
        f.wal_len = 0;
    return f;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* Nothing moved from the log into the database while two passes read the same. */
struct storedir_files storedir_read_live(const char *data)
{
    struct storedir_files f = storedir_read(data), again = storedir_read(data);
    while (!same(f.db, f.db_len, again.db, again.db_len) ||
           !same(f.wal, f.wal_len, again.wal, again.wal_len)) {
        storedir_finish(&f);
        f = again;
        again = storedir_read(data);
    }
    storedir_finish(&again);
    return f;
}

void storedir_finish(struct storedir_files *f)
{
    free(f->db);
    free(f->wal);
}

static void put(const char *data, const char *name, const char *bytes, size_t len)
{
    int fd = open(tmpdir_path(data, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        test_fail("cannot write %s/%s", data, name);
    close(fd);
}

void storedir_write(const char *data, const struct storedir_files *f)
{
    put(data, DB, f->db, f->db_len);
    if (f->wal_len > 0)
        put(data, DB "-wal", f->wal, f->wal_len);
}

static void expect_same(const char *name, const char *now, size_t now_len, const char *before,
                        size_t len)
{
    if (!same(now, now_len, before, len))
        test_fail("%s was changed: it had %zu bytes and has %zu", name, len, now_len);
}

void storedir_expect_unchanged(const char *data, const struct storedir_files *f)
{
    struct storedir_files now = storedir_read(data);
    expect_same(DB, now.db, now.db_len, f->db, f->db_len);
    expect_same(DB "-wal", now.wal, now.wal_len, f->wal, f->wal_len);
    storedir_finish(&now);
}
