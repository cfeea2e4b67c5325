/*
 * faults.c - a library for LD_PRELOAD: files, sockets, memory and the clock of the process fail as
 * a test orders through the mapped file of control.h. Without that file everything works as usual.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "support/preload/control.h"

/* glibc's own names: malloc cannot be looked up by dlsym, which calls calloc. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

enum {
    SPARED_MAX = 16,
    SLICE_MS = 50,           /* how soon a waiting thread notices that the clock was set */
    WALL_CLOCK_MIN = 1 << 30 /* seconds: a time beyond this is no monotonic one */
};

static struct fault_control *control; /* NULL: do nothing */
static struct range {
    uintptr_t from, to;
} spared[SPARED_MAX];
static size_t spared_count;

/* --- setting up ------------------------------------------------------------------------------ */

static bool is_spared(const char *library)
{
    char names[sizeof control->spared];
    char *rest = names, *name;

    memcpy(names, control->spared, sizeof names);
    while ((name = strsep(&rest, " ")))
        if (*name && strstr(library, name))
            return true;
    return false;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    if (!is_spared(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && part->p_flags & PF_X && spared_count < SPARED_MAX) {
            uintptr_t from = (uintptr_t)(info->dlpi_addr + part->p_vaddr);
            spared[spared_count++] = (struct range){from, from + part->p_memsz};
        }
    }
    return 0;
}

