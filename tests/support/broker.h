/*
 * broker.h - a real Mosquitto of the test's own, on a reserved port of 127.0.0.1, or on another host; or
 * another broker, where the test says how that is started.
 *
 * It never touches a broker that was already running. The port stays the same over stop, kill and
 * start, and nobody else can take it meanwhile.
 */
#ifndef TESTS_SUPPORT_BROKER_H
#define TESTS_SUPPORT_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "support/proc.h"

struct broker_user {
    const char *name, *password;
};

/* A broker that is no Mosquitto. All of it lives as long as the broker. */
struct broker_program {
    const char *const *argv; /* ends with NULL */
    const char *const *env;  /* NAME=VALUE, ends with NULL; NULL: none */
    uint16_t port;           /* where it listens for MQTT; reserved by the test */
    int ready_ms;            /* how long it may take until it lets clients in */
};

/* Zeroed: anonymous, nothing kept over a restart. */
struct broker_options {
    const struct broker_program *program; /* instead of Mosquitto; all but not_started is its own */
    bool persistence; /* keep retained messages and sessions over an orderly restart */
    const struct broker_user *users; /* ends with a NULL name; NULL: anyone may come */
    const char *acl;                 /* the text of an access list; NULL: all may do all */
    const char *extra;               /* more lines of configuration */
    const char *const *env;          /* NAME=VALUE, ends with NULL, lives as long; NULL: none */
    const char *address;             /* it listens there; NULL: 127.0.0.1 */
    const char *const
        *in; /* a command before its own, `ip netns exec HOST`, lives as long; NULL: none */
    bool not_started; /* reserve the port only; broker_start comes later */
};

struct broker;

/* Ready for connections when it returns (unless not_started). */
struct broker *broker_create(const struct broker_options *options);
void broker_destroy(struct broker *broker);

/* The address it listens on. */
const char *broker_host(const struct broker *broker);
uint16_t broker_port(const struct broker *broker);
/* mqtt://ADDRESS:PORT; lives as long as the broker. */
const char *broker_uri(const struct broker *broker);
/* To wait for lines of its log on PROC_STDERR, or to SIGSTOP it. NULL while it is not running. */
struct proc *broker_proc(struct broker *broker);

/* Others than it was created with, at once: it drops who may not be there any more. */
void broker_users(struct broker *broker, const struct broker_user *users);

void broker_start(struct broker *broker);
/* The same in two steps, for nodes that let nobody in before they have found each other. */
void broker_spawn(struct broker *broker);
void broker_wait(struct broker *broker);
/* SIGTERM: with persistence all is saved. */
void broker_stop(struct broker *broker);
/* SIGKILL. */
void broker_kill(struct broker *broker);

#endif
