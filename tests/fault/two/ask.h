/* ask.h - one HTTP GET that may get no answer: of a host that is cut off, stopped, dead. */
#ifndef TESTS_FAULT_TWO_ASK_H
#define TESTS_FAULT_TWO_ASK_H

#include <stddef.h>
#include <stdint.h>

/* The status, 0: none within this time. The beginning of the body is in `body` (may be NULL). */
int ask_http(const char *address, uint16_t port, const char *path, unsigned timeout_ms, char *body,
             size_t size);

#endif
