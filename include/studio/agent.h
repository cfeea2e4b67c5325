/*
 * agent.h - the agent as a library: the WebSocket status server with its store and bridge.
 *
 *     struct studio_agent_config config;
 *     studio_agent_config_init(&config);
 *     studio_agent_set(&config, "websocket.listen", "localhost:0", &error);
 *     studio_agent_set(&config, "store.data", "/var/lib/studio", &error);
 *     struct studio_agent *agent;
 *     if (studio_agent_create(&config, &agent, &error) == STUDIO_OK) {
 *         printf("port %u\n", studio_agent_port(agent));
 *         exit_code = studio_agent_run(agent);   // until studio_agent_stop() from another thread
 *     }
 *     studio_agent_destroy(agent);
 *     studio_agent_config_finish(&config);
 *
 * Agents of one process have nothing in common: each has its own store, log and lists of values. Out
 * of memory in the event loop or the MQTT library ends the process with exit code 1: they cannot go on.
 */
#ifndef STUDIO_AGENT_H
#define STUDIO_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* How the net thread waits for sockets. */
enum studio_event_loop { STUDIO_LOOP_AUTO, STUDIO_LOOP_LIBEV, STUDIO_LOOP_POLL };

/* Takes one message of the agent's log, without a newline; `level` is 0 error, 1 warn, 2 info,
 * 3 debug, `module` the part that speaks. Any of the agent's threads, also several at once. */
typedef void studio_log_fn(void *ctx, int level, const char *module, const char *message);

/* Every option of protocol section 7. Strings are owned by the struct; NULL means not set.
 * Change it only through studio_agent_set and friends; read it freely. */
struct studio_agent_config {
    /* [websocket] */
    char *listen; /* HOST:PORT */
    char *tls_cert, *tls_key, *tls_client_ca;
    int64_t event_loop;      /* enum studio_event_loop */
    int64_t auth_timeout_s;  /* for the first message of one who authenticates by message */
    int64_t ping_after_s;    /* of silence */
    int64_t ping_grace_s;    /* for any frame after the ping */
    int64_t write_timeout_s; /* a client that does not read with data waiting */
    /* [mqtt] */
    char *broker;         /* URI[,URI...]; NULL: a status server only */
    char *agent_id;       /* NULL: the one kept in the store */
    char *topic_root;     /* */
    int64_t mqtt_version; /* 5 or 4 (3.1.1) */
    char *username;       /* one for all brokers, or one for each, separated by commas */
    char *password;       /* from the environment or a file; never on the command line */
    char *password_file;  /* one line for all brokers, or one line for each */
    char *ca_file;        /* for ssl:// brokers */
    int64_t keepalive_s;
    int64_t session_expiry_s; /* of the command session */
    int64_t max_backlog;      /* events */
    bool create_tables;       /* by MQTT commands */
    bool shared_root;         /* several agents under one root: silence on unknown tables */
    /* [store] */
    char *data; /* directory */
    int64_t retention_events;
    int64_t retention_days;
    /* [auth] */
    char *tokens; /* file; NULL: <data>/tokens */
    /* [limits] */
    int64_t updates_per_second, updates_burst; /* 0 per second = no limit */
    int64_t connections, connections_per_id, auth_failures_per_minute, tables;
    char *service_values, *device_values; /* added to the built-in lists */
    /* [log] */
    int64_t log_level;  /* enum log_level */
    int64_t log_format; /* enum log_format */
    studio_log_fn *log; /* instead of lines on standard error; NULL: those */
    void *log_ctx;
};

/* Defaults. Never fails; what it holds is freed by studio_agent_config_finish. */
void studio_agent_config_init(struct studio_agent_config *config);
void studio_agent_config_finish(struct studio_agent_config *config);

/* Sets one option by its `section.key` name from text. On an error nothing has changed and `error`
 * says what would be right. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err studio_agent_set(struct studio_agent_config *config,
                                                 const char *name, const char *value,
                                                 struct studio_error *error);

/* Reads an INI file over the configuration. All of it is checked; the first mistake is in `error`
 * as `FILE:LINE: what`. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err studio_agent_config_read(struct studio_agent_config *config,
                                                         const char *file,
                                                         struct studio_error *error);

struct studio_agent;

/*
 * Opens the store, reads the tokens, binds the port, starts the store and bridge threads. Serving
 * begins with studio_agent_run. `error` (never NULL) says what is wrong and what to do.
 * Errors: USAGE, ADDRESS, STORE_UNUSABLE, NO_MEMORY, IO; the exit codes of section 7 follow from
 * them by studio_agent_exit_code. The config may be changed or finished afterwards.
 */
STUDIO_MUST_USE enum studio_err studio_agent_create(const struct studio_agent_config *config,
                                                    struct studio_agent **out,
                                                    struct studio_error *error);

/* The port listened on (the real one when port 0 was asked for). */
uint16_t studio_agent_port(const struct studio_agent *agent);

/* The host part listened on, as configured. Lives as long as the agent. */
const char *studio_agent_host(const struct studio_agent *agent);

/* Serves on the calling thread until studio_agent_stop or a fatal error; stops in order (section 7).
 * Returns an exit code: 0 orderly, 1 failed while running. Call once. */
int studio_agent_run(struct studio_agent *agent);

/* Asks a running agent to stop. Any thread; returns at once; more than one call does no harm. */
void studio_agent_stop(struct studio_agent *agent);

/* Asks a running agent to read its tokens file again: all of it is checked, then it counts and users
 * no longer in it are closed; a file with a mistake changes nothing and is logged. Any thread. */
void studio_agent_reload(struct studio_agent *agent);

/* Frees everything; not while studio_agent_run runs. NULL does nothing. */
void studio_agent_destroy(struct studio_agent *agent);

/* The exit code a failure of studio_agent_create stands for. */
int studio_agent_exit_code(enum studio_err err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
