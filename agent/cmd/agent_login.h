/* agent_login.h - the agent's own login at a broker that `setup` makes: a password that nobody has to know, of which the
 * broker has the hash and the agent a file. */
#ifndef AGENT_CMD_AGENT_LOGIN_H
#define AGENT_CMD_AGENT_LOGIN_H

#include <sys/types.h>

#include "studio/error.h"

#define AGENT_LOGIN "agent"

struct agent_login {
    const char *password_file;
    const char *broker_dir; /* of the broker's users, see user_files.h */
    const char *topic_root;
    gid_t group; /* of who may read the password, see file_edit.h */
};

/* A password that is there serves: of a setup that was interrupted, or of who chose it; that is told. Errors: USAGE, IO,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err agent_login_make(const struct agent_login *login,
                                                 struct studio_error *error);

#endif
