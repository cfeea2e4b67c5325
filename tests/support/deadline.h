/*
 * deadline.h - waiting with an end: every wait of the tests has a deadline and none sleeps for
 * luck.
 *
 * The default is generous on purpose: it decides only how soon a failure is seen, never whether a
 * test passes, also on a busy machine and under a sanitizer.
 */
#ifndef TESTS_SUPPORT_DEADLINE_H
#define TESTS_SUPPORT_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { WAIT_MS = 30000 };

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);

/* The milliseconds left until `deadline` (a now_ms value), never negative; fits poll(). */
int deadline_left(int64_t deadline);

/* A condition variable that waits by the monotonic clock. */
void deadline_cond_init(pthread_cond_t *cond);

/* Waits for the condition; false when the deadline has passed. */
bool deadline_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline);

/* Fails the running test with a formatted reason; outside a test ends the program with code 1. */
_Noreturn void test_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Memory that is there or the test fails; printf into memory to be free()d. */
void *test_alloc(size_t size);
char *test_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
