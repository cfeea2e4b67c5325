/* piece.h - texts for one connection, each as a frame (RFC 6455 5.2), gathered to be sent together. Knows
 * no library and no socket. */
#ifndef AGENT_NET_PIECE_H
#define AGENT_NET_PIECE_H

#include <stdbool.h>

#include "model/snapshot.h"

enum { PIECE_MAX = 4096 };

/* `len` is to be 0 at first; the bytes need no value: most pieces are short. */
struct piece {
    size_t len;
    char bytes[SNAPSHOT_HEADROOM + PIECE_MAX]; /* what is sent stands behind the headroom */
};

/* Appends a text as a frame: final, not masked. False: it does not fit, and nothing is changed. */
STUDIO_MUST_USE bool piece_add(struct piece *piece, const char *text, size_t len);

#endif
