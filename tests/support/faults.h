/*
 * faults.h - makes disk, sockets, memory and clock of a process under test fail on order, through
 * the library support/preload (see there); start the process with faults_env.
 *
 * Not under a sanitizer, which takes the same functions for itself: faults_create skips the test
 * program then (exit code 77).
 */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/preload/control.h"

struct faults;

/* False under a sanitizer. Where the library is to be there ($STUDIO_FAULTS is set) and is not, the
 * test fails. */
bool faults_available(void);

/* `data` (absolute): faults of files concern those below it. `spared` (may be NULL): names of
 * libraries, separated by blanks, whose requests for memory never fail. */
struct faults *faults_create(const char *data, const char *spared);
void faults_destroy(struct faults *faults);

/* For a process that is another user's. */
void faults_give(struct faults *faults, uid_t uid);

/* Environment for the process; ends with NULL, lives as long as `faults`. Orders outlive the
 * process and hold for the next one as well. */
const char *const *faults_env(const struct faults *faults);

/* From now on the calls `from` (1: the next one) to `from + count - 1` of this kind fail with this
 * errno; count 0: all from there on. Starts counting anew. */
void faults_fail(struct faults *faults, enum fault_op op, int error, uint64_t from, uint64_t count);
/* Each call takes so much longer. */
void faults_delay(struct faults *faults, enum fault_op op, unsigned ms);
/* This kind works again, without delay; the counts stay. */
void faults_clear(struct faults *faults, enum fault_op op);
/* Everything works, and the clock is right. */
void faults_clear_all(struct faults *faults);
/* Sets the wall clock off by so much. */
void faults_clock(struct faults *faults, int64_t offset_ms);

/* Calls since faults_fail, and those of them that failed. */
uint64_t faults_calls(const struct faults *faults, enum fault_op op);
uint64_t faults_failed(const struct faults *faults, enum fault_op op);
/* Calls that were delayed and have gone on; readings of a clock that was off. */
uint64_t faults_delayed(const struct faults *faults);
uint64_t faults_clock_reads(const struct faults *faults);

/* Waits until so many calls have failed since faults_fail; fails the test at the deadline. */
void faults_wait_failed(const struct faults *faults, enum fault_op op, uint64_t count);

#endif
