/* server.c - starting and stopping what is measured. */
#include "bench/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/histogram.h"
#include "bench/load_inside.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/port.h"
#include "support/tmpdir.h"

const struct server_name server_names[SERVER_KINDS] = {
    [SERVER_AGENT] = {"agent", "studio-agent"},
    [SERVER_OTHER] = {"other", "the other build"},
    [SERVER_DATABASE] = {"database", "studio-agent, PostgreSQL"},
    [SERVER_ALONE] = {"alone", "studio-agent, no broker"},
    [SERVER_NODE] = {"node", "node ws+mqtt"},
    [SERVER_PYTHON] = {"python", "python websockets"},
    [SERVER_MOSQUITTO] = {"mosquitto", "Mosquitto's WebSockets"},
    [SERVER_SYNC] = {"sync", "bare sync"},
    [SERVER_ECHO] = {"echo", "bare echo"},
    [SERVER_LIBRARY] = {"library", "library only"},
};

static const char agent_config[] = "[limits]\n"
                                   "updates_per_second = 0\n"
                                   "unauthenticated_per_address = 1024\n"
                                   "tables = 200000\n"
                                   "[mqtt]\n"
                                   "max_backlog = 10000000\n"
                                   "[log]\n"
                                   "level = error\n";

/* Kept for a mosquitto that listens for WebSockets, until the next one. */
static struct port websocket_port;

bool server_available(enum server_kind kind)
{
    static const char *const needs[SERVER_KINDS] = {[SERVER_NODE] = "BENCH_NODE_PATH",
                                                    [SERVER_PYTHON] = "BENCH_PYTHON",
                                                    [SERVER_OTHER] = "BENCH_AGAINST"};
    return (!needs[kind] || getenv(needs[kind])) && (kind != SERVER_DATABASE || pgserver_there());
}

/* A file of the source, or a program that was built beside this one. */
static const char *path_of(const char *variable, const char *name)
{
    const char *dir = getenv(variable);
    if (!dir)
        test_fail("%s is not set: start this with tests/bench/run", variable);
    return tmpdir_path(dir, name);
}

/* Two servers on this machine, started when they are first asked for, of which the first waits for the second: both have
 * an update on disk when it is answered. */
static struct pgserver *primary, *standby;

static void end_database(void)
{
    pgserver_destroy(standby);
    pgserver_destroy(primary);
}

/* Its log is in files of 16 MB. A new one is filled with zeros and synced while commits wait; one that has been in use for
 * a while takes old ones again. */
static void make_log_files(void)
{
    enum { FILES = 16 };
    for (int i = 0; i < FILES; i++)
        free(pgserver_ask(primary, "public",
                          "SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()"));
    pgserver_wait_replayed(primary); /* before they are gone */
    free(pgserver_ask(primary, "public", "CHECKPOINT"));
    pgserver_wait_replayed(primary);
    free(pgserver_ask(standby, "public", "CHECKPOINT"));
}

static void start_database(void)
{
    static const char *const settings[] = {"synchronous_standby_names=*", "fsync=on",
                                           "shared_buffers=128MB", "min_wal_size=512MB", NULL};
    primary = pgserver_create_as(&(struct pgserver_options){.settings = settings});
    char *source = test_printf("host=%s user=postgres", pgserver_host(primary));
    standby =
        pgserver_create_as(&(struct pgserver_options){.settings = &settings[1], .copy_of = source});
    pgserver_wait_synchronous(primary);
    make_log_files();
    (void)atexit(end_database);
    free(source);
}

/* Where its store is, anew. */
static void name_database(struct server *s)
{
    static unsigned count;
    char schema[24];
    if (!primary)
        start_database();
    snprintf(schema, sizeof schema, "bench%u", count++);
    s->url = test_printf("STUDIO_STORE_URL=%s", pgserver_url(primary, schema));
}

static void start_agent(struct server *s)
{
    if (s->kind == SERVER_DATABASE)
        name_database(s);
    const char *const env[] = {"STUDIO_MQTT_AGENT_ID=bench", s->url, NULL};
    struct agent_options options = {
        .broker = s->broker ? broker_uri(s->broker) : NULL,
        .config = agent_config,
        .env = s->url ? env : NULL,
    };
    bool other = s->kind == SERVER_OTHER;
    if (setenv("STUDIO_BIN", path_of(other ? "BENCH_AGAINST" : "BENCH_AGENT", ""), 1) != 0)
        test_fail("no memory");
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
    const char *argv[] = {"node", path_of("STUDIO_SOURCE", "tests/bench/peers/status_server.js"),
                          broker_uri(s->broker), NULL};
    char *path = test_printf("NODE_PATH=%s", getenv("BENCH_NODE_PATH"));
    const char *env[] = {path, NULL};
    start_peer(s, argv, env);
    free(path);
}

