/*
 * oom.h - the n-th allocation fails, in the whole program or rather in the thread that armed it;
 * allocations are counted.
 *
 * It defines the allocator's functions in front of the system's or the sanitizer's, so one source of
 * a program includes it. ThreadSanitizer allows no such thing: OOM_POSSIBLE is 0 then.
 */
#ifndef TESTS_SUPPORT_OOM_H
#define TESTS_SUPPORT_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OOM_POSSIBLE 0
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define OOM_POSSIBLE 0
#endif
#ifndef OOM_POSSIBLE
#define OOM_POSSIBLE 1
#endif

static _Thread_local unsigned long oom_left; /* until the one that fails; 0: not armed */
static _Thread_local unsigned long oom_times;
static _Thread_local bool oom_hit;
static _Thread_local unsigned long oom_calls; /* allocations of this thread so far */

/* The n-th allocation from here on (1: the next) fails, and the `times` - 1 after it. */
static inline void oom_arm(unsigned long n, unsigned long times)
{
    oom_left = n;
    oom_times = times;
    oom_hit = false;
}

/* Allocations of this thread so far; 0 where they cannot be counted. */
static inline unsigned long oom_counted(void)
{
    return oom_calls;
}

/* No more; true if one failed. */
static inline bool oom_disarm(void)
{
    oom_left = 0;
    return oom_hit;
}

#if OOM_POSSIBLE
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));

static inline bool oom_now(void)
{
    oom_calls++;
    if (oom_left == 0 || --oom_left > 0)
        return false;
    oom_left = oom_times > 1 ? 1 : 0;
    oom_times -= oom_times > 0;
    return oom_hit = true;
}

void *malloc(size_t size)
{
    if (oom_now())
        return NULL;
    return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    if (oom_now())
        return NULL;
    return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    if (oom_now())
        return NULL;
    return __interceptor_realloc ? __interceptor_realloc(memory, size)
                                 : __libc_realloc(memory, size);
}

/* Not the library's: those of a sanitizer call its own allocator. */
char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}
#endif

#endif
