/*
 * link_heap.c - in the process of an MQTT connection: the library's heap. Debian builds the library
 * with a debugging heap and a trace of every call, which are more than half of what a message costs;
 * the linker puts these functions in their place (CMakeLists.txt). Kept is what the library needs
 * them for: blocks are zeroed, and one freed twice is refused (it does that to a message whose write
 * failed). New: without memory the process ends, for the library would drop a message and go on
 * with those behind it.
 */
#include "link_heap.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link_process.h"

/* The blocks there are: a hash table with open addresses, at most half full. */
static struct {
    pthread_mutex_t lock;
    void **slots;
    size_t size; /* a power of two */
    size_t count;
} live = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void want_of_memory(void)
{
    _exit(LINK_EXIT_MEMORY);
}

static size_t home(const void *block)
{
    return (size_t)(((uint64_t)(uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 20) &
           (live.size - 1);
}

/* Where the block is, or the free slot where it would be. */
static size_t find(const void *block)
{
    size_t i = home(block);

    while (live.slots[i] && live.slots[i] != block)
        i = (i + 1) & (live.size - 1);
    return i;
}

static void grow(void)
{
    void **old = live.slots;
    size_t old_size = live.size;

    live.size = old_size ? 2 * old_size : 1024;
    live.slots = calloc(live.size, sizeof(*live.slots));
    if (!live.slots)
        want_of_memory();
    for (size_t i = 0; i < old_size; i++)
        if (old[i])
            live.slots[find(old[i])] = old[i];
    free(old);
}

static void note(void *block)
{
    if (2 * (live.count + 1) > live.size)
        grow();
    live.slots[find(block)] = block;
    live.count++;
}

/* False: there is no such block. */
static bool forget(void *block)
{
    size_t gap, i;

    if (live.count == 0 || !live.slots[gap = find(block)])
        return false;
    live.slots[gap] = NULL;
    live.count--;
    for (i = (gap + 1) & (live.size - 1); live.slots[i]; i = (i + 1) & (live.size - 1)) {
        void *next = live.slots[i];

        live.slots[i] = NULL; /* nearer to its home, if the gap is between */
        live.slots[find(next)] = next;
    }
    return true;
}

void *__wrap_mymalloc(char *file, int line, size_t size)
{
    void *block = calloc(1, size ? size : 1);

    (void)file;
    (void)line;
    if (!block)
        want_of_memory();
    pthread_mutex_lock(&live.lock);
    note(block);
    pthread_mutex_unlock(&live.lock);
    return block;
}

void *__wrap_myrealloc(char *file, int line, void *old, size_t size)
{
    void *block = NULL;

    (void)file;
    (void)line;
    pthread_mutex_lock(&live.lock);
    if (!old || forget(old)) {
        block = realloc(old, size ? size : 1);
        if (!block)
            want_of_memory();
        note(block);
    }
    pthread_mutex_unlock(&live.lock);
    return block;
}

void __wrap_myfree(char *file, int line, void *block)
{
    bool ours;

    (void)file;
    (void)line;
    if (!block)
        return;
    pthread_mutex_lock(&live.lock);
    ours = forget(block);
    pthread_mutex_unlock(&live.lock);
    if (ours)
        free(block);
}

void __wrap_StackTrace_entry(const char *name, int line, int level)
{
    (void)name;
    (void)line;
    (void)level;
}

void __wrap_StackTrace_exit(const char *name, int line, void *value, int level)
{
    (void)name;
    (void)line;
    (void)value;
    (void)level;
}
