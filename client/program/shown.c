#include "shown.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* The bytes of the character at `text`; 0 if it is not UTF-8. */
static size_t character(const char *text, size_t left)
{
    for (size_t len = 1; len <= 4 && len <= left; len++)
        if (text_utf8_valid(text, len))
            return len;
    return 0;
}

/* U+2028 to U+202E and U+2066 to U+2069: ends of lines and the direction of writing. */
static bool is_direction(const unsigned char *c, size_t len)
{
    return len == 3 && c[0] == 0xe2 &&
           ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
            (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

void shown_line(char *text, bool terminal)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t len = character(text, left);
        if (text[0] == '\n' || text[0] == '\r' || text[0] == '\t')
            text[0] = ' ';
        else if (terminal && (len == 0 || text_has_control(text, len) ||
                              is_direction((const unsigned char *)text, len)))
            memset(text, '?', len > 0 ? len : 1);
        len = len > 0 ? len : 1;
        text += len;
        left -= len;
    }
}

void shown_puts(char *text)
{
    shown_line(text, isatty(STDOUT_FILENO) != 0);
    puts(text);
}