static void start_python(struct server *s)
{
    const char *argv[] = {getenv("BENCH_PYTHON"),
                          path_of("STUDIO_SOURCE", "tests/bench/peers/status_server.py"), NULL};
    start_peer(s, argv, NULL);
}

static void start_mosquitto(struct server *s)
{
    s->wire = &wire_mqtt;
    s->port = websocket_port.number;
    s->pid = proc_pid(broker_proc(s->broker));
}

static void start_bare(struct server *s)
{
    const char *argv[] = {path_of("BENCH_BIN", "bench-bare"),
                          s->kind == SERVER_SYNC ? tmpdir_path(tmpdir_create(), "log") : NULL,
                          NULL};
    start_peer(s, argv, NULL);
}

static void start_nothing(struct server *s)
{
    s->pid = getpid();
}

static const struct {
    bool broker;
    void (*start)(struct server *);
} kinds[SERVER_KINDS] = {
    [SERVER_AGENT] = {true, start_agent},         [SERVER_OTHER] = {true, start_agent},
    [SERVER_DATABASE] = {true, start_agent},      [SERVER_ALONE] = {false, start_agent},
    [SERVER_NODE] = {true, start_node},           [SERVER_PYTHON] = {false, start_python},
    [SERVER_MOSQUITTO] = {true, start_mosquitto}, [SERVER_SYNC] = {false, start_bare},
    [SERVER_ECHO] = {false, start_bare},          [SERVER_LIBRARY] = {true, start_nothing},
};

static void start(struct server *s, enum server_kind kind, bool connected)
{
    /* Little is logged: a line for each packet would be most of the broker's work. */
    static const char quiet[] = "log_type none\nlog_type information\n";
    char *extra = NULL;
    *s = (struct server){.kind = kind, .wire = &wire_studio};
    if (kind == SERVER_MOSQUITTO) {
        port_reserve(&websocket_port);
        extra = test_printf("%slistener %u 127.0.0.1\nprotocol websockets\n", quiet,
                            websocket_port.number);
    }
    if (kinds[kind].broker) {
        const struct broker_options options = {.extra = extra ? extra : quiet,
                                               .not_started = !connected};
        s->broker = broker_create(&options);
        s->broker_port = broker_port(s->broker);
    }
    free(extra);
    kinds[kind].start(s);
}

void server_start(struct server *s, enum server_kind kind)
{
    start(s, kind, true);
}

void server_start_unconnected(struct server *s, enum server_kind kind)
{
    start(s, kind, false);
}

double server_restart(struct server *s)
{
    agent_proc_stop(s->agent);
    int64_t before = load_now();
    agent_proc_restart(s->agent);
    double ms = (double)(load_now() - before) / 1e6;
    s->port = agent_proc_port(s->agent);
    s->pid = proc_pid(agent_proc_proc(s->agent));
    return ms;
}

void server_stop(struct server *s)
{
    agent_proc_destroy(s->agent);
    proc_destroy(s->peer);
    broker_destroy(s->broker);
    free(s->url);
    if (s->kind == SERVER_MOSQUITTO)
        port_release(&websocket_port);
}

void server_publish(struct server *s, size_t count)
{
    char *number = test_printf("%zu", count);
    const char *argv[] = {path_of("BENCH_BIN", "bench-publisher"), broker_uri(s->broker), number,
                          NULL};
    s->peer = proc_spawn(argv, NULL);
    free(proc_wait_line(s->peer, PROC_STDOUT, "connected", WAIT_MS));
    free(number);
}

double server_sync_us(void)
{
    enum { PAGE = 4096, PAGES = 64, TIMES = 512 };
    static const char page[PAGE];
    struct histogram *h = test_alloc(sizeof *h);
    int fd = open(tmpdir_path(tmpdir_create(), "page"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    memset(h, 0, sizeof *h);
    for (int i = -PAGES; i < TIMES; i++) { /* the first round makes the file as long as it gets */
        int64_t before = load_now();
        if (fd < 0 || pwrite(fd, page, PAGE, (i + PAGES) % PAGES * (off_t)PAGE) != PAGE ||
            fdatasync(fd) != 0)
            test_fail("the disk cannot be written to");
        if (i >= 0)
            histogram_add(h, load_now() - before);
    }
    close(fd);
    double us = histogram_ms(h, 0.5) * 1000;
    free(h);
    return us;
}
