/* server.h - what is measured: the agent and its peers, each as a process of its own. */
#ifndef TESTS_BENCH_SERVER_H
#define TESTS_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/wire.h"

/* The columns. */
enum server_kind {
    SERVER_AGENT,
    SERVER_OTHER,    /* the agent of another build, $BENCH_AGAINST */
    SERVER_DATABASE, /* the agent, its store in a PostgreSQL with a synchronous standby */
    SERVER_ALONE,
    SERVER_NODE,
    SERVER_PYTHON,
    SERVER_MOSQUITTO, /* its own WebSocket listener */
    SERVER_SYNC,      /* what is not exceeded: echo, each batch synced */
    SERVER_ECHO,
    SERVER_LIBRARY, /* a publisher that is nothing but the MQTT library */
    SERVER_KINDS,
};

struct server_name {
    const char *key, *title;
};
extern const struct server_name server_names[SERVER_KINDS];

struct server {
    enum server_kind kind;
    uint16_t port;
    pid_t pid;
    const struct wire *wire;
    uint16_t broker_port; /* 0: without MQTT */
    struct broker *broker;
    struct agent_proc *agent;
    struct proc *peer;
    char *url; /* the variable that names its database; NULL: none */
};

/* Whether it is there: $BENCH_NODE_PATH, $BENCH_PYTHON, $BENCH_AGAINST say so. */
bool server_available(enum server_kind kind);

/* Starts it anew, with a broker of its own if it speaks MQTT; SERVER_LIBRARY only gets the broker. */
void server_start(struct server *server, enum server_kind kind);
/* An agent whose broker has not been started yet. */
void server_start_unconnected(struct server *server, enum server_kind kind);
/* An agent stopped and started again on its data; milliseconds until it listens. */
double server_restart(struct server *server);
void server_stop(struct server *server);

/* The library's publisher: so many messages to the server's broker; it has connected on return. */
void server_publish(struct server *server, size_t count);

/* The median of syncing one page, in microseconds. */
double server_sync_us(void);

#endif
