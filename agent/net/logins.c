#include "net/logins.h"

#include <string.h>

#include "base/text.h"
#include "protocol/userid.h"

void logins_here(struct log_pace *pace, const char *id, const char *peer, const char *role)
{
    log_paced(pace, LOG_INFO, "login", "%s is here from %s as %s", id, peer, role);
}

void logins_refused(struct log_pace *pace, const char *id, const char *peer, const char *why)
{
    const char *said = id && *id ? id : "no user id";

    log_paced(pace, LOG_INFO, "login", "%.*s from %s is refused: %s",
              (int)text_utf8_cut(said, strnlen(said, STUDIO_USER_ID_MAX)), said, peer, why);
}

void logins_left(struct log_pace *pace, const char *id, const char *peer, const char *why)
{
    log_paced(pace, LOG_INFO, "login", "%s from %s has left: %s", id, peer,
              *why ? why : "its connection ended");
}
