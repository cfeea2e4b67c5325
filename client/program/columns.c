#include "columns.h"

#include <stdint.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* East Asian Wide and Fullwidth, and pictures, in broad ranges; what is unassigned between may be wide
 * as well: then a line ends a little early, which harms nobody. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23f3},
    {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},
    {0x26d4, 0x26d4},   {0x2705, 0x2705},   {0x274c, 0x274c},   {0x2753, 0x2757},
    {0x2795, 0x2797},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x17000, 0x18cff}, {0x1b000, 0x1b2ff},
    {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f19a}, {0x1f200, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* What stands over the letter before it, or is not seen. */
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd},   {0x064b, 0x065f}, {0x0900, 0x0902},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200f}, {0x2060, 0x2064},   {0x20d0, 0x20ff},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};

static int in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return 1;
    return 0;
}

#define IN(ranges, c) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

static size_t width_of(uint32_t c)
{
    return IN(combining, c) ? 0 : IN(wide, c) ? 2 : 1;
}

/* The character at `text`, which is UTF-8 and not at its end; *len are its bytes. */
static uint32_t decode(const char *text, size_t *len)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t c = s[0];

    *len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*len > 1)
        c &= 0x7fU >> *len;
    for (size_t i = 1; i < *len; i++) {
        if (s[i] == '\0') { /* cut short: not UTF-8 after all */
            *len = i;
            return '?';
        }
        c = c << 6 | (s[i] & 0x3fU);
    }
    return c;
}

size_t columns_cut(const char *text, size_t room, size_t *used)
{
    size_t at = 0;

    *used = 0;
    while (text[at] != '\0') {
        size_t len, width = width_of(decode(text + at, &len));
        if (*used + width > room)
            break;
        *used += width;
        at += len;
    }
    return at;
}
