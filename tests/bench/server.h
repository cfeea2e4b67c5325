/* server.h - what is measured: the agent and its peers, each as a process of its own. */
#ifndef TESTS_BENCH_SERVER_H
#define TESTS_BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum server_kind { SERVER_AGENT, SERVER_AGENT_ALONE, SERVER_NODE, SERVER_PYTHON };
enum { SERVER_KINDS = 4 };

extern const char *const server_names[SERVER_KINDS];

struct server {
    uint16_t port;
    pid_t pid;
    uint16_t broker_port; /* 0: without MQTT */
    struct agent_proc *agent;
    struct proc *peer;
    struct broker *broker;
};

/* Whether it is there: the peers may be left out ($BENCH_NODE_PATH, $BENCH_PYTHON not set). */
bool server_available(enum server_kind kind);

/* Starts it anew, with a broker of its own if it speaks MQTT. */
void server_start(struct server *server, enum server_kind kind);
void server_stop(struct server *server);

#endif
