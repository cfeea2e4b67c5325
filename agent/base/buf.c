#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 128 }; /* bytes of the first allocation */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_init_fixed(struct buf *b, char *space, size_t size)
{
    /* buf_grow() allocates only beyond cap, and the bound comes first. */
    *b = (struct buf){.data = space, .cap = size, .max = size - 1};
    space[0] = '\0';
}

void buf_finish(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

bool buf_grow(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more > b->max - b->len || more >= SIZE_MAX - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return true;

    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap - 1 > b->max)
        cap = b->max + 1;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

char *buf_take(struct buf *b)
{
    char *data = NULL;
    if (buf_reserve(b, 0)) {
        data = b->data;
        data[b->len] = '\0';
        b->data = NULL;
    }
    buf_finish(b);
    return data;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    if (!buf_reserve(b, 0))
        return;

    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
    va_end(args);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n >= b->cap - b->len) {
        b->data[b->len] = '\0';
        if (!buf_reserve(b, (size_t)n))
            return;
        va_start(args, fmt);
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    if (!b->failed)
        b->len += (size_t)n;
    b->data[b->len] = '\0';
}

void buf_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_add(b, digits + at, sizeof(digits) - at);
}
