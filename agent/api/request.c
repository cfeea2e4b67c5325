#include "api/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/figures.h"
#include "core/core.h"

static void finish(void *data)
{
    struct api_request *r = data;

    if (r->leave)
        r->leave(r->work);
    if (r->actor) {
        r->actor->bucket = NULL;
        rates_leave(r->api->rates, r->rate);
        admission_leave(r->api->admission);
    }
    free(r);
}

struct api_request *request_create(struct api *api, struct exchange *exchange)
{
    struct api_request *r = calloc(1, sizeof(*r));

    if (!r) {
        exchange_problem(exchange, 503, studio_err_text(STUDIO_ERR_LIMIT));
        return NULL;
    }
    r->api = api;
    r->exchange = exchange;
    exchange_attach(exchange, r, finish);
    return r;
}

/* Of the header. Errors: AUTH_MISSING, AUTH_TABLE, NO_MEMORY. */
static enum studio_err read_credentials(const struct exchange *exchange, struct credentials *out)
{
    const char *header = exchange_field(exchange, EXCHANGE_AUTHORIZATION);
    struct credentials_in in = {0};
    char *copy = strdup(header ? header : ""), *id, *token;
    enum studio_err err;

    if (!copy)
        return STUDIO_ERR_NO_MEMORY;
    if (credentials_bearer(copy, &id, &token)) {
        in.id = id;
        in.token = token;
    }
    err = credentials_make(&in, out);
    free(copy);
    return err;
}

static bool refuse(struct api_request *r, enum studio_err err)
{
    struct studio_error error;

    if (err == STUDIO_ERR_NO_MEMORY)
        err = STUDIO_ERR_LIMIT;
    figure_add(&r->api->figures->logins[figure_login(err)], 1);
    if (err != STUDIO_ERR_LIMIT)
        exchange_header(r->exchange, "www-authenticate", "Bearer");
    (void)studio_error_set(&error, err, NULL);
    exchange_error(r->exchange, &error);
    return false;
}

bool request_login(struct api_request *r)
{
    struct api *api = r->api;
    struct credentials credentials;
    struct grant grant;
    char site[PEER_TEXT_MAX + 1];
    enum studio_err err = read_credentials(r->exchange, &credentials);

    if (err != STUDIO_OK)
        return refuse(r, err);
    peer_name(exchange_peer(r->exchange), site);
    err = admission_check(api->admission, site, &credentials,
                          core_connections(api->core, credentials.user_id), &grant);
    if (err == STUDIO_ERR_AUTH_CREDENTIALS) /* who guesses waits */
        exchange_delay(r->exchange, admission_delay(api->admission, site, credentials.table_id));
    if (err != STUDIO_OK)
        return refuse(r, err);
    r->actor = exchange_actor(r->exchange);
    r->actor->role = grant.role;
    memcpy(r->actor->user_id, credentials.user_id, sizeof(r->actor->user_id));
    memcpy(r->actor->table_id, credentials.table_id, sizeof(r->actor->table_id));
    tokens_digest(credentials.token, r->digest);
    figure_add(&api->figures->logins[LOGIN_ACCEPTED], 1);
    admission_enter(api->admission);
    exchange_known(r->exchange);
    r->rate = rates_hold(api->rates, r->actor->user_id);
    r->actor->bucket = rate_bucket(r->rate);
    return true;
}

bool request_within_rate(struct api_request *r)
{
    const struct api *api = r->api;

    if (!r->actor->bucket ||
        bucket_take(r->actor->bucket, 1, api->rate, api->burst, clock_mono(api->clock)))
        return true;
    request_refuse(r, STUDIO_ERR_RATE_LIMIT, NULL);
    return false;
}

void request_refuse(struct api_request *r, enum studio_err err, const char *detail)
{
    struct studio_error error;

    (void)studio_error_set(&error, err, detail ? "%s" : NULL, detail);
    exchange_error(r->exchange, &error);
}

void request_reply(struct api_request *r, struct buf *body)
{
    if (buf_ok(body))
        exchange_reply(r->exchange, 200, body->data, body->len);
    else
        request_refuse(r, STUDIO_ERR_LIMIT, NULL);
    buf_finish(body);
}
