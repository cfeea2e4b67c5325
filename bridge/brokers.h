/*
 * brokers.h - the configured brokers, in order of preference, with their credentials.
 */
#ifndef BRIDGE_BROKERS_H
#define BRIDGE_BROKERS_H

#include "bridge_source.h"

enum { BROKERS_MAX = 16, BROKER_URI_MAX = 255 };

/* As whom we come. */
struct login {
    char *username;            /* NULL: none */
    char *password;            /* NULL: none; as read at the start; memory of base/secret.h */
    const char *password_file; /* NULL: none; the list's */
};

struct broker {
    char *name; /* as configured, for people */
    char *uri;  /* tcp:// or ssl:// */
    struct login login;
    struct login commands; /* of the connection for commands; without a user name: the same login */
    size_t number;         /* in the list */
};

struct brokers {
    struct broker list[BROKERS_MAX];
    size_t count;
    char *password_file, *command_password_file; /* NULL: none */
};
enum { BROKER_PASSWORD_MAX = 1024 };

/*
 * Takes the configuration apart: URIs by comma; user names one for all or one for each, by comma;
 * the password for all, or from a file with one line for all or one for each, taken as it stands, blanks
 * and all; the same for the login of the commands. Every file it names must be readable, those with a secret
 * not by everybody (base/secret.h). `error` (never NULL) says what is wrong. Errors: USAGE, NO_MEMORY. Call brokers_finish in either case.
 */
STUDIO_MUST_USE enum studio_err brokers_init(struct brokers *b, const struct bridge_config *config,
                                             struct studio_error *error);
void brokers_finish(struct brokers *b);
/* The login of the connection for commands, or of the others. */
const struct login *broker_login(const struct broker *b, bool commands);
/* Its password as it is now: the file is read again, since passwords are changed while the agent runs.
 * NULL: none. What is not readable any more is as it was at the start. */
const char *broker_password(const struct broker *b, const struct login *login,
                            char out[BROKER_PASSWORD_MAX]);

#endif
