/* server.c - starting and stopping what is measured. */
#include "bench/server.h"

#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

const char *const server_names[SERVER_KINDS] = {
    [SERVER_AGENT] = "studio-agent",
    [SERVER_AGENT_ALONE] = "studio-agent, no broker",
    [SERVER_NODE] = "node ws+mqtt",
    [SERVER_PYTHON] = "python websockets",
};

bool server_available(enum server_kind kind)
{
    switch (kind) {
    case SERVER_NODE:
        return getenv("BENCH_NODE_PATH") != NULL;
    case SERVER_PYTHON:
        return getenv("BENCH_PYTHON") != NULL;
    default:
        return true;
    }
}

static const char *peer_path(const char *name)
{
    const char *source = getenv("STUDIO_SOURCE");
    if (!source)
        test_fail("STUDIO_SOURCE is not set: start this with tests/bench/run");
    return tmpdir_path(tmpdir_path(source, "tests/bench/peers"), name);
}

static void start_agent(struct server *s)
{
    struct agent_options options = {
        .broker = s->broker ? broker_uri(s->broker) : NULL,
        .config = "[limits]\nupdates_per_second = 0\nunauthenticated_per_address = "
                  "1024\n[log]\nlevel = error\n",
    };
    s->agent = agent_proc_start(&options);
    s->port = agent_proc_port(s->agent);
    s->pid = proc_pid(agent_proc_proc(s->agent));
}

static void start_peer(struct server *s, const char *const argv[], const char *const env[])
{
    s->peer = proc_spawn(argv, env);
    char *line = proc_wait_line(s->peer, PROC_STDOUT, "listening on ws://", WAIT_MS);
    s->port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    s->pid = proc_pid(s->peer);
    free(line);
}

static void start_node(struct server *s)
{
    const char *argv[] = {"node", peer_path("status_server.js"), broker_uri(s->broker), NULL};
    char *path = test_printf("NODE_PATH=%s", getenv("BENCH_NODE_PATH"));
    const char *env[] = {path, NULL};
    start_peer(s, argv, env);
    free(path);
}

static void start_python(struct server *s)
{
    const char *argv[] = {getenv("BENCH_PYTHON"), peer_path("status_server.py"), NULL};
    start_peer(s, argv, NULL);
}

void server_start(struct server *s, enum server_kind kind)
{
    /* Little is logged: a line for each packet would be most of the broker's work. */
    static const struct broker_options quiet = {.extra = "log_type none\nlog_type information\n"};
    memset(s, 0, sizeof *s);
    if (kind == SERVER_AGENT || kind == SERVER_NODE) {
        s->broker = broker_create(&quiet);
        s->broker_port = broker_port(s->broker);
    }
    if (kind == SERVER_NODE)
        start_node(s);
    else if (kind == SERVER_PYTHON)
        start_python(s);
    else
        start_agent(s);
}

void server_stop(struct server *s)
{
    agent_proc_destroy(s->agent);
    proc_destroy(s->peer);
    broker_destroy(s->broker);
}
