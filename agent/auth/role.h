/* role.h - what a user may be (protocol section 6). */
#ifndef AGENT_AUTH_ROLE_H
#define AGENT_AUTH_ROLE_H

#include <stdbool.h>

enum role { ROLE_DEVICE, ROLE_VIEWER, ROLE_OPERATOR };

/* The name in the tokens file, and back; false: no such role. */
const char *role_name(enum role role);
bool role_parse(const char *name, enum role *role);

/* What a line of the tokens file gives to the users it is for. */
struct grant {
    enum role role;
    const char *pattern; /* of their ids; lives as long as the tokens */
    unsigned tables;     /* they make no more when there are as many that they could have made */
};

#endif
