/* digest.h - SHA-256 of a token or a payload. Any thread. */
#ifndef AGENT_AUTH_DIGEST_H
#define AGENT_AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_LEN = 32, DIGEST_HEX_LEN = 64 };

/* Has the library ready, before memory may be short: what it cannot get the first time it never gets in this process. Before
 * other threads. False: out of memory. */
bool digest_begin(void);

/* False: out of memory; then the digest is all zeros, which is that of nothing known. */
bool digest_make(const void *bytes, size_t len, unsigned char out[DIGEST_LEN]);

#endif
