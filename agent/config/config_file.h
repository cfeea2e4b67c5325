/*
 * config_file.h - the INI file: every mistake in it, with its line.
 *
 * `[section]` lines, `key = value` lines, lines that start with ';' or '#' are comments, and so is
 * what follows a blank and ';'. No continuation lines. Read with inih, which takes lines of up to
 * some 200 bytes.
 */
#ifndef AGENT_CONFIG_CONFIG_FILE_H
#define AGENT_CONFIG_CONFIG_FILE_H

#include <stddef.h>

#include "config/config.h"

enum { CONFIG_FILE_MAX = 1 << 20 }; /* bytes */

/* Told of each mistake in the order of the lines. */
typedef void config_mistake_fn(void *ctx, unsigned line, const char *what);

/*
 * Applies `text` (NUL-terminated; `len` shows a NUL byte inside) to the configuration: what is
 * right is set, what is wrong is told to `tell`; but a wrong value of an option that is not `wanted`
 * (NULL: all are) is only a warning in the log. *mistakes counts what was told. Errors: NO_MEMORY;
 * mistakes are none.
 */
STUDIO_MUST_USE enum studio_err config_parse(struct studio_agent_config *config, const char *text,
                                             size_t len, config_wanted_fn *wanted,
                                             config_mistake_fn *tell, void *ctx, size_t *mistakes);

/* The same from a file. Errors: USAGE with `error` when it cannot be read; NO_MEMORY. */
STUDIO_MUST_USE enum studio_err config_parse_file(struct studio_agent_config *config,
                                                  const char *file, config_wanted_fn *wanted,
                                                  config_mistake_fn *tell, void *ctx,
                                                  size_t *mistakes, struct studio_error *error);

/* studio_agent_config_read for a command that needs only some of it. */
STUDIO_MUST_USE enum studio_err config_read(struct studio_agent_config *config, const char *file,
                                            config_wanted_fn *wanted, struct studio_error *error);

#endif
