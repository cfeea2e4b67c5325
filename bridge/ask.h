/*
 * ask.h - reads the payload of a replay request (protocol section 4). Pure; any thread.
 *
 * The bridge has no JSON library; this reads one flat object strictly enough for its five members and
 * skips the values of unknown ones.
 */
#ifndef BRIDGE_ASK_H
#define BRIDGE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/status.h"

enum { ASK_EPOCH_MAX = 64, ASK_MAX_BYTES = STUDIO_MESSAGE_MAX };

struct ask {
    bool by_table; /* table_id and from_rev; else from_seq and, if has_to, to_seq */
    uint64_t from_seq, to_seq;
    bool has_to;
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    uint64_t from_rev;
    char epoch[ASK_EPOCH_MAX + 1]; /* empty if none given */
};

/* NULL when it is a request; else the error text to answer. */
const char *ask_read(const char *text, size_t len, struct ask *out);

#endif
