/* usage.h - what a process and all below it use. */
#ifndef TESTS_BENCH_MANY_USAGE_H
#define TESTS_BENCH_MANY_USAGE_H

#include <sys/types.h>

struct usage {
    long pss_kib; /* memory: what is shared by n processes counts 1/n */
    long cpu_ms;  /* so far; of those that live */
    unsigned processes;
};

struct usage usage_of(pid_t pid);

#endif
