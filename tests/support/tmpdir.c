/* tmpdir.c - temporary directories: made, remembered, removed at exit. */
#include "support/tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/deadline.h"

/* Every path ever handed out, so that it lives until the end. */
struct kept {
    struct kept *next;
    pid_t owner; /* a forked child must not remove its parent's directory */
    bool remove;
    char path[];
};
static struct kept *kept_paths;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

void tmpdir_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_all(void)
{
    while (kept_paths) {
        struct kept *k = kept_paths;
        kept_paths = k->next;
        if (k->remove && k->owner == getpid())
            tmpdir_remove(k->path);
        free(k);
    }
}

static struct kept *keep(const char *first, const char *second)
{
    size_t len = strlen(first) + strlen(second) + 2;
    struct kept *k = test_alloc(sizeof *k + len);
    snprintf(k->path, len, "%s/%s", first, second);
    k->owner = getpid();
    if (!kept_paths)
        atexit(remove_all);
    k->next = kept_paths;
    kept_paths = k;
    return k;
}

const char *tmpdir_create(void)
{
    const char *base = getenv("TMPDIR");
    struct kept *k = keep(base && *base ? base : "/tmp", "studio-test-XXXXXX");
    if (!mkdtemp(k->path))
        test_fail("mkdtemp %s: %s", k->path, strerror(errno));
    k->remove = true;
    return k->path;
}

const char *tmpdir_path(const char *dir, const char *name)
{
    return keep(dir, name)->path;
}

const char *tmpdir_write(const char *dir, const char *name, mode_t mode, const char *text)
{
    const char *path = tmpdir_path(dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    size_t len = strlen(text);
    if (fd < 0 || fchmod(fd, mode) != 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
        test_fail("writing %s: %s", path, strerror(errno));
    return path;
}

char *tmpdir_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return NULL;
    char *text = NULL;
    size_t used = 0, cap = 0;
    for (;;) {
        if (cap - used < 4096) {
            cap = cap ? cap * 2 : 8192;
            char *bigger = realloc(text, cap);
            if (!bigger)
                test_fail("out of memory in the test");
            text = bigger;
        }
        size_t n = fread(text + used, 1, cap - used - 1, f);
        if (n == 0)
            break;
        used += n;
    }
    fclose(f);
    text[used] = '\0';
    if (len)
        *len = used;
    return text;
}
