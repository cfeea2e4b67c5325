/*
 * buf.h - a growable byte buffer with a bound; all text the agent prints goes through one.
 *
 * Errors stick: after a failed allocation or the bound, every later append does nothing and
 * buf_ok() is false, so a printer checks once at its end. One thread at a time.
 */
#ifndef AGENT_BASE_BUF_H
#define AGENT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "studio/error.h"

struct buf {
    char *data;  /* NUL-terminated whenever not NULL */
    size_t len;  /* without the NUL */
    size_t cap;  /* allocated bytes */
    size_t max;  /* len never exceeds this */
    bool failed; /* out of memory or over max */
};

/* Starts empty on memory the caller owns; nothing is allocated before the first append. */
void buf_init(struct buf *b, size_t max);
/* Starts empty on `space` (size > 0 bytes, the NUL included), never leaves it and never allocates:
 * no buf_finish, no buf_take. */
void buf_init_fixed(struct buf *b, char *space, size_t size);
/* Frees the bytes; the buffer may be used again. Zeroed memory is fine. */
void buf_finish(struct buf *b);
/* Empties and clears the failure, keeps the memory. */
void buf_clear(struct buf *b);
/* Hands the bytes to the caller (free()); NULL if the buffer failed. The buffer is empty then. */
char *buf_take(struct buf *b);
bool buf_ok(const struct buf *b);

/* What buf_reserve does where there is no room yet. */
bool buf_grow(struct buf *b, size_t more);

/* These are here, since a document is some hundred of them: what is constant needs no call. */

/* Makes room for `more` bytes and the NUL. False, and failed for good, if that cannot be. */
static inline bool buf_reserve(struct buf *b, size_t more)
{
    return (!b->failed && more < b->cap - b->len) || buf_grow(b, more);
}

static inline void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

static inline void buf_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...) STUDIO_PRINTF(2, 3);
void buf_u64(struct buf *b, uint64_t n);

#endif
