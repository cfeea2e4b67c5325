#include "net/login.h"

#include <string.h>

#include "base/networks.h"
#include "core/core.h"

static void refuse(struct login *l, enum studio_err err, const char *id, int64_t told_ms)
{
    const struct login_result result = {.err = err, .id = id, .told_ms = told_ms};

    l->done(l, &result);
}

static void enter(struct login *l, const struct admitted *admitted)
{
    const struct login_result result = {.id = admitted->credentials->user_id,
                                        .grant = &admitted->grant};

    l->actor->role = admitted->grant.role;
    memcpy(l->actor->user_id, admitted->credentials->user_id, sizeof(l->actor->user_id));
    memcpy(l->actor->table_id, admitted->credentials->table_id, sizeof(l->actor->table_id));
    memcpy(l->ticket, admitted->ticket, sizeof(l->ticket));
    l->inside = true;
    admission_enter(l->env.admission);
    l->rate = rates_hold(l->env.rates, l->actor->user_id);
    l->actor->bucket = rate_bucket(l->rate);
    l->done(l, &result);
}

static void on_admitted(void *ctx, const struct admitted *admitted)
{
    struct login *l = ctx;
    const char *id = admitted->credentials->user_id;

    l->wait = NULL;
    if (admitted->err != STUDIO_OK)
        refuse(l, admitted->err, id, admitted->told_ms);
    else if (!admission_has_room(l->env.admission) ||
             (l->opens && !admission_opens(l->env.admission, core_connections(l->env.core, id))))
        refuse(l, STUDIO_ERR_LIMIT, id, 0);
    else
        enter(l, admitted);
}

void login_begin(struct login *l, const struct credentials_in *in, const struct holder *holder,
                 const char *peer)
{
    struct credentials credentials;
    char site[PEER_TEXT_MAX + 1];
    enum studio_err err = holder ? credentials_of_holder(in, holder->id, &credentials)
                                 : credentials_make(in, &credentials);

    peer_name(peer, site);
    l->ends_s = holder ? holder->ends_s : 0;
    if (l->ends_s && admission_is_over(l->env.admission, l->ends_s)) /* since the handshake */
        err = STUDIO_ERR_AUTH_CREDENTIALS;
    if (err == STUDIO_OK)
        l->wait = admission_ask(l->env.admission, site, &credentials, on_admitted, l);
    else
        refuse(l, err, in->id || !holder ? in->id : holder->id, 0);
    explicit_bzero(credentials.token, sizeof(credentials.token));
}

void login_forget(struct login *l)
{
    if (l->wait)
        admission_forget(l->env.admission, l->wait);
    l->wait = NULL;
}

void login_end(struct login *l)
{
    login_forget(l);
    if (!l->inside)
        return;
    l->actor->bucket = NULL;
    rates_leave(l->env.rates, l->rate);
    admission_leave(l->env.admission);
    l->inside = false;
}

bool login_still_valid(const struct login *l)
{
    const struct admission *a = l->env.admission;

    return !(l->ends_s && admission_is_over(a, l->ends_s)) &&
           admission_still_valid(l->env.admission, l->actor->user_id, l->ticket, l->actor->role);
}
