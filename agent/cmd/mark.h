/* mark.h - the first line of files that `setup` makes: what has it `setup` may replace, anything else is somebody's. */
#ifndef AGENT_CMD_MARK_H
#define AGENT_CMD_MARK_H

#include "studio/error.h"

#define MARK "# Made by `studio-agent setup`."

/* May this file be made? `else_do` says what to do if it is there and somebody's. Errors: USAGE. */
STUDIO_MUST_USE enum studio_err mark_check(const char *path, const char *else_do,
                                           struct studio_error *error);

#endif