__attribute__((constructor)) static void prepare(void)
{
    const char *path = getenv(FAULTS_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page = MAP_FAILED;

    if (fd >= 0) {
        page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (page == MAP_FAILED)
        return;
    control = page;
    dl_iterate_phdr(note_library, NULL);
}

/* The function this library stands before. */
static void *next_function(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Declares `next`, the real function of the same type as the one being defined. */
#define NEXT(name)                                                                                 \
    static __typeof__(name) *_Atomic next_##name;                                                  \
    __typeof__(name) *next = next_##name;                                                          \
    if (!next) {                                                                                   \
        *(void **)&next = next_function(#name);                                                    \
        next_##name = next;                                                                        \
    }

/* --- orders ---------------------------------------------------------------------------------- */

/* Counts a call; true if it is one that fails, with errno set. */
static bool fails(enum fault_op op)
{
    struct fault_rule *rule = &control->rules[op];
    int error = atomic_load(&rule->error);
    if (error == 0)
        return false;
    unsigned long long call = atomic_fetch_add(&rule->calls, 1) + 1;
    unsigned long long from = atomic_load(&rule->from), count = atomic_load(&rule->count);
    if (call < from || (count > 0 && call - from >= count))
        return false;
    atomic_fetch_add(&rule->failed, 1);
    errno = error;
    return true;
}

static void hold_back(enum fault_op op)
{
    unsigned ms = atomic_load(&control->rules[op].delay_ms);
    if (ms == 0)
        return;
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
    atomic_fetch_add(&control->delayed, 1);
}

static bool below_data(int fd)
{
    char link[32], path[PATH_MAX];
    size_t len = strlen(control->data);

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n > (ssize_t)len && memcmp(path, control->data, len) == 0 && path[len] == '/';
}

/* A call on an open file; true if it fails. */
static bool file_fails(enum fault_op op, int fd)
{
    int saved = errno;
    if (!control ||
        (!atomic_load(&control->rules[op].error) && !atomic_load(&control->rules[op].delay_ms)))
        return false;
    bool ours = below_data(fd);
    if (ours)
        hold_back(op);
    errno = saved;
    return ours && fails(op);
}

static bool call_fails(enum fault_op op)
{
    return control && fails(op);
}

/* --- files ----------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *bytes, size_t n)
{
    NEXT(write)
    return file_fails(FAULT_WRITE, fd) ? -1 : next(fd, bytes, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    NEXT(pwrite)
    return file_fails(FAULT_WRITE, fd) ? -1 : next(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    NEXT(pwrite64)
    return file_fails(FAULT_WRITE, fd) ? -1 : next(fd, bytes, n, at);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
    NEXT(fallocate)
    return file_fails(FAULT_WRITE, fd) ? -1 : next(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
    NEXT(posix_fallocate)
    return file_fails(FAULT_WRITE, fd) ? errno : next(fd, at, n);
}

int fsync(int fd)
{
    NEXT(fsync)
    return file_fails(FAULT_SYNC, fd) ? -1 : next(fd);
}

int fdatasync(int fd)
{
    NEXT(fdatasync)
    return file_fails(FAULT_SYNC, fd) ? -1 : next(fd);
}

int ftruncate(int fd, off_t n)
{
    NEXT(ftruncate)
    return file_fails(FAULT_TRUNCATE, fd) ? -1 : next(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
    NEXT(ftruncate64)
    return file_fails(FAULT_TRUNCATE, fd) ? -1 : next(fd, n);
}

/* The mode is there only when a file may be made. */
#define OPEN_MODE(flags, mode)                                                                     \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                       \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode = va_arg(args, mode_t);                                                               \
        va_end(args);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    NEXT(open)
    mode_t mode = 0;
    OPEN_MODE(flags, mode)
    return call_fails(FAULT_OPEN) ? -1 : next(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    NEXT(open64)
    mode_t mode = 0;
    OPEN_MODE(flags, mode)
    return call_fails(FAULT_OPEN) ? -1 : next(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    NEXT(openat)
    mode_t mode = 0;
    OPEN_MODE(flags, mode)
    return call_fails(FAULT_OPEN) ? -1 : next(dir, path, flags, mode);
}

/* --- sockets --------------------------------------------------------------------------------- */

int socket(int domain, int type, int protocol)
{
    NEXT(socket)
    return call_fails(FAULT_SOCKET) ? -1 : next(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
    NEXT(socketpair)
    return call_fails(FAULT_SOCKET) ? -1 : next(domain, type, protocol, pair);
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict len)
{
    NEXT(accept)
    return call_fails(FAULT_SOCKET) ? -1 : next(fd, address, len);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
    NEXT(accept4)
    return call_fails(FAULT_SOCKET) ? -1 : next(fd, address, len, flags);
}

/* --- memory ---------------------------------------------------------------------------------- */

static bool memory_fails(const void *caller)
{
    if (!control || !atomic_load(&control->rules[FAULT_MEMORY].error))
        return false;
    for (size_t i = 0; i < spared_count; i++)
        if ((uintptr_t)caller >= spared[i].from && (uintptr_t)caller < spared[i].to)
            return false;
    return fails(FAULT_MEMORY);
}

#define MEMORY_FAILS() memory_fails(__builtin_return_address(0))

void *malloc(size_t size)
{
    return MEMORY_FAILS() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return MEMORY_FAILS() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return MEMORY_FAILS() ? NULL : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    return MEMORY_FAILS() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return MEMORY_FAILS() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (MEMORY_FAILS())
        return ENOMEM;
    void *got = __libc_memalign(alignment, size);
    if (!got)
        return ENOMEM;
    *memory = got;
    return 0;
}

/* --- the wall clock -------------------------------------------------------------------------- */

static long long offset_ms(void)
{
    return control ? atomic_load(&control->clock_ms) : 0;
}

static void shift(struct timespec *ts, long long ms)
{
    long long ns = ts->tv_nsec + ms % 1000 * 1000000;
    ts->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
    ts->tv_nsec = (long)((ns + 1000000000) % 1000000000);
}

static void shift_if_wall(clockid_t clock, struct timespec *ts)
{
    long long ms = offset_ms();
    if (ms == 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return;
    shift(ts, ms);
    atomic_fetch_add(&control->clock_reads, 1);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    NEXT(clock_gettime)
    int rc = next(clock, ts);
    if (rc == 0)
        shift_if_wall(clock, ts);
    return rc;
}

/* libev reads the clock this way. */
long syscall(long number, ...)
{
    NEXT(syscall)
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    long rc = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (number == SYS_clock_gettime && rc == 0)
        shift_if_wall((clockid_t)a[0], (struct timespec *)a[1]);
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    *tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

typedef int timed_wait(pthread_cond_t *restrict, pthread_mutex_t *restrict,
                       const struct timespec *restrict);

/* dlsym would find the oldest version, which works on other condition variables. */
static timed_wait *real_timed_wait(void)
{
    static timed_wait *_Atomic known;
    static const char *const versions[] = {"GLIBC_2.3.2", "GLIBC_2.17"};
    timed_wait *found = known;
    for (size_t i = 0; !found && i < sizeof versions / sizeof *versions; i++)
        *(void **)&found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", versions[i]);
    if (!found)
        *(void **)&found = next_function("pthread_cond_timedwait");
    known = found;
    return found;
}

static bool before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* The real time at which to look at the clock again. */
static struct timespec look_again(void)
{
    NEXT(clock_gettime)
    struct timespec real;
    next(CLOCK_REALTIME, &real);
    shift(&real, SLICE_MS);
    return real;
}

/* A wait until a wall time ends when the wall clock, as it is then, says so: also after a step. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    timed_wait *next = real_timed_wait();
    int rc = ETIMEDOUT;

    if (!control || until->tv_sec < WALL_CLOCK_MIN)
        return next(cond, mutex, until);
    while (rc == ETIMEDOUT) {
        struct timespec now, slice = look_again();
        clock_gettime(CLOCK_REALTIME, &now);
        if (!before(&now, until))
            break;
        rc = next(cond, mutex, &slice);
    }
    return rc;
}
