/*
 * corefile.h - what a core file of a running process would have, without one being written: its memory, less what the
 * kernel would leave out (core(5)). So it needs no core_pattern, and works in a container.
 */
#ifndef TESTS_SUPPORT_COREFILE_H
#define TESTS_SUPPORT_COREFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { COREFILE_USUAL = 0x33 /* the kernel's default for /proc/PID/coredump_filter */ };

/* That of the process. */
unsigned corefile_filter(pid_t pid);

/* Are these bytes in it? The process stands still meanwhile. Fails where its memory cannot be read. */
bool corefile_has(pid_t pid, unsigned filter, const void *bytes, size_t len);

#endif
