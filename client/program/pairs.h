/* pairs.h - the fields of an update as people write them: `sdp=up`, or `sdp up`. Pure. */
#ifndef CLIENT_PROGRAM_PAIRS_H
#define CLIENT_PROGRAM_PAIRS_H

#include <stddef.h>

#include "studio/client.h"
#include "studio/error.h"
#include "studio/status.h"

enum { PAIRS_MAX = STUDIO_FIELDS_MAX + STUDIO_CUSTOM_FIELDS_MAX + 1 };

struct pairs {
    struct studio_client_field fields[PAIRS_MAX]; /* point into the rest */
    char *names[PAIRS_MAX], *values[PAIRS_MAX];   /* owned */
    size_t count;
};

/* Reads KEY=VALUE words and, of built-in fields, pairs of words; checks names and values. Call
 * pairs_finish in either case. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err pairs_parse(const struct studio_values *lists,
                                            const char *const *words, size_t count,
                                            struct pairs *out, struct studio_error *error);
void pairs_finish(struct pairs *pairs);

/* Adds `table_id`, unless the pairs name a table themselves. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err pairs_add_table(struct pairs *pairs, const char *table_id,
                                                struct studio_error *error);

/* The first custom field to be set (not removed) that may have been meant for a built-in one, which
 * is *meant; NULL if there is none. */
const char *pairs_mistyped(const struct pairs *pairs, const struct studio_field **meant);

#endif
