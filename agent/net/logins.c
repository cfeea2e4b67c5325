#include "net/logins.h"

#include <string.h>

#include "base/text.h"
#include "protocol/userid.h"

static void count(struct logins *l, enum studio_err err)
{
    figure_add(&l->figures->logins[figure_login(err)], 1);
}

void logins_here(struct logins *l, const char *id, const char *peer, enum role role)
{
    count(l, STUDIO_OK);
    log_paced(&l->pace, LOG_INFO, "login", "%s is here from %s as %s", id, peer, role_name(role));
}

void logins_refused(struct logins *l, const char *id, const char *peer, enum studio_err err,
                    const char *why)
{
    const char *said = id && *id ? id : "no user id";

    count(l, err);
    log_paced(&l->pace, LOG_INFO, "login", "%.*s from %s is refused: %s",
              (int)text_utf8_cut(said, strnlen(said, STUDIO_USER_ID_MAX)), said, peer,
              why ? why : studio_err_text(err));
}

void logins_foreign(struct logins *l, const char *origin, const char *host, const char *peer)
{
    figure_add(&l->figures->logins[LOGIN_ORIGIN], 1);
    log_limited(
        &l->foreign, LOG_WARN, "login",
        "a page or program of %s asks for host %s, from %s: it is refused, as it is not of that "
        "address; a proxy on the way has to pass on what it was asked for (nginx: "
        "proxy_set_header Host $http_host), pages that are elsewhere are named in "
        "websocket.origins",
        origin, *host ? host : "(none)", peer);
}

void logins_left(struct logins *l, const char *id, const char *peer, enum figure_closed why,
                 const char *reason)
{
    figure_add(&l->figures->closed[why], 1);
    if (why == CLOSED_SILENT)
        reason = "it was silent";
    else if (why == CLOSED_SLOW)
        reason = "it was too slow";
    else if (!*reason)
        reason = "its connection ended";
    if (id)
        log_paced(&l->pace, LOG_INFO, "login", "%s from %s has left: %s", id, peer, reason);
}

enum figure_closed logins_closed(unsigned code, bool here)
{
    switch (code) {
    case 1001:
    case 1012:
        return CLOSED_SHUTDOWN;
    case 1008:
        return here ? CLOSED_REVOKED : CLOSED_REFUSED;
    case 1013:
        return CLOSED_LIMIT;
    default:
        return CLOSED_MESSAGE;
    }
}
