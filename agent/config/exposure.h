/* exposure.h - what a configuration lets others read on its way over a network. Pure; any thread. */
#ifndef AGENT_CONFIG_EXPOSURE_H
#define AGENT_CONFIG_EXPOSURE_H

#include <stdbool.h>

struct studio_agent_config;

/* Is the agent's port open beyond this machine without TLS? */
bool config_exposed(const struct studio_agent_config *config);

/* Tells of each such thing in a sentence with what to do. */
typedef void config_warning_fn(void *ctx, const char *what);
void config_warnings(const struct studio_agent_config *config, config_warning_fn *tell, void *ctx);

#endif
