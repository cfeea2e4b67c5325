#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

/* --- files ----------------------------------------------------------------------------------- */

/* Can everybody pass all directories on the way? */
static bool way_is_open(const char *file)
{
    char path[PATH_MAX];
    struct stat about;

    if (!realpath(file, path))
        return true;
    for (char *slash; (slash = strrchr(path, '/')) != NULL && slash > path;) {
        *slash = '\0';
        if (stat(path, &about) == 0 && !(about.st_mode & S_IXOTH))
            return false;
    }
    return true;
}

static bool read_as_others(const struct stat *about)
{
    return geteuid() != 0 && about->st_uid != geteuid() &&
           !(about->st_mode & S_IRGRP && group_member(about->st_gid));
}

enum secret_reach secret_reach(const char *file, const struct stat *about)
{
    struct statvfs system;

    if (!(about->st_mode & S_IROTH) || !way_is_open(file))
        return SECRET_CLOSED;
    if (read_as_others(about) || (statvfs(file, &system) == 0 && system.f_flag & ST_RDONLY))
        return SECRET_FORCED;
    return SECRET_OPEN;
}

enum studio_err secret_check(const char *option, const char *file, struct studio_error *error)
{
    struct stat about;

    if (access(file, R_OK) != 0 || stat(file, &about) != 0)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": cannot read %s %s: %s", option, file,
                                strerror(errno));
    switch (secret_reach(file, &about)) {
    case SECRET_OPEN:
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %s: everybody on this machine can read %s; run: chmod o-r '%s'",
                                option, file, file);
    case SECRET_FORCED:
        log_warn("secret",
                 "%s: everybody who gets to this machine's files can read %s, and it "
                 "cannot be changed from here",
                 option, file);
        return STUDIO_OK;
    case SECRET_CLOSED:
        break;
    }
    return STUDIO_OK;
}

/* --- memory ---------------------------------------------------------------------------------- */

/* In front of each piece, which has pages of its own: there are few. */
union head {
    size_t size; /* of all */
    max_align_t align;
};

void *secret_alloc(size_t size)
{
    const size_t all = sizeof(union head) + size;
    union head *head;

    if (all < size)
        return NULL;
    head = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (head == MAP_FAILED)
        return NULL;
    (void)madvise(head, all, MADV_DONTDUMP); /* a kernel without it dumps */
    head->size = all;
    return head + 1;
}

char *secret_dup(const char *text, size_t len)
{
    char *copy = secret_alloc(len + 1);

    if (copy)
        memcpy(copy, text, len);
    return copy;
}

void secret_free(void *memory)
{
    union head *head = memory;

    if (!head)
        return;
    head--;
    const size_t all = head->size;

    explicit_bzero(head, all);
    munmap(head, all);
}

void secret_empty_cores(void)
{
    static const char headers_only[] = "0x10"; /* of program and libraries: which build it was */
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

    if (fd < 0) /* a kernel that writes no core files */
        return;
    if (write(fd, headers_only, sizeof(headers_only) - 1) < 0)
        log_warn("secret", "core files cannot be kept free of secrets: %s", strerror(errno));
    close(fd);
}

void secret_clear(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
}
