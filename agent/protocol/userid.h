/*
 * userid.h - who a client says it is: all the forms of protocol section 3.1, made one.
 *
 * Pure; any thread.
 */
#ifndef AGENT_PROTOCOL_USERID_H
#define AGENT_PROTOCOL_USERID_H

#include "studio/error.h"
#include "studio/status.h"

/* The parameters as sent, decoded and NUL-terminated; NULL where absent. */
struct credentials_in {
    const char *id;
    const char *token;
    const char *device;
    const char *game_code;
};

struct credentials {
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    char user_id[STUDIO_USER_ID_MAX + 1]; /* `<table>_<device>` or `<table>` */
    char token[STUDIO_TOKEN_MAX + 1];     /* empty if what was sent cannot be a token */
    bool certified;                       /* a certificate names the user */
};

/*
 * Makes the one user id of what was sent. Errors: AUTH_MISSING (id or token missing or empty),
 * AUTH_TABLE (no valid table or device in the id, or a gameCode that does not belong to it).
 * A token that cannot be one is not an error here: `token` is empty then and will match nothing.
 */
STUDIO_MUST_USE enum studio_err credentials_make(const struct credentials_in *in,
                                                 struct credentials *out);

/* What stands behind `Bearer` in an Authorization header; NULL: it is of another scheme. */
const char *credentials_scheme(const char *header);

/*
 * The same of one whose certificate names `holder`: that is the user id, and what is sent may say nothing or the
 * same. A token may be left out; it is empty then. Errors: AUTH_TABLE, AUTH_CREDENTIALS (another id was sent).
 */
STUDIO_MUST_USE enum studio_err credentials_of_holder(const struct credentials_in *in,
                                                      const char *holder, struct credentials *out);

/*
 * Splits the value of an Authorization header, `Bearer <id>:<token>`, at the last colon, in place.
 * False if it is not of that form.
 */
bool credentials_bearer(char *header, char **id, char **token);

#endif
