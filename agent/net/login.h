/*
 * login.h - how a sender is let in, the same for a WebSocket connection and an HTTP request: what it says of
 * itself is checked, at once or by a thread that takes its time, then the limits. Net thread.
 */
#ifndef AGENT_NET_LOGIN_H
#define AGENT_NET_LOGIN_H

#include "auth/admission.h"
#include "auth/holder.h"
#include "auth/rates.h"
#include "base/clock.h"
#include "core/actor.h"
#include "protocol/userid.h"

struct core;

/* What all logins of an agent share. */
struct login_env {
    struct core *core;
    struct admission *admission;
    struct rates *rates; /* by user id */
};

/* What came of it. */
struct login_result {
    enum studio_err err;       /* AUTH_MISSING, AUTH_TABLE, AUTH_CREDENTIALS, LIMIT */
    const char *id;            /* as which it came; NULL: it did not say */
    const struct grant *grant; /* OK: valid during the call */
    int64_t
        told_ms; /* an error: told then and not before, so that it tells nothing else; 0: at once */
};

struct login;
typedef void login_fn(struct login *login, const struct login_result *result);

/* In its owner's memory. Its first four members are given, the others zeroed: nobody has come. */
struct login {
    struct login_env env;
    struct actor *actor; /* the owner's; gets ids, role and rate */
    login_fn *done;
    bool opens;                  /* a connection of its user; a request opens none */
    struct admission_wait *wait; /* it is being checked; NULL: it is not */
    struct rate *rate;
    bool inside;              /* counted by the admission */
    unsigned char ticket[32]; /* what let it in (auth/tokens.h) */
    int64_t ends_s;           /* when its certificate does; 0: it has shown none */
};

/* Leads to one call of `done`, out of this call or later; `peer` is its address, `holder` whom its certificate names
 * (NULL: nobody). Once for a login. */
void login_begin(struct login *login, const struct credentials_in *in, const struct holder *holder,
                 const char *peer);
/* `done` will not be called any more. */
void login_forget(struct login *login);
/* The same, and it has left if it was in. */
void login_end(struct login *login);
/* Is it still to be let in? */
bool login_still_valid(const struct login *login);

#endif
