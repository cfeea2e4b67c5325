#include "api/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/figures.h"
#include "core/core.h"
#include "net/logins.h"

static void finish(void *data)
{
    struct api_request *r = data;

    if (r->leave)
        r->leave(r->work);
    login_end(&r->login);
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

static void refuse(struct api_request *r, const struct login_result *result)
{
    enum studio_err err = result->err == STUDIO_ERR_NO_MEMORY ? STUDIO_ERR_LIMIT : result->err;
    struct studio_error error;

    logins_refused(r->api->logins, result->id, exchange_peer(r->exchange), err, NULL);
    if (err != STUDIO_ERR_LIMIT)
        exchange_header(r->exchange, "www-authenticate", "Bearer");
    if (result->told_ms > 0) /* who guesses waits */
        exchange_delay(r->exchange, result->told_ms - clock_mono(r->api->clock));
    (void)studio_error_set(&error, err, NULL);
    exchange_error(r->exchange, &error);
}

static void on_login(struct login *login, const struct login_result *result)
{
    struct api_request *r =
        (struct api_request *)(void *)((char *)login - offsetof(struct api_request, login));

    if (result->err != STUDIO_OK) {
        refuse(r, result);
        return;
    }
    r->actor = r->login.actor;
    figure_add(&r->api->figures->logins[LOGIN_ACCEPTED], 1);
    exchange_known(r->exchange);
    r->let_in(r);
}

void request_login(struct api_request *r, void (*let_in)(struct api_request *r))
{
    const char *header = exchange_field(r->exchange, EXCHANGE_AUTHORIZATION);
    struct credentials_in in = {0};
    char *copy = strdup(header ? header : ""), *id, *token;

    r->let_in = let_in;
    r->login = (struct login){{r->api->core, r->api->admission, r->api->rates},
                              exchange_actor(r->exchange),
                              .done = on_login};
    if (!copy) {
        refuse(r, &(struct login_result){.err = STUDIO_ERR_NO_MEMORY});
        return;
    }
    if (credentials_bearer(copy, &id, &token)) {
        in.id = id;
        in.token = token;
    }
    login_begin(&r->login, &in, exchange_holder(r->exchange), exchange_peer(r->exchange));
    explicit_bzero(copy, header ? strlen(header) : 0);
    free(copy);
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
