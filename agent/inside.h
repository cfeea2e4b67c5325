/*
 * inside.h - the agent as its own files see it (access.c, claim.c, serving.c, standby.c, build.c, running.c, agent.c); nobody else includes
 * it.
 *
 * An agent in a database is the owner of its tables, or the standby of the process that is. Either has a server of its
 * own on the same sockets; what is there in both is made once.
 */
#ifndef AGENT_INSIDE_H
#define AGENT_INSIDE_H

#include <stdatomic.h>

#include "api/api.h"
#include "backup.h"
#include "base/figures.h"
#include "base/log.h"
#include "base/names.h"
#include "config/config.h"
#include "control.h"
#include "core/lookup.h"
#include "handover.h"
#include "inquiry.h"
#include "net/lws.h"
#include "reload.h"
#include "renewal.h"
#include "report.h"
#include "source.h"
#include "waiting.h"

/* Why an owner becomes the standby. */
enum leaving { LEAVING_NOT, LEAVING_LOST, LEAVING_HANDED_OVER };

struct studio_agent {
    const struct clock *clock;
    struct studio_agent_config config; /* a copy */
    struct studio_values lists;
    struct log log;
    struct figures figures;
    char host_name[NAME_CLIENT_MAX + 1];
    atomic_bool stop_asked;
    int64_t stop_until_ms;
    int exit_code;

    /* access.c: who may come, and where */
    char *tokens_file;
    struct renewal *renewal; /* of the certificate */
    struct last_used *used;
    struct admission *admission;
    struct rates *rates;
    struct reload reload;
    struct listeners listeners;
    size_t connections; /* that there is room for */

    /* the server of the owner, or of the standby */
    struct session_env sessions;
    struct api api;
    struct exchange_env exchanges;
    struct server *server;  /* NULL: none just now */
    pthread_mutex_t waking; /* guards the server, for wakes from other threads */
    struct report report;

    /* the standby's */
    struct waiting *waiting;         /* NULL: not one */
    char owner[STORE_OWNER_MAX + 1]; /* who has the agent; empty: nobody knows */
    char words[STORE_OWNER_MAX + 64];

    /* the owner's */
    struct store *store;    /* NULL: not the owner */
    struct store_info info; /* as it was opened */
    struct committer *committer;
    struct store_reader *lookup_reader, *bridge_reader;
    struct lookup *lookup;
    struct core *core;
    struct inbox *inbox;
    struct source source;
    struct bridge *bridge;
    struct backup *backup;
    enum leaving leaving;
    char heir[STORE_OWNER_MAX + 1]; /* whom it is handed over to */

    /* what others ask of it, while it runs */
    struct inquiry inquiry;
    struct handover handover;
    pthread_mutex_t
        parts; /* held while somebody else uses the owner's, and while these come and go */
    bool owns; /* they are there */
    struct control *control; /* NULL: the directory has no place for a socket */
};

/* --- access.c -------------------------------------------------------------------------------- */

/* Tokens, certificate, sockets; takes the tokens. Errors as of studio_agent_create. */
STUDIO_MUST_USE enum studio_err access_open(struct studio_agent *agent, struct tokens **tokens,
                                            struct studio_error *error);
void access_close(struct studio_agent *agent);

/* --- claim.c --------------------------------------------------------------------------------- */

/* Opens the store. OK without one: it is another's, whom agent->owner names, and agent->waiting waits for it. Errors as
 * of store_open. */
STUDIO_MUST_USE enum studio_err claim_store(struct studio_agent *agent, struct studio_error *error);
/* Who was its owner waits for it, the first look after so long. Errors: NO_MEMORY. */
STUDIO_MUST_USE enum studio_err claim_again(struct studio_agent *agent, int64_t after_ms,
                                            struct studio_error *error);
/* The waiting is over: what came of it. Errors as of store_open. */
STUDIO_MUST_USE enum studio_err claim_take(struct studio_agent *agent, struct studio_error *error);

/* --- build.c --------------------------------------------------------------------------------- */

/* Builds the parts in order, those of the owner, or, where the store is another's, of its standby. What it leaves
 * behind on an error studio_agent_destroy frees. Errors as of studio_agent_create. */
STUDIO_MUST_USE enum studio_err agent_build(struct studio_agent *agent, struct studio_error *error);
/* The owner's, on the store that was taken. */
STUDIO_MUST_USE enum studio_err agent_build_owner(struct studio_agent *agent,
                                                  struct studio_error *error);
/* The standby's, which waits already. */
STUDIO_MUST_USE enum studio_err agent_build_standby(struct studio_agent *agent,
                                                    struct studio_error *error);
/* Takes all of that down again, but for access. Nothing of it need be there. */
void agent_dismantle(struct studio_agent *agent);

/* --- standby.c ------------------------------------------------------------------------------- */

/* The net thread's loop calls these while another process has the agent; agent->waiting is there. */
struct loop_hooks standby_hooks(struct studio_agent *agent);
/* Puts into words who has it, as agent->owner says. */
void standby_say(struct studio_agent *agent);
/* {"status":"standby","owner":"..."}; the owner is empty where nobody knows. `ctx` is the agent. */
void standby_print(void *ctx, struct buf *out);

/* --- serving.c ------------------------------------------------------------------------------- */

/* Wakes the net thread, from any other; `ctx` is the agent, as in what follows. */
void agent_wake(void *ctx);
/* The net thread's loop calls these, see loop.h; of the owner. */
struct loop_hooks agent_hooks(struct studio_agent *agent);
/* Why this process does not answer for the tables now (api.h). */
const char *agent_closed(void *ctx, const char **owner);
/* Has another process taken them, as far as is known? The store's thread has said so, or has ended. */
bool agent_was_replaced(const struct studio_agent *agent);

/* --- running.c ------------------------------------------------------------------------------- */

/* Serves, as the owner, as the standby, and so on, until the agent is to end; agent->exit_code says how, unless there
 * is an error, which is logged. Errors as of studio_agent_create. */
STUDIO_MUST_USE enum studio_err agent_serve(struct studio_agent *agent);

#endif
