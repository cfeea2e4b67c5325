/*
 * mounts.h - what only this program and its children see of the file system. Each returns false where
 * that may not be; to be called before there are threads.
 */
#ifndef TESTS_SUPPORT_MOUNTS_H
#define TESTS_SUPPORT_MOUNTS_H

#include <stdbool.h>

/* What is mounted from now on is this program's alone. */
bool mounts_own(void);
/* These lines are /etc/hosts. */
bool mounts_hosts(const char *lines);

#endif
