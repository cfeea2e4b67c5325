/* decode_update.h - the keys and values of an update (protocol section 2). Pure; any thread. */
#ifndef AGENT_PROTOCOL_DECODE_UPDATE_H
#define AGENT_PROTOCOL_DECODE_UPDATE_H

#include "protocol/decoder.h"

/* A flat update, or the data of a service_status envelope. */
enum update_place { UPDATE_FLAT, UPDATE_DATA };

/* Fills out->update and out->table_id from the keys of `object`. */
STUDIO_MUST_USE enum studio_err decode_update(struct decoder *d, const cJSON *object,
                                              enum update_place place);

/*
 * Decodes one value as plain text for one field (topic `set/<client>/<FIELD>`, section 4): `up` for a
 * built-in field in any spelling, JSON text for a custom one. The result is a MESSAGE_UPDATE.
 */
STUDIO_MUST_USE enum studio_err message_decode_field(const struct studio_values *lists,
                                                     const char *field, const char *text,
                                                     size_t len, struct message *out,
                                                     struct studio_error *error);

#endif
