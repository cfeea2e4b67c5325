/* decoder.h - one message being decoded: what the decoders of envelopes and of updates share. */
#ifndef AGENT_PROTOCOL_DECODER_H
#define AGENT_PROTOCOL_DECODER_H

#include "protocol/message.h"
#include "protocol/tree.h"

/* One message being decoded. */
struct decoder {
    const struct studio_values *lists;
    struct json_facts facts; /* of the whole text */
    struct message *out;
    struct studio_error *error;
};

/* Sets `d->error` to the code with its text and `detail`; returns the code. */
STUDIO_MUST_USE enum studio_err decoder_refuse(struct decoder *d, enum studio_err code,
                                               const char *detail);

/* The first member with exactly this key; NULL if there is none. */
const cJSON *decoder_member(const cJSON *object, const char *key);

/* Copies a valid `request_id`. Before anything is judged, so that the answer carries it even if an
 * earlier key is wrong. Errors: NO_MEMORY. */
STUDIO_MUST_USE enum studio_err decoder_read_request_id(struct decoder *d, const cJSON *object);

/* Checks a `request_id` met while walking `object`: its value, and that it is the first. */
STUDIO_MUST_USE enum studio_err decoder_check_request_id(struct decoder *d, const cJSON *object,
                                                         const cJSON *item);

/* Copies a valid table id. Errors: INVALID_VALUE (nothing set in `error`), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err decoder_copy_table_id(const cJSON *item, char **out);

#endif
