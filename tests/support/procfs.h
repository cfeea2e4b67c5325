/* procfs.h - what a process under test uses, as the kernel counts it. */
#ifndef TESTS_SUPPORT_PROCFS_H
#define TESTS_SUPPORT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A figure of /proc/PID/status in KiB: VmRSS now, VmHWM the highest ever. */
long procfs_kib(pid_t pid, const char *name);
/* Entries of a folder of /proc/PID: `fd`, `task`. */
size_t procfs_count(pid_t pid, const char *folder);
/* The child of `parent` (0: of anyone) whose command line begins so; 0: there is none. */
pid_t procfs_child(pid_t parent, const char *name);
bool procfs_is_child(pid_t parent, pid_t pid);

#endif
