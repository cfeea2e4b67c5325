#include "fault/storm/rig.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/agent.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/procfs.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum {
    START_MS = 30000,
    STOP_MS = 5000,           /* of the contract */
    STOP_TOLERANCE_MS = 5000, /* for a busy machine */
    SLOW_SYNC_MS = 2000,
    SLOW_DISK_MS = 20000, /* for an end of all that waits for such syncs */
    LOG_SHOWN = 4000
};

void rig_nap(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

void rig_complain(struct rig *r, enum complaint kind, const char *fmt, ...)
{
    va_list args;
    r->complaint_count++;
    r->found[kind]++;
    va_start(args, fmt);
    fputs("storm: ", r->complaints);
    vfprintf(r->complaints, fmt, args);
    fputc('\n', r->complaints);
    fflush(r->complaints);
    va_end(args);
}

static void open_brokers(struct rig *r)
{
    /* What the broker has not saved when it is killed is lost: that makes holes to be replayed. It
     * says little, for all it says is kept until the storm is over. */
    static const struct broker_options options = {
        .persistence = true, .extra = "autosave_interval 1\nlog_type none\nlog_type information\n"};
    if (r->o.cluster)
        r->cluster = cluster_create(r->o.cluster);
    for (unsigned i = 0; i < r->o.brokers; i++) {
        r->brokers[i] = r->cluster ? cluster_node(r->cluster, i) : broker_create(&options);
        r->proxies[i] = proxy_create(broker_port(r->brokers[i]));
        wiretap_listen(r->tap, i, r->proxies[i]);
        char *longer = test_printf("%s%smqtt://127.0.0.1:%u", r->uris ? r->uris : "",
                                   r->uris ? "," : "", proxy_port(r->proxies[i]));
        free(r->uris);
        r->uris = longer;
    }
}

static void open_commander(struct rig *r)
{
    uint16_t ports[RIG_BROKERS_MAX];
    char table[16];
    for (unsigned i = 0; i < r->o.brokers; i++)
        ports[i] = broker_port(r->brokers[i]);
    writers_table(&r->o.writers, r->o.writers.writers, table);
    r->commander = commander_create(&(struct commander_options){.ports = ports,
                                                                .brokers = r->o.brokers,
                                                                .mqtt_version = rig_mqtt_version(r),
                                                                .number = r->o.writers.writers,
                                                                .table = table});
}

void rig_open(struct rig *r, const struct rig_options *options)
{
    memset(r, 0, sizeof *r);
    r->o = *options;
    r->complaints = stderr;
    r->data = tmpdir_create();
    tokens_write_default(r->data);
    if (pgserver_wanted())
        r->store_url = test_printf("STUDIO_STORE_URL=%s",
                                   pgserver_url(pgserver_shared(), pgserver_schema(r->data)));
    port_reserve(&r->port);
    r->tap = wiretap_create();
    open_brokers(r);
    if (faults_available())
        r->faults = faults_create(r->data, NULL);
    r->o.writers.port = r->port.number;
    r->writers = writers_create(&r->o.writers);
    if (r->o.commands)
        open_commander(r);
}

int rig_mqtt_version(const struct rig *r)
{
    return r->o.cluster ? 4 : 5;
}

/* What an agent said last. */
static char *last_words(struct proc *agent)
{
    char *log = proc_output(agent, PROC_STDERR);
    size_t len = strlen(log);
    char *words = test_printf("%s", len > LOG_SHOWN ? log + len - LOG_SHOWN : log);
    free(log);
    return words;
}

void rig_show_log(struct rig *r)
{
    char *words = r->agent ? last_words(r->agent) : NULL;
    if (words)
        fprintf(r->complaints, "storm: what the agent said last:\n%s\n", words);
    free(words);
}

void rig_set_sync_delay(struct rig *r)
{
    if (r->faults)
        faults_delay(r->faults, FAULT_SYNC, r->slow_disk ? SLOW_SYNC_MS : r->sync_ms);
}

void rig_close(struct rig *r)
{
    writers_destroy(r->writers);
    commander_destroy(r->commander);
    if (r->agent)
        rig_stop_agent(r);
    for (unsigned i = 0; i < r->o.brokers; i++) {
        proxy_destroy(r->proxies[i]);
        if (!r->cluster)
            broker_destroy(r->brokers[i]);
    }
    cluster_destroy(r->cluster);
    wiretap_destroy(r->tap);
    faults_destroy(r->faults);
    port_release(&r->port);
    free(r->store_url);
    free(r->uris);
}

/* --- the agent -------------------------------------------------------------------------------- */

void rig_spawn_agent(struct rig *r)
{
    char listen[32];
    const char *const *faulty = r->faults ? faults_env(r->faults) : NULL;
    const char *env[6];
    size_t n = 0;
    snprintf(listen, sizeof listen, "localhost:%u", r->port.number);
    /* Short, so that a connection that is only half there is noticed soon. */
    const char *argv[] = {studio_program(r->o.program),
                          "--listen",
                          listen,
                          "--data",
                          r->data,
                          "--broker",
                          r->uris,
                          "--agent-id",
                          "edge-1",
                          NULL};
    env[n++] = "STUDIO_MQTT_KEEPALIVE=2";
    if (r->store_url)
        env[n++] = r->store_url;
    if (r->o.variable)
        env[n++] = r->o.variable;
    for (size_t i = 0; faulty && faulty[i]; i++)
        env[n++] = faulty[i];
    env[n] = NULL;
    r->agent = proc_spawn(argv, env);
    proc_close_stdin(r->agent);
    r->agent_paused = false;
    r->starts++;
}

static bool listens(struct rig *r)
{
    char *out = proc_output(r->agent, PROC_STDOUT);
    bool yes = strstr(out, "listening on") != NULL;
    free(out);
    return yes;
}

static void bury(struct rig *r)
{
    proc_destroy(r->agent);
    r->agent = NULL;
    r->agent_paused = false;
}

bool rig_start_agent(struct rig *r, bool may_fail)
{
    int64_t deadline = now_ms() + START_MS;
    if (!r->agent)
        rig_spawn_agent(r);
    while (!listens(r)) {
        if (!proc_running(r->agent)) {
            int code = proc_wait(r->agent, WAIT_MS);
            char *words = last_words(r->agent);
            /* Cleanly refused while the disk or the memory fails, with a word about it. */
            if (!may_fail || code <= 0 || code > 4 || !*words)
                rig_complain(r, COMPLAINT_AGENT, "the agent did not start (%d):\n%s", code, words);
            free(words);
            bury(r);
            r->failed_starts++;
            return false;
        }
        if (deadline_left(deadline) == 0) {
            rig_complain(r, COMPLAINT_TIME, "the agent does not listen in time");
            return false;
        }
        rig_nap(2);
    }
    return true;
}

void rig_kill_agent(struct rig *r)
{
    /* Stopped before it could ask the kernel to end it with the agent, it would stay for ever. */
    if (r->paused_link && procfs_is_child(proc_pid(r->agent), r->paused_link))
        kill(r->paused_link, SIGKILL);
    proc_kill(r->agent);
    bury(r);
}

void rig_stop_agent(struct rig *r)
{
    int64_t deadline = now_ms() + STOP_MS + STOP_TOLERANCE_MS + (r->slow_disk ? SLOW_DISK_MS : 0);
    proc_signal(r->agent, SIGTERM);
    while (proc_running(r->agent) && deadline_left(deadline) > 0)
        rig_nap(5);
    if (proc_running(r->agent)) {
        rig_complain(r, COMPLAINT_TIME, "the agent does not stop");
        proc_signal(r->agent, SIGKILL);
    }
    int code = proc_wait(r->agent, WAIT_MS);
    if (code != 0) {
        char *words = last_words(r->agent);
        rig_complain(r, COMPLAINT_AGENT, "the agent stopped with %d:\n%s", code, words);
        free(words);
    }
    bury(r);
}

bool rig_agent_gone(struct rig *r)
{
    if (!r->agent || proc_running(r->agent))
        return false;
    int code = proc_wait(r->agent, WAIT_MS);
    if (!r->expect_death && (code != 1 || !r->expect_exit)) {
        char *words = last_words(r->agent);
        rig_complain(r, COMPLAINT_AGENT, "the agent ended by itself with %d:\n%s", code, words);
        free(words);
    }
    r->deaths++;
    bury(r);
    return true;
}
