/*
 * pgserver.h - a real PostgreSQL of the test's own, in a temporary directory, on a unix socket there.
 *
 * On other hosts, too, and as the standby of another one. It never touches a server that was already running. Root is no user to it, so there it runs as `postgres`.
 */
#ifndef TESTS_SUPPORT_PGSERVER_H
#define TESTS_SUPPORT_PGSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "support/proc.h"

struct pgserver;

/* Is it installed? */
bool pgserver_there(void);

/* With STUDIO_STORE=postgres in the environment, what has a store has it in one server of the test program's. */
bool pgserver_wanted(void);
/* That server, started when it is first asked for, stopped when the program ends. */
struct pgserver *pgserver_shared(void);
/* What a data directory is to SQLite, a schema is there. */
const char *pgserver_schema(const char *dir);

/* Zeroed: one for this machine alone, that does nothing for a power cut. */
struct pgserver_options {
    const char *const *in; /* a command before each of its own, `ip netns exec HOST`; NULL: none */
    const char *const *settings; /* NAME=VALUE, ends with NULL, lives as long; NULL: none */
    const char *const *env;      /* of the server; the same */
    const char *hba;             /* more lines of pg_hba.conf; NULL: none */
    unsigned port;               /* 0: the usual one */
    /* A copy of the server at this address of libpq, and its standby; NULL: a new one. */
    const char *copy_of;
};

/* Ready for connections when it returns. */
struct pgserver *pgserver_create(void);
struct pgserver *pgserver_create_as(const struct pgserver_options *options);
void pgserver_destroy(struct pgserver *server);

/* postgresql://..., whose tables are those of the schema `name`, made if need be; lives until the next call. */
const char *pgserver_url(struct pgserver *server, const char *name);

/* What libpq calls its host: the directory of its socket. */
const char *pgserver_host(const struct pgserver *server);

/* Runs SQL there by psql; the first column of the first row (free()), "" without one. Waits for no
 * standby. Fails the test. */
char *pgserver_ask(struct pgserver *server, const char *name, const char *sql);
/* The same, a number. */
int64_t pgserver_count(struct pgserver *server, const char *name, const char *sql);

void pgserver_start(struct pgserver *server);
/* Without waiting: it may have nobody to follow yet. */
void pgserver_spawn(struct pgserver *server);
/* Of one that is not running: it goes back to where it and the server at this address of libpq were
 * one, and is its standby from the next start on. False: it cannot. */
bool pgserver_rewind(struct pgserver *server, const char *source);
/* The same by a new copy. */
void pgserver_copy(struct pgserver *server, const char *source);
/* A standby becomes a primary, and can be written to when it returns. */
void pgserver_promote(struct pgserver *server);
/* Until a standby is there that commits wait for. */
void pgserver_wait_synchronous(struct pgserver *server);
/* And until one has replayed all that is there now. */
void pgserver_wait_replayed(struct pgserver *server);
/* Every connection ends, what is under way is taken back. */
void pgserver_stop(struct pgserver *server);
/* SIGKILL to all of it, as a power cut. */
void pgserver_kill(struct pgserver *server);
/* To SIGSTOP it. */
struct proc *pgserver_proc(struct pgserver *server);

#endif
