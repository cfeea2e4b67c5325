/*
 * session.h - one WebSocket connection's state machine, without any socket: unit tests feed it
 * bytes and a clock and read its frames (protocol section 3). Net thread only.
 */
#ifndef AGENT_NET_SESSION_H
#define AGENT_NET_SESSION_H

#include "auth/admission.h"
#include "auth/holder.h"
#include "auth/rates.h"
#include "base/clock.h"
#include "base/networks.h"
#include "base/origins.h"
#include "core/core.h"
#include "net/logins.h"
#include "net/pacing.h"
#include "net/transport.h"

struct session;

/* What all sessions of an agent share; filled by the server before the first session. */
struct session_env {
    const struct clock *clock;
    struct core *core;
    /* Whether this process may answer for the tables now; else nobody is let in, and told this. NULL: always. */
    const char *(*closed)(void *ctx);
    void *closed_ctx;
    struct admission *admission;
    struct rates *rates; /* by user id */
    const struct transport_ops *ops;
    int64_t auth_timeout_ms, ping_after_ms, ping_grace_ms, write_timeout_ms;
    struct networks proxies; /* whose headers say whom they speak for */
    struct origins origins;  /* of pages that may come besides our own */
    enum certificate_user certificate_user;
    struct logins logins;
    size_t count;           /* sessions alive */
    struct session *paused; /* not read until the core is no longer congested */
    struct pacing pacing;   /* of those who want their pushes some time apart */
};

/* How the client came: the parameters of its address and header, decoded; NULL where absent. */
struct session_address {
    const char *peer; /* IP address; outlives the session */
    struct credentials_in in;
    const struct holder *holder; /* whom its certificate names; NULL: nobody */
    const char *subscribe;       /* `*` or names separated by commas */
};

enum { SESSION_CLOSE_REASON_MAX = 40 };

/* What to write next. */
enum session_frame_kind { SESSION_NOTHING, SESSION_TEXT, SESSION_PING, SESSION_CLOSE };
struct session_frame {
    enum session_frame_kind kind;
    char *data; /* TEXT: with SNAPSHOT_HEADROOM bytes before it to write a header into */
    size_t len;
    unsigned code;      /* CLOSE */
    const char *reason; /* CLOSE */
};

/* The connection is established. Authenticates at once or greets. NULL: out of memory. */
struct session *session_create(struct session_env *env, void *connection,
                               const struct session_address *address);
/* The connection is gone; the memory goes with the last waiting message. NULL does nothing. */
void session_destroy(struct session *session);

/* A piece of a text message. Never fails: what is wrong closes or is answered. */
void session_receive(struct session *session, const char *bytes, size_t len, bool final);
/* A frame of another kind came: binary, or any control frame (a sign of life). */
void session_binary(struct session *session);
void session_alive(struct session *session);

/* The connection can be written: what with? Valid until the next call for any session; call
 * session_written afterwards. */
struct session_frame session_next(struct session *session);
/* True if there is more to write. */
bool session_written(struct session *session);
/* All has been said: what is next is the close, if not something that is still owed. */
bool session_ends(const struct session *session);
/* It has something to write that its connection has no room for yet. */
void session_waits(struct session *session);

/* Begins closing: answers still owed go out first. Only the first code counts. `reason` outlives the session;
 * SESSION_CLOSE_REASON_MAX bytes of it are told. */
void session_close(struct session *session, unsigned code, const char *reason);
/* About once a second: deadlines, revoked credentials. */
void session_tick(struct session *session);
/* Reads again from the sessions that were paused for congestion. */
void session_resume_all(struct session_env *env);

#endif
