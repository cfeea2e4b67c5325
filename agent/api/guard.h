/* guard.h - who may see the figures: this machine, and who has the token of `metrics.token`. Net thread,
 * after guard_init. */
#ifndef AGENT_API_GUARD_H
#define AGENT_API_GUARD_H

#include <stdbool.h>

#include "studio/error.h"

struct api_metrics;
struct api_request;
struct studio_agent_config;

/* What is configured; the token is read, from the file where one is named. Errors: USAGE (the file),
 * NO_MEMORY. Call guard_finish in either case. */
STUDIO_MUST_USE enum studio_err guard_init(struct api_metrics *metrics,
                                           const struct studio_agent_config *config,
                                           struct studio_error *error);
void guard_finish(struct api_metrics *metrics);

/* Reads the token in the file again; any thread. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err guard_read(const char *file, unsigned char token[32],
                                           struct studio_error *error);
/* False: it is answered. A trusted proxy is asked whom it speaks for. */
bool guard_lets_in(struct api_request *request);

#endif
