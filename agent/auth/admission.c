#include "auth/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
    ADDRESS_MAX = 64,
    FAILURES_TRACKED_MAX = 65536, /* pairs of address and id in one minute */
    MINUTE_MS = 60000,
    DAY_S = 86400
};

struct failure {
    unsigned count;
    UT_hash_handle hh;
    char key[]; /* address, blank, user id */
};

struct admission {
    struct admission_options o;
    struct tokens *tokens;
    size_t sockets;
    struct failure *failures; /* of the minute that began at `minute_ms` */
    int64_t minute_ms;
    unsigned generation;
    int64_t day;
};

struct admission *admission_create(const struct admission_options *options, struct tokens *tokens)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->o = *options;
    a->tokens = tokens;
    a->minute_ms = clock_mono(options->clock);
    a->day = clock_wall(options->clock) / 1000 / DAY_S;
    return a;
}

static void forget(struct admission *a, struct failure *failure)
{
    HASH_DEL(a->failures, failure);
    free(failure);
}

static void forget_failures(struct admission *a)
{
    struct failure *failure, *next;

    HASH_ITER(hh, a->failures, failure, next)
    {
        forget(a, failure);
    }
}

void admission_destroy(struct admission *a)
{
    if (!a)
        return;
    forget_failures(a);
    tokens_destroy(a->tokens);
    free(a);
}

bool admission_arrive(struct admission *a)
{
    if (a->sockets >= a->o.connections + ADMISSION_OVERFLOW)
        return false;
    a->sockets++;
    return true;
}

bool admission_full(const struct admission *a)
{
    return a->sockets > a->o.connections;
}

void admission_depart(struct admission *a)
{
    a->sockets--;
}

static struct failure *failure_find(struct admission *a, const char *address, const char *user_id,
                                    bool add)
{
    char key[ADDRESS_MAX + 1 + STUDIO_USER_ID_MAX + 1];
    struct failure *failure;
    size_t len;

    if (clock_mono(a->o.clock) - a->minute_ms >= MINUTE_MS) {
        forget_failures(a);
        a->minute_ms = clock_mono(a->o.clock);
    }
    snprintf(key, sizeof(key), "%.*s %s", ADDRESS_MAX, address, user_id);
    HASH_FIND_STR(a->failures, key, failure);
    if (failure || !add)
        return failure;
    if (HASH_COUNT(a->failures) >= FAILURES_TRACKED_MAX)
        forget(a, a->failures); /* the oldest: every new one counts */
    len = strlen(key);
    failure = calloc(1, sizeof(*failure) + len + 1);
    if (!failure)
        return NULL;
    memcpy(failure->key, key, len + 1);
    HASH_ADD_KEYPTR(hh, a->failures, failure->key, len, failure);
    if (failure->hh.tbl)
        return failure;
    free(failure);
    return NULL;
}

enum studio_err admission_check(struct admission *a, const char *address,
                                const struct credentials *credentials, size_t connections,
                                enum role *role)
{
    struct failure *failure = failure_find(a, address, credentials->user_id, false);
    bool known;

    if (failure && a->o.failures_per_minute && failure->count >= a->o.failures_per_minute)
        return STUDIO_ERR_LIMIT;
    known = tokens_check(a->tokens, credentials->user_id, credentials->token,
                         clock_wall(a->o.clock) / 1000, role);
    if (!known) {
        failure = failure_find(a, address, credentials->user_id, true);
        if (failure)
            failure->count++;
        return STUDIO_ERR_AUTH_CREDENTIALS;
    }
    return connections < a->o.connections_per_id ? STUDIO_OK : STUDIO_ERR_LIMIT;
}

struct tokens *admission_reload(struct admission *a, struct tokens *tokens)
{
    struct tokens *old = a->tokens;

    a->tokens = tokens;
    a->generation++;
    return old;
}

unsigned admission_generation(struct admission *a)
{
    int64_t day = clock_wall(a->o.clock) / 1000 / DAY_S;

    if (day != a->day) {
        a->day = day;
        a->generation++;
    }
    return a->generation;
}

bool admission_still_valid(struct admission *a, const char *user_id, const unsigned char digest[32],
                           enum role role)
{
    enum role now;

    /* With another role it must come again: what it watches may no longer be its to see. */
    return tokens_still_valid(a->tokens, user_id, digest, clock_wall(a->o.clock) / 1000, &now) &&
           now == role;
}
