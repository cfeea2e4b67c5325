/* agent.c - command line, start and end of an agent under test. */
#include "support/agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/names.h"
#include "support/capture.h"
#include "support/certs.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/port.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"

enum { ARGS_MAX = 64, ENV_MAX = 16 };

struct agent_proc {
    const char *data;
    const char *argv[ARGS_MAX];
    char listen[64];
    const char *cert; /* NULL: no TLS */
    char *key;
    struct tunnel *tunnel;
    const char *env[ENV_MAX];
    char *url, *id; /* of a store in a database */
    bool same_port;
    struct port reserved;
    uint16_t port;
    struct proc *proc;
};

const char *studio_program(const char *name)
{
    const char *bin = getenv("STUDIO_BIN");
    if (!bin)
        test_fail("STUDIO_BIN is not set: run the tests with ctest, or set it to BUILD/bin");
    return tmpdir_path(bin, name);
}

static void spawn(struct agent_proc *a)
{
    a->proc = proc_spawn(a->argv, a->env);
    proc_close_stdin(a->proc);
}

static uint16_t port_in_line(struct agent_proc *a, const char *start)
{
    char *line = proc_wait_line(a->proc, PROC_STDOUT, start, WAIT_MS);
    const char *colon = strrchr(line, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (port <= 0 || port > 65535)
        test_fail("no port in the agent's line: %s", line);
    free(line);
    return (uint16_t)port;
}

static void wait_listening(struct agent_proc *a)
{
    a->port = port_in_line(a, "listening on ws://");
    if (!a->cert)
        return;
    tunnel_destroy(a->tunnel); /* of the run before */
    a->tunnel = tunnel_create(port_in_line(a, "listening on wss://"),
                              &(struct tunnel_options){.ca = a->cert});
    a->port = tunnel_port(a->tunnel);
}

static const char *certificate(void)
{
    static const char *cert;
    if (!cert)
        cert = cert_create(tmpdir_create(), "agent.pem", "DNS:localhost");
    return cert;
}

static void start(struct agent_proc *a)
{
    spawn(a);
    wait_listening(a);
}

/* Its id would be the host's name; an agent whose test names one is told so on the command line. */
static void use_database(struct agent_proc *a, const struct agent_options *o)
{
    char host[256] = "", name[NAME_CLIENT_MAX + 1];
    size_t n = 0;
    if (pgserver_wanted()) {
        (void)gethostname(host, sizeof host - 1);
        name_make_client(host, name);
        a->url = test_printf(
            "STUDIO_STORE_URL=%s",
            pgserver_url(pgserver_shared(), pgserver_schema(o->beside ? o->beside : a->data)));
        a->id = test_printf("STUDIO_MQTT_AGENT_ID=%s", name);
        a->env[n++] = a->url;
        if (!o->config || !strstr(o->config, "agent_id"))
            a->env[n++] = a->id;
    }
    for (size_t i = 0; o->env && o->env[i]; i++) {
        if (n >= ENV_MAX - 1)
            test_fail("too many variables for the agent");
        a->env[n++] = o->env[i];
    }
}

struct agent_proc *agent_proc_start(const struct agent_options *options)
{
    static const struct agent_options defaults;
    const struct agent_options *o = options ? options : &defaults;
    struct agent_proc *a = test_alloc(sizeof *a);
    size_t n = 0;
    a->data = o->data ? o->data : tmpdir_create();
    use_database(a, o);
    a->same_port = o->same_port;
    if (o->same_port)
        port_reserve(&a->reserved);
    snprintf(a->listen, sizeof a->listen, "ws://localhost:%u%s",
             o->same_port ? a->reserved.number : 0U, o->tls ? ",wss://localhost:0" : "");

    a->argv[n++] = studio_program(o->program ? o->program : "studio-agent");
    if (o->config) {
        a->argv[n++] = "-c";
        a->argv[n++] = tmpdir_write(tmpdir_create(), "agent.conf", 0600, o->config);
    }
    a->argv[n++] = "--listen";
    a->argv[n++] = a->listen;
    if (o->tls) {
        a->cert = certificate();
        a->key = test_printf("%s.key", a->cert);
        a->argv[n++] = "--tls-cert";
        a->argv[n++] = a->cert;
        a->argv[n++] = "--tls-key";
        a->argv[n++] = a->key;
    }
    a->argv[n++] = "--data";
    a->argv[n++] = a->data;
    a->argv[n++] = "--tokens";
    a->argv[n++] = o->tokens ? o->tokens : tokens_write_default(a->data);
    if (o->broker) {
        a->argv[n++] = "--broker";
        a->argv[n++] = o->broker;
    }
    for (size_t i = 0; o->args && o->args[i]; i++) {
        if (n >= ARGS_MAX - 1)
            test_fail("too many arguments for the agent");
        a->argv[n++] = o->args[i];
    }
    capture_agent(o->config ? o->config : "");
    start(a);
    return a;
}

void agent_proc_destroy(struct agent_proc *a)
{
    if (!a)
        return;
    if (a->proc)
        agent_proc_stop(a);
    tunnel_destroy(a->tunnel);
    if (a->same_port)
        port_release(&a->reserved);
    free(a->key);
    free(a->url);
    free(a->id);
    free(a);
}

uint16_t agent_proc_port(const struct agent_proc *a)
{
    return a->port;
}

const char *agent_proc_data(const struct agent_proc *a)
{
    return a->data;
}

struct proc *agent_proc_proc(struct agent_proc *a)
{
    return a->proc;
}

void agent_proc_stop(struct agent_proc *a)
{
    int code = proc_stop(a->proc, WAIT_MS);
    if (code != 0) {
        char *log = proc_output(a->proc, PROC_STDERR);
        fprintf(stderr, "--- the agent's log\n%s\n", log);
        free(log);
    }
    proc_destroy(a->proc);
    a->proc = NULL;
    if (code != 0)
        test_fail("the agent ended with %d", code);
}

void agent_proc_kill(struct agent_proc *a)
{
    proc_kill(a->proc);
    proc_destroy(a->proc);
    a->proc = NULL;
}

void agent_proc_restart(struct agent_proc *a)
{
    start(a);
}

static bool has_line(struct proc *proc)
{
    char *out = proc_output(proc, PROC_STDOUT);
    bool yes = strchr(out, '\n') != NULL;
    free(out);
    return yes;
}

bool agent_proc_try(struct agent_proc *a, int *code, char **err)
{
    static const struct timespec step = {.tv_nsec = 2000000};
    int64_t deadline = now_ms() + WAIT_MS;
    spawn(a);
    while (proc_running(a->proc) && !has_line(a->proc) && deadline_left(deadline) > 0)
        nanosleep(&step, NULL);
    if (proc_running(a->proc)) {
        wait_listening(a);
        return true;
    }
    *code = proc_wait(a->proc, WAIT_MS);
    *err = proc_output(a->proc, PROC_STDERR);
    proc_destroy(a->proc);
    a->proc = NULL;
    return false;
}
