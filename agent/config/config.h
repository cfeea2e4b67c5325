/*
 * config.h - the configuration as the agent sees it; studio/agent.h has what everybody may do.
 *
 * Order of precedence: defaults, file, environment, command line. One thread at a time.
 */
#ifndef AGENT_CONFIG_CONFIG_H
#define AGENT_CONFIG_CONFIG_H

#include "config/settings.h"
#include "studio/agent.h"

/* For a configuration on memory of the caller: defaults; frees what it holds. */
void config_init(struct studio_agent_config *config);
void config_finish(struct studio_agent_config *config);
/* A copy with strings of its own; what it points to besides outlives both. On an error there is nothing to finish.
 * Errors: NO_MEMORY. */
STUDIO_MUST_USE enum studio_err config_copy(struct studio_agent_config *to,
                                            const struct studio_agent_config *from,
                                            struct studio_error *error);

struct option;
typedef bool config_wanted_fn(const struct option *option);

/* Sets what the variables STUDIO_<SECTION>_<KEY> among `variables` ("NAME=value", ended by NULL)
 * say of the options that are `wanted` (NULL: all); an empty one counts as not set. A name with a known
 * section and an unknown key is a warning in the log: others name their variables, too (Kubernetes makes
 * STUDIO_MQTT_PORT of a service called studio-mqtt). Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err config_environment(struct studio_agent_config *config,
                                                   const char *const *variables,
                                                   config_wanted_fn *wanted,
                                                   struct studio_error *error);

/* Clears the values of secret options among the variables: an environment is in core files, and others
 * inherit it. */
void config_clear_environment(char **variables);

/* Checks what only the whole can show: options that exclude each other. Errors: USAGE. */
STUDIO_MUST_USE enum studio_err config_check(const struct studio_agent_config *config,
                                             struct studio_error *error);

/* The path of the tokens file: `auth.tokens`, else <data>/tokens; free() it. NULL: no memory. */
char *config_tokens_path(const struct studio_agent_config *config);

/* Fills `error` (may be NULL) with the formatted text alone, cut at a UTF-8 boundary; returns code.
 */
enum studio_err config_fail(struct studio_error *error, enum studio_err code, const char *fmt, ...)
    STUDIO_PRINTF(3, 4);

#endif
