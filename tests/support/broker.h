/*
 * broker.h - a real Mosquitto of the test's own, on a reserved port of 127.0.0.1, or on another host.
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

/* Zeroed: anonymous, nothing kept over a restart. */
struct broker_options {
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
/* SIGTERM: with persistence all is saved. */
void broker_stop(struct broker *broker);
/* SIGKILL. */
void broker_kill(struct broker *broker);

#endif
