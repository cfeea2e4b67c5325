/* message_private.h - what message.c and message_update.c share. */
#ifndef AGENT_PROTOCOL_MESSAGE_PRIVATE_H
#define AGENT_PROTOCOL_MESSAGE_PRIVATE_H

#include "protocol/message.h"
#include "protocol/tree.h"

/* One message being decoded. */
struct decoder {
    const struct studio_values *lists;
    struct json_facts facts; /* of the whole text */
    struct message *out;
    struct studio_error *error;
};

/* A flat update, or the data of a service_status envelope. */
enum update_place { UPDATE_FLAT, UPDATE_DATA };

/* Fills out->update and out->table_id from the keys of `object`. */
STUDIO_MUST_USE enum studio_err message_decode_update(struct decoder *d, const cJSON *object,
                                                      enum update_place place);

/* Sets `d->error` to the code with its text and `detail`; returns the code. */
STUDIO_MUST_USE enum studio_err message_refuse(struct decoder *d, enum studio_err code,
                                               const char *detail);

/* Checks a `request_id` met while walking `object`: its value, and that it is the first. The value
 * itself has been read before, so that every answer can carry it. */
STUDIO_MUST_USE enum studio_err message_check_request_id(struct decoder *d, const cJSON *object,
                                                         const cJSON *item);

/* Copies a valid table id. Errors: INVALID_VALUE (nothing set in `error`), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err message_copy_table_id(const cJSON *item, char **out);

#endif
