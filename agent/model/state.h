/*
 * state.h - one table's status as a value: copy, apply an update, nothing else.
 *
 * Pure: no clock, no I/O, no log. A state belongs to its holder; one thread at a time.
 */
#ifndef AGENT_MODEL_STATE_H
#define AGENT_MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "studio/status.h"

struct custom_field {
    char *name;
    char *json; /* the value as printed JSON */
};

struct table_state {
    const struct studio_values *lists; /* of the agent; outlive the state */
    uint64_t rev;                      /* accepted updates since the table was first seen; UPTIME */
    uint64_t cleared_rev; /* of the last one that removed a custom field; 0: none since the start */
    int64_t stamp_s;      /* seconds since 1970 UTC of the last accepted update or the creation */
    unsigned char values[STUDIO_FIELDS_MAX]; /* index into the kind's list */
    size_t custom_count;
    struct custom_field *custom; /* in the order they were first set; NULL when none */
};

/* One value an update sets. */
struct field_set {
    const struct studio_field *field; /* NULL: a custom field */
    unsigned char value;              /* of a built-in field */
    char *name;                       /* of a custom field, owned */
    char *json;                       /* of a custom field, owned; NULL removes it */
};

/* All an update sets, in the order of the message; each field at most once. */
struct update {
    struct field_set *sets;
    size_t count;
};

/* The state of a new table: rev 0, first values. */
void state_init(struct table_state *state, const struct studio_values *lists, int64_t stamp_s);
void state_finish(struct table_state *state);
/* Deep copy into uninitialised memory. Errors: NO_MEMORY (then *to needs no finish). */
STUDIO_MUST_USE enum studio_err state_copy(struct table_state *to, const struct table_state *from);

/*
 * Applies `update` to `state`: rev + 1, stamp, values. Appends to `changes` the JSON object of what
 * changed, `{"SDP":["standby","up"]}`; a removed custom field is `[old,null]`, a new one
 * `[null,value]`; empty `{}` when everything was set already (section 4).
 * On an error the state is as before. Errors: TOO_MANY_FIELDS, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err state_apply(struct table_state *state, const struct update *update,
                                            int64_t stamp_s, struct buf *changes);

/* Appends the `changes` of a new table: each of the nine settable fields as `[null,value]`. */
void state_first_changes(const struct table_state *state, struct buf *changes);

/* The text of a built-in field's value: "standby", "true". */
const char *state_value(const struct table_state *state, size_t id);

void update_finish(struct update *update);

#endif
