/* logins.h - the log of who comes, is refused and leaves, some lines a second at most. Never a token. Net
 * thread. */
#ifndef AGENT_NET_LOGINS_H
#define AGENT_NET_LOGINS_H

#include "base/log.h"

void logins_here(struct log_pace *pace, const char *id, const char *peer, const char *role);
/* `id` is what was said, NULL if nothing was. */
void logins_refused(struct log_pace *pace, const char *id, const char *peer, const char *why);
/* `why` is empty if nobody here ended it. */
void logins_left(struct log_pace *pace, const char *id, const char *peer, const char *why);

#endif
