/*
 * user_files.h - the files of a Mosquitto on this machine that say who may come and what each may, as far as users of ours
 * are in them: DIR/passwd and DIR/acl. Each is replaced as a whole (file_edit.h); the broker takes them at its next reload.
 */
#ifndef AGENT_AUTH_USER_FILES_H
#define AGENT_AUTH_USER_FILES_H

#include <stdbool.h>

#include "auth/role.h"
#include "studio/error.h"

struct broker_login {
    const char *name, *password;
    enum role role; /* of others than the agent */
    bool agent;     /* it is the agent itself */
    bool chosen;    /* the password, by a person */
};

/* Adds the user, in place of the one who had the name. `root` is mqtt.topic_root. Errors: USAGE (the directory), IO,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err user_files_put(const char *dir, const struct broker_login *user,
                                               const char *root, struct studio_error *error);

/* Takes the user out of both; *removed: there was one. Files that are not there are not made. Errors: USAGE (also:
 * one that cannot be looked for), IO, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err user_files_remove(const char *dir, const char *name, bool *removed,
                                                  struct studio_error *error);

#endif
