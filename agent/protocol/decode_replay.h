/* decode_replay.h - a request for replay (topic `replay/<client>`, protocol section 4). Pure; any thread. */
#ifndef AGENT_PROTOCOL_DECODE_REPLAY_H
#define AGENT_PROTOCOL_DECODE_REPLAY_H

#include "model/replay.h"
#include "protocol/message.h"
#include "studio/error.h"

/*
 * `out` holds at most the request_id, for the answer; call message_finish in either case. On an error
 * `error` (never NULL) holds its text. Errors: TOO_LARGE, INVALID_JSON, INVALID_DATA, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err message_decode_replay(const char *text, size_t len,
                                                      struct studio_replay *replay,
                                                      struct message *out,
                                                      struct studio_error *error);

#endif
