/*
 * renewal.h - the certificate while the agent runs: read again when somebody asks for it, and by a thread of
 * its own when its files have changed. Files that are wrong are told of, and the one before goes on.
 *
 * NULL is an agent without TLS: all but renewal_create take it.
 */
#ifndef AGENT_RENEWAL_H
#define AGENT_RENEWAL_H

#include "auth/certificate.h"
#include "base/clock.h"
#include "base/figures.h"
#include "config/settings.h"

struct renewal;
struct server;

/* `wake` the net thread, to call renewal_take. *out is NULL where no certificate is configured. Errors: USAGE,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err renewal_create(const struct studio_agent_config *config,
                                               const struct clock *clock, struct figures *figures,
                                               void (*wake)(void *ctx), void *ctx,
                                               struct renewal **out, struct studio_error *error);
void renewal_destroy(struct renewal *renewal);

/* The one for a server to begin with, until renewal_take. Net thread, or before it runs. */
struct certificate *renewal_certificate(const struct renewal *renewal);
/* From now on the files are watched. Errors: NO_MEMORY. */
STUDIO_MUST_USE enum studio_err renewal_watch(struct renewal *renewal, struct studio_error *error);
/* The net thread shows what was read, if something was. */
void renewal_take(struct renewal *renewal, struct server *server);
/* Any thread but the net thread: reads the files again, and wakes the net thread. Both is logged. Errors:
 * USAGE, NO_MEMORY; then nothing has changed. */
STUDIO_MUST_USE enum studio_err renewal_ask(struct renewal *renewal, struct studio_error *error);

#endif
