/*
 * client_internal.h - the client's insides, shared by client.c (its life), client_thread.c (its
 * thread), client_calls.c (the queue between the callers and the thread) and client_api.c (what is
 * sent).
 */
#ifndef CLIENT_CLIENT_INTERNAL_H
#define CLIENT_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "client_servers.h"
#include "client_session.h"
#include "client_ws.h"
#include "studio/client.h"
#include "studio/status.h"

/* A message on its way and the answer to it. Lives on the stack of the caller that waits for it,
 * so the queue holds at most one call per waiting thread; a renewed subscription is on the heap. */
struct call {
    struct call *next;
    const char *text;
    size_t len;
    enum outgoing_kind kind;
    uint64_t request_id; /* 0: none of ours in the text */
    int64_t deadline_ms;
    bool renewal; /* nobody waits; freed when done */
    bool done;
    enum studio_err err;
    struct studio_error error;
    bool want_answer;
    char *answer;   /* the server's message, if wanted; owned */
    char *document; /* of a status; owned */
    char *status;   /* the word of another answer, `updated`; owned */
};

struct call_list {
    struct call *head, *tail;
};

/* In the data of a subscription: pushes are to say whether devices are connected. */
#define CLIENT_ASK_PRESENCE ",\"presence\":true"

struct studio_client {
    /* Fixed once the thread runs. */
    char *table_id, *user_id, *token;
    struct studio_values lists;
    unsigned timeout_ms;
    bool no_reconnect, presence;
    studio_client_push_fn *on_push;
    studio_client_state_fn *on_state;
    void *callback_ctx;
    struct client_ws *ws;
    pthread_t thread;

    /* The thread's own. */
    struct servers servers; /* `at` changes under the lock */
    struct session session;
    struct backoff backoff;
    bool started;
    bool auth_due;               /* send the credentials before anything else */
    int64_t attempt_deadline_ms; /* while not ready */
    int64_t retry_at_ms;         /* while waiting for the next attempt */
    int64_t ready_at_ms;         /* 0: not ready */
    char *tables;                /* the connection's subscriptions, a JSON array; NULL: none */

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum studio_client_state state;
    bool closing;
    bool settled;             /* the first attempt has ended, one way or the other */
    struct studio_error why;  /* of the last loss; code OK: none yet */
    struct call_list waiting; /* to be sent */
    struct call_list sent;    /* in the order the answers will come */
    uint64_t last_request_id;
    char *greeting; /* the document this login brought; NULL: none */
};

/* Who is meant by the options, with the defaults for what they leave out. */
struct client_user {
    const char *addresses, *table_id, *device;
};
/* Strings are theirs. Errors: USAGE (but for the addresses). */
STUDIO_MUST_USE enum studio_err client_user_of(const struct studio_client_options *options,
                                               struct client_user *out, struct studio_error *error);
unsigned client_timeout_ms(const struct studio_client_options *options);

/* What the thread does about the connection; ctx is the client. */
extern const struct client_ws_ops client_thread_ops;

void call_list_append(struct call_list *list, struct call *call);
void call_list_prepend(struct call_list *list, struct call *call);
struct call *call_list_take(struct call_list *list);

/* A number for a request_id; never 0. Any thread. */
uint64_t client_request_id(struct studio_client *client);

/* Sends and waits; call->error says why not. The caller owns answer and document afterwards.
 * Any thread but the client's. */
STUDIO_MUST_USE enum studio_err client_call(struct studio_client *client, struct call *call);

/* On the client's thread: marks a call done and lets its caller go on. With the lock held. */
void client_call_done(struct studio_client *client, struct call *call, enum studio_err err);

/* On the client's thread: fails every call, those sent differently from those not yet sent. */
void client_calls_fail(struct studio_client *client, const struct studio_error *why);

#endif
