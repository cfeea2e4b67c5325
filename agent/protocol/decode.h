/*
 * decode.h - bytes from a client to a checked message (protocol section 3.2). Pure; any thread.
 *
 * Everything that can be decided without knowing the table, the role or the other updates is
 * decided here: JSON, names, values (those of `lists`), duplicates, sizes.
 */
#ifndef AGENT_PROTOCOL_DECODE_H
#define AGENT_PROTOCOL_DECODE_H

#include "protocol/message.h"

/*
 * Decodes one message. On an error `error` (never NULL) holds the text of section 3.3 and the
 * message holds at most the request_id, so that the answer can carry it, and what was refused. Call message_finish in
 * either case. Unterminated input is fine. Errors: the PEER ones of error.h, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err message_decode(const struct studio_values *lists, const char *text,
                                               size_t len, struct message *out,
                                               struct studio_error *error);

/* The same of what stands for itself as an exception: its data alone, or the envelope of one. An object with a
 * string `event` is an envelope. */
STUDIO_MUST_USE enum studio_err message_decode_exception(const struct studio_values *lists,
                                                         const char *text, size_t len,
                                                         struct message *out,
                                                         struct studio_error *error);

/*
 * Decodes the first message of a client that did not authenticate in its address: any object
 * becomes MESSAGE_AUTH with whatever of id, token, device, gameCode it has; anything else is
 * AUTH_MISSING.
 */
STUDIO_MUST_USE enum studio_err message_decode_auth(const char *text, size_t len,
                                                    struct message *out,
                                                    struct studio_error *error);

#endif
