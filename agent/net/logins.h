/* logins.h - who comes, is refused and leaves: counted, and in the log, some lines a second at most. Never a
 * token. Net thread. */
#ifndef AGENT_NET_LOGINS_H
#define AGENT_NET_LOGINS_H

#include "auth/role.h"
#include "base/figures.h"
#include "base/log.h"

struct logins {
    struct figures *figures;
    struct log_pace pace;
    struct log_limit foreign;
};

void logins_here(struct logins *logins, const char *id, const char *peer, enum role role);
/* `id` is what was said, NULL if nothing was; `why` NULL: what the error says. */
void logins_refused(struct logins *logins, const char *id, const char *peer, enum studio_err err,
                    const char *why);
/* A page of this origin, the header's value, asked `host` (empty: it named none) for what only our own pages may. */
void logins_foreign(struct logins *logins, const char *origin, const char *host, const char *peer);
/* A connection's end; `id` NULL: it was never here. `reason` of its close frame, empty without one. */
void logins_left(struct logins *logins, const char *id, const char *peer, enum figure_closed why,
                 const char *reason);

/* What a close frame with this code means, to one who was here or not. */
enum figure_closed logins_closed(unsigned code, bool here);

#endif
