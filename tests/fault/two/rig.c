#include "fault/two/rig.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fault/two/ask.h"
#include "fault/two/audit.h"
#include "support/agent.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum {
    START_MS = 60000,
    STOP_MS = 15000, /* 5 s of the contract, on a busy machine */
    READY_MS = 1000, /* for an answer of an agent that is well */
    STEP_MS = 20,
    LOG_SHOWN = 4000
};

enum host two_other(enum host agent)
{
    return agent == HOST_A ? HOST_B : HOST_A;
}

int two_readyz(enum host agent, unsigned timeout_ms, char *body, size_t size)
{
    return ask_http(host_address(agent), TWO_PORT, "/readyz", timeout_ms, body, size);
}

/* --- the agents ------------------------------------------------------------------------------- */

void two_spawn_agent(struct two *t, enum host host)
{
    struct two_agent *agent = &t->agents[host];
    const char *argv[40];
    const char *env[8];
    char listen[40];
    size_t n = 0, e = 0;
    snprintf(listen, sizeof listen, "%s:%d", host_address(host), TWO_PORT);
    for (const char *const *in = host_in(host); *in; in++)
        argv[n++] = *in;
    const char *const line[] = {studio_program("studio-agent"),
                                "--listen",
                                listen,
                                "--data",
                                agent->data,
                                "--broker",
                                t->uri,
                                "--agent-id",
                                "edge-1"};
    for (size_t i = 0; i < sizeof line / sizeof *line; i++)
        argv[n++] = line[i];
    argv[n] = NULL;
    env[e++] = t->store_url;
    env[e++] = "STUDIO_STORE_STANDBY=yes";
    env[e++] = "STUDIO_MQTT_KEEPALIVE=2"; /* a host that is gone is noticed soon */
    for (size_t i = 0; agent->faults && faults_env(agent->faults)[i]; i++)
        env[e++] = faults_env(agent->faults)[i];
    env[e] = NULL;
    agent->proc = proc_spawn(argv, env);
    proc_close_stdin(agent->proc);
}

/* Each run of it behind the one before. */
static void keep_log(const struct two *t, enum host host)
{
    char *path = test_printf("%s/%s.log", t->logs, host_name(host));
    char *log = proc_output(t->agents[host].proc, PROC_STDERR);
    FILE *file = fopen(path, "a");
    if (!file || fputs(log, file) < 0 || fclose(file) != 0)
        test_fail("%s cannot be written", path);
    free(log);
    free(path);
}

void two_bury_agent(struct two *t, enum host host)
{
    if (t->logs)
        keep_log(t, host);
    proc_destroy(t->agents[host].proc);
    t->agents[host].proc = NULL;
}

static void complain_of(struct two *t, enum host host, const char *what, int code)
{
    char *log = proc_output(t->agents[host].proc, PROC_STDERR);
    size_t len = strlen(log);
    rig_complain(&t->rig, COMPLAINT_AGENT, "the agent on %s %s (%d):\n%s", host_name(host), what,
                 code, len > LOG_SHOWN ? log + len - LOG_SHOWN : log);
    free(log);
}

void two_stop_agent(struct two *t, enum host host)
{
    struct proc *proc = t->agents[host].proc;
    int64_t deadline = now_ms() + STOP_MS;
    proc_signal(proc, SIGTERM);
    while (proc_running(proc) && deadline_left(deadline) > 0)
        rig_nap(5);
    if (proc_running(proc)) {
        complain_of(t, host, "does not stop", 0);
        proc_signal(proc, SIGKILL);
    } else if (proc_wait(proc, WAIT_MS) != 0) {
        complain_of(t, host, "stopped with another code than 0", proc_wait(proc, WAIT_MS));
    }
    two_bury_agent(t, host);
}

void two_look_after_agents(struct two *t)
{
    for (enum host host = HOST_A; host <= HOST_B; host++) {
        struct proc *proc = t->agents[host].proc;
        if (proc && !proc_running(proc)) {
            complain_of(t, host, "ended by itself", proc_wait(proc, WAIT_MS));
            two_bury_agent(t, host);
        }
        if (!t->agents[host].proc)
            two_spawn_agent(t, host);
    }
}

/* --- who owns it ------------------------------------------------------------------------------ */

/* The owner's name begins with its host's. */
enum host two_owner(struct two *t, uint64_t *boot)
{
    char *text =
        database_ask(t->database, "SELECT left(owner, 1) || boot FROM studio_agents"
                                  " WHERE agent = 'edge-1' AND valid_until > clock_timestamp()");
    enum host owner = *text == 'a' ? HOST_A : *text == 'b' ? HOST_B : HOST_COUNT;
    if (boot)
        *boot = *text ? strtoull(text + 1, NULL, 10) : 0;
    free(text);
    return owner;
}

