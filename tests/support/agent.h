/*
 * agent.h - the real studio-agent as a process under test.
 *
 * The program is $STUDIO_BIN/studio-agent (CTest sets it). Ready when agent_proc_start returns. With
 * STUDIO_STORE=postgres its store is in a database (pgserver.h).
 */
#ifndef TESTS_SUPPORT_AGENT_H
#define TESTS_SUPPORT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "support/proc.h"

/* Zeroed: a new data folder, the tokens of tokens.h, no broker, any free port. */
struct agent_options {
    const char *program; /* in $STUDIO_BIN; NULL: studio-agent */
    const char *data;    /* data folder; NULL: a new one */
    const char
        *beside; /* its store is in the database of that data folder's agent; NULL: its own */
    const char *tokens;      /* tokens file; NULL: the default ones in the data folder */
    const char *broker;      /* --broker; NULL: none */
    const char *config;      /* the text of an INI file given with -c; NULL: none */
    const char *const *args; /* more arguments, ends with NULL; NULL: none */
    const char *const *env;  /* NAME=VALUE, ends with NULL; NULL: none */
    bool same_port;          /* reserve a port, so that every start has the same one */
    bool
        tls; /* it listens for TLS, too, and agent_proc_port leads there, through a tunnel (tunnel.h) */
};

struct agent_proc;

/* The path of a program that was built; lives until the program ends. */
const char *studio_program(const char *name);

/* Starts and waits for its `listening on` line. */
struct agent_proc *agent_proc_start(const struct agent_options *options);
/* Ends it in order if it runs, expecting exit code 0, and frees. NULL does nothing. */
void agent_proc_destroy(struct agent_proc *agent);

uint16_t agent_proc_port(const struct agent_proc *agent);
const char *agent_proc_data(const struct agent_proc *agent);
/* To wait for lines of its log on PROC_STDERR, or to SIGSTOP it. NULL while it is not running. */
struct proc *agent_proc_proc(struct agent_proc *agent);

/* SIGTERM; fails unless it exits with 0 in time (a sanitizer's report is another exit code). */
void agent_proc_stop(struct agent_proc *agent);
/* SIGKILL. */
void agent_proc_kill(struct agent_proc *agent);
/* Starts again on the same data, after stop or kill. */
void agent_proc_restart(struct agent_proc *agent);
/* The same where it may end instead: true when it listens, else its exit code and what it wrote to
 * standard error (free()). */
bool agent_proc_try(struct agent_proc *agent, int *code, char **err);

#endif
