#include "net/piece.h"

#include <string.h>

enum { SHORT_MAX = 125 /* bytes of a text whose length is one byte of the head */ };

bool piece_add(struct piece *piece, const char *text, size_t len)
{
    char *at = piece->bytes + SNAPSHOT_HEADROOM + piece->len;
    size_t head = len <= SHORT_MAX ? 2 : 4;

    if (len > PIECE_MAX || head + len > PIECE_MAX - piece->len)
        return false;
    at[0] = (char)0x81;
    if (head == 2) {
        at[1] = (char)len;
    } else {
        at[1] = 126;
        at[2] = (char)(len >> 8);
        at[3] = (char)len;
    }
    memcpy(at + head, text, len);
    piece->len += head + len;
    return true;
}
