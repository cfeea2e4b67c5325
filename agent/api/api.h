/*
 * api.h - what HTTP paths answer (protocol section 5): what all of them share, and the way in.
 *
 *   exchange ──► api_respond ──► routes ──► who may ──► a handler, which answers now or later
 *
 * Net thread only; what is to be read from the store is read by the reader's thread (core/lookup.h).
 */
#ifndef AGENT_API_API_H
#define AGENT_API_API_H

#include "auth/admission.h"
#include "auth/digest.h"
#include "auth/rates.h"
#include "base/buf.h"
#include "base/clock.h"
#include "net/exchange.h"

struct core;
struct figures;
struct history;
struct logins;
struct lookup;
struct streams;
struct studio;

enum { API_BROKERS_MAX = 4096 };

/* Of `GET /metrics`. */
struct api_metrics {
    bool has_token;                  /* besides this machine, who has it may see them */
    unsigned char token[DIGEST_LEN]; /* its SHA-256 */
    char *token_file;                /* where it is; NULL: in the configuration, or there is none */
    char brokers[API_BROKERS_MAX];   /* URI[,URI...] as configured, without a login; empty: none */
    size_t tables;                   /* how many tell their states; the others are counted */
};

/* Filled by the agent before the first request; all of it outlives the last. */
struct api {
    const struct clock *clock;
    struct core *core; /* NULL: a standby's, who has no tables */
    /* Whether this process may answer for the tables now: else why it does not, in words, and *owner is who does, as
     * far as is known (may be NULL). NULL: it may. */
    const char *(*closed)(void *ctx, const char **owner);
    void *closed_ctx;
    struct figures *figures;
    struct logins *logins; /* who comes and is refused, shared with WebSocket */
    struct admission *admission;
    struct rates *rates; /* by user id, shared with WebSocket */
    int64_t rate, burst; /* of each */
    struct lookup *lookup;
    struct api_metrics metrics;
    const char *epoch; /* of the store */
    struct streams *streams;
    struct studio *studio; /* NULL: the store is nobody else's */
    /* Appends info and health of the agent, as one JSON object. */
    void (*describe)(void *ctx, struct buf *out);
    void *describe_ctx;
    /* history.c's: pages on their way */
    struct history *histories;
    size_t history_count, histories_out;
};

/* What api.closed says. */
static inline const char *api_closed(const struct api *api, const char **owner)
{
    *owner = NULL;
    return api->closed ? api->closed(api->closed_ctx, owner) : NULL;
}

/* Answers a request (exchange_env.respond); `ctx` is the struct api. */
void api_respond(void *ctx, struct exchange *exchange);

#endif
