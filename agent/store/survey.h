/*
 * survey.h - what stands behind a store in a database: how much an answer is worth there. Pure but for the asking, which
 * is the engine's (transfer.h).
 */
#ifndef AGENT_STORE_SURVEY_H
#define AGENT_STORE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

struct store_survey {
    unsigned hosts;     /* that the address names */
    char server[32];    /* its version */
    char host[128];     /* the one of them that answered; a path: a socket of this machine */
    bool encrypted;     /* on the way there */
    bool syncs;         /* what is committed is on its disk */
    char commit[16];    /* synchronous_commit of our sessions */
    char standbys[128]; /* synchronous_standby_names; empty: it waits for none */
    int64_t following;  /* standbys that are connected */
    int64_t waited_for; /* of these it waits for; -1: this role may not know */
    int64_t took_ms;    /* the connection, and what was asked */
};

/* Hears each doubt about what an answer is worth, and what to do about it. */
typedef void survey_doubt_fn(void *ctx, const char *what, const char *advice);
/* `two`: an update that was answered is not to be lost with one machine. */
void survey_doubts(const struct store_survey *survey, bool two, survey_doubt_fn *tell, void *ctx);

#endif
