/* issuer.h - certificates for this machine, of an authority of its own: that of a former time, or a new one, once something
 * is to be issued. What it makes it says on standard output. */
#ifndef AGENT_CMD_ISSUER_H
#define AGENT_CMD_ISSUER_H

#include <sys/types.h>

#include "cmd/own_names.h"
#include "studio/error.h"

struct authority;

/* Begun with the first two, which outlive it. */
struct issuer {
    const char
        *dir; /* ca.pem, which clients trust and which is never replaced, and ca.key are in */
    const struct own_names *names;
    struct authority *authority;
};

/* May these files be made, with an authority if there is none? What somebody else put there stays, and `else_do` says what
 * to do with it. Errors: USAGE. */
STUDIO_MUST_USE enum studio_err issuer_check(const struct issuer *issuer, const char *cert,
                                             const char *key, const char *else_do,
                                             struct studio_error *error);

/* Puts a new key (mode 0640, for `group`, see file_edit.h) and a certificate for all the names into these files. Errors:
 * USAGE (also: ca.pem without ca.key), IO, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err issuer_issue(struct issuer *issuer, const char *cert,
                                             const char *key, gid_t group,
                                             struct studio_error *error);
void issuer_finish(struct issuer *issuer);

#endif