static bool settled(enum host *owner)
{
    for (enum host host = HOST_A; host <= HOST_B; host++) {
        char body[400];
        if (two_readyz(host, READY_MS, NULL, 0) == 200 &&
            two_readyz(two_other(host), READY_MS, body, sizeof body) == 503 &&
            strstr(body, "\"standby\"")) {
            *owner = host;
            return true;
        }
    }
    return false;
}

static void show(struct two *t, enum host host)
{
    char body[400];
    int status = two_readyz(host, READY_MS, body, sizeof body);
    char *log = t->agents[host].proc ? proc_output(t->agents[host].proc, PROC_STDERR) : NULL;
    size_t len = log ? strlen(log) : 0;
    rig_complain(&t->rig, COMPLAINT_TIME, "/readyz of %s: %d %s; its log:\n%s", host_name(host),
                 status, body,
                 len > LOG_SHOWN ? log + len - LOG_SHOWN
                 : log           ? log
                                 : "none");
    free(log);
}

enum host two_settle(struct two *t, unsigned timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    enum host owner = HOST_COUNT;
    while (!settled(&owner)) {
        if (deadline_left(deadline) == 0) {
            rig_complain(&t->rig, COMPLAINT_TIME,
                         "it did not come to one agent that is ready and one that waits");
            show(t, HOST_A);
            show(t, HOST_B);
            return HOST_COUNT;
        }
        commander_step(t->rig.commander);
        rig_nap(STEP_MS);
    }
    t->rig.host = host_address(owner);
    return owner;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void open_broker(struct two *t)
{
    static const struct broker_options quiet = {
        .persistence = true, .extra = "autosave_interval 1\nlog_type none\nlog_type information\n"};
    struct broker_options o = quiet;
    o.in = host_in(HOST_M);
    o.address = host_address(HOST_M);
    t->rig.brokers[0] = broker_create(&o);
    t->uri = test_printf("%s", broker_uri(t->rig.brokers[0]));
}

static void open_clients(struct two *t)
{
    const struct writers_options *w = &t->rig.o.writers;
    const char *host = broker_host(t->rig.brokers[0]);
    uint16_t port = broker_port(t->rig.brokers[0]);
    char table[16];
    t->rig.writers = writers_create(w);
    writers_table(w, w->writers, table);
    t->rig.commander = commander_create(&(struct commander_options){
        .hosts = &host, .ports = &port, .brokers = 1, .number = w->writers, .table = table});
    t->availability = availability_create(t->rig.brokers[0], "edge-1");
}

/* The tables are made, and what notes who writes; nobody else is there yet. */
static void open_agents(struct two *t)
{
    int64_t deadline = now_ms() + START_MS;
    t->store_url = test_printf("STUDIO_STORE_URL=%s", database_url(t->database));
    for (enum host host = HOST_A; host <= HOST_B; host++) {
        t->agents[host].data = tmpdir_create();
        tokens_write_default(t->agents[host].data);
        if (faults_available())
            t->agents[host].faults = faults_create(t->agents[host].data, NULL);
    }
    two_spawn_agent(t, HOST_A);
    while (two_readyz(HOST_A, READY_MS, NULL, 0) != 200) {
        if (!proc_running(t->agents[HOST_A].proc) || deadline_left(deadline) == 0) {
            show(t, HOST_A);
            test_fail("the first agent does not start");
        }
        rig_nap(STEP_MS);
    }
    audit_begin(t->database);
    two_stop_agent(t, HOST_A);
}

void two_open(struct two *t, const struct two_options *o)
{
    memset(t, 0, sizeof *t);
    t->logs = o->logs;
    t->rig.complaints = stderr;
    t->rig.port.number = TWO_PORT;
    t->rig.o =
        (struct rig_options){.brokers = 1,
                             .commands = true,
                             .writers = {.port = TWO_PORT,
                                         .hosts = {host_address(HOST_A), host_address(HOST_B)},
                                         .patience_ms = 1500,
                                         .writers = o->writers,
                                         .tables = o->tables,
                                         .rate = o->rate,
                                         .exceptions = 5,
                                         .seed = o->seed}};
    t->database = database_create();
    open_broker(t);
    open_agents(t);
    open_clients(t);
}

void two_close(struct two *t)
{
    writers_destroy(t->rig.writers);
    commander_destroy(t->rig.commander);
    for (enum host host = HOST_A; host <= HOST_B; host++) {
        if (t->agents[host].proc)
            two_stop_agent(t, host);
        faults_destroy(t->agents[host].faults);
    }
    availability_destroy(t->availability);
    broker_destroy(t->rig.brokers[0]);
    database_destroy(t->database);
    free(t->store_url);
    free(t->uri);
}
