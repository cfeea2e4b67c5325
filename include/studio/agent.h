/*
 * agent.h - the agent as a library: the WebSocket status server with its store and bridge.
 *
 * include/README.md has a whole program. Agents of one process have nothing in common: each has its
 * own store, log and lists of values. Each MQTT connection is a process that runs `studio-agent`: the
 * one installed with this library, or what `mqtt.link_program` names. Out of memory in the event loop
 * ends the process with exit code 1: it cannot go on.
 */
#ifndef STUDIO_AGENT_H
#define STUDIO_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "studio/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Every option of protocol section 7; opaque. One thread at a time. */
struct studio_agent_config;

/* All options at their defaults; NULL without memory. */
STUDIO_MUST_USE struct studio_agent_config *studio_agent_config_create(void);
/* NULL does nothing. */
void studio_agent_config_destroy(struct studio_agent_config *config);

/* Sets one option by its `section.key` name from text. On an error nothing has changed and `error`
 * says what would be right. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err studio_agent_config_set(struct studio_agent_config *config,
                                                        const char *name, const char *value,
                                                        struct studio_error *error);

/* Reads an INI file over the configuration. All of it is checked; the first mistake is in `error`
 * as `FILE:LINE: what`. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err studio_agent_config_read(struct studio_agent_config *config,
                                                         const char *file,
                                                         struct studio_error *error);

enum studio_log_level { STUDIO_LOG_ERROR, STUDIO_LOG_WARN, STUDIO_LOG_INFO, STUDIO_LOG_DEBUG };

/* Takes one message of an agent's log, without a newline: `module` is the part that speaks. Any of
 * the agent's threads, also several at once; it must not call the agent. */
typedef void studio_agent_log_fn(void *ctx, int level, const char *module, const char *message);

/* Lets the log of agents made of this configuration go to `log` (levels as `log.level` says) instead
 * of standard error; NULL: there. `ctx` outlives the agents. */
void studio_agent_config_log(struct studio_agent_config *config, studio_agent_log_fn *log,
                             void *ctx);

struct studio_agent;

/*
 * Opens the store, reads the tokens, binds the port, starts the store and bridge threads. Serving
 * begins with studio_agent_run. `error` (never NULL) says what is wrong and what to do.
 * Errors: USAGE, ADDRESS, STORE_UNUSABLE, NO_MEMORY, IO; the exit codes of section 7 follow from
 * them by studio_agent_exit_code. The config may be changed or finished afterwards.
 * With `store.url`, where another process has this agent, that is no error: it is a standby, whose studio_agent_run
 * answers 503 until it can take over; with `store.standby` so it is while the database is away.
 */
STUDIO_MUST_USE enum studio_err studio_agent_create(const struct studio_agent_config *config,
                                                    struct studio_agent **out,
                                                    struct studio_error *error);

/* The port listened on (the real one when port 0 was asked for); of several the first; 0: none has one. */
uint16_t studio_agent_port(const struct studio_agent *agent);

/* The i-th address listened on: `wss://HOST:PORT`, `ws://HOST:PORT` or `unix:PATH`; NULL behind the last.
 * Lives as long as the agent. */
const char *studio_agent_address(const struct studio_agent *agent, size_t i);

/* Serves on the calling thread until studio_agent_stop or a fatal error; stops in order (section 7). An agent in a
 * database may be the standby of another process at first, or become it.
 * Returns an exit code: 0 orderly, 1 failed while running. Call once. */
int studio_agent_run(struct studio_agent *agent);

/* Asks a running agent to stop. Any thread; returns at once; more than one call does no harm. */
void studio_agent_stop(struct studio_agent *agent);

/*
 * Reads the tokens file and the certificate again, on the calling thread: any but that of studio_agent_run.
 * All of it is checked; on return it counts, with *users lines, and users no longer in it are being closed.
 * A file with a mistake changes nothing of its own, and the other is taken; `error` (never NULL) says what is wrong
 * with which. Both are logged.
 * Errors: USAGE, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err studio_agent_reload(struct studio_agent *agent, size_t *users,
                                                    struct studio_error *error);

/* Frees everything; not while studio_agent_run runs. NULL does nothing. */
void studio_agent_destroy(struct studio_agent *agent);

/* The exit code a failure of studio_agent_create stands for. */
int studio_agent_exit_code(enum studio_err err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
