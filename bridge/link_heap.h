/* link_heap.h - functions the linker puts in the place of the MQTT library's own (link_heap.c). */
#ifndef BRIDGE_LINK_HEAP_H
#define BRIDGE_LINK_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Never NULL: without memory the process ends with LINK_EXIT_MEMORY. Any thread. */
void *__wrap_mymalloc(char *file, int line, size_t size);
/* NULL: `old` is no block. */
void *__wrap_myrealloc(char *file, int line, void *old, size_t size);
/* NULL and what is no block (any more) are ignored. */
void __wrap_myfree(char *file, int line, void *block);

/* Nothing. */
void __wrap_StackTrace_entry(const char *name, int line, int level);
void __wrap_StackTrace_exit(const char *name, int line, void *value, int level);

#endif
