/* replay.h - which events are to be sent once more (protocol section 4). */
#ifndef AGENT_MODEL_REPLAY_H
#define AGENT_MODEL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/status.h"

enum { STUDIO_EPOCH_MAX = 64 /* longer ones are cut: they are no store's */ };

struct studio_replay {
    bool by_table; /* table_id and from_rev; else from_seq and, if has_to, to_seq */
    uint64_t from_seq, to_seq;
    bool has_to;
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    uint64_t from_rev;
    char epoch[STUDIO_EPOCH_MAX + 1]; /* empty if none is given */
};

#endif
