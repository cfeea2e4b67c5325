/*
 * control.h - what a test and the faults in a process under test share: one page of a file that
 * both have mapped. The test writes the orders, the process counts.
 */
#ifndef TESTS_SUPPORT_PRELOAD_CONTROL_H
#define TESTS_SUPPORT_PRELOAD_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

/* The environment variable that names the file. */
#define FAULTS_VARIABLE "STUDIO_FAULTS_FILE"

/* The first three only on files below the data folder. */
enum fault_op {
    FAULT_WRITE,    /* write, pwrite, fallocate */
    FAULT_SYNC,     /* fsync, fdatasync */
    FAULT_TRUNCATE, /* ftruncate */
    FAULT_OPEN,     /* open, any file */
    FAULT_SOCKET,   /* socket, accept */
    FAULT_MEMORY,   /* malloc and its kin */
    FAULT_OPS
};

/* Fails the calls number `from` (1: the next) to `from + count - 1` counted since it was armed. */
struct fault_rule {
    atomic_int error;     /* errno of a failing call; 0: not armed */
    atomic_ullong from;   /* */
    atomic_ullong count;  /* 0: until cleared */
    atomic_uint delay_ms; /* before each call, armed or not */
    atomic_ullong calls;  /* counted while armed */
    atomic_ullong failed; /* of these */
};

struct fault_control {
    char data[512];            /* the data folder, absolute */
    char spared[256];          /* names of libraries whose FAULT_MEMORY never fails, by blanks */
    atomic_llong clock_ms;     /* added to the wall clock */
    atomic_ullong clock_reads; /* how often the shifted clock was read */
    atomic_ullong delayed;     /* calls held back by delay_ms that have gone on */
    struct fault_rule rules[FAULT_OPS];
};

#endif
