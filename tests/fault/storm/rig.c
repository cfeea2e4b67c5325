#include "fault/storm/rig.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/agent.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum {
    START_MS = 30000,
    STOP_MS = 5000,           /* of the contract */
    STOP_TOLERANCE_MS = 5000, /* for a busy machine */
    LOG_SHOWN = 4000
};

static void nap(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

void rig_complain(struct rig *s, const char *fmt, ...)
{
    va_list args;
    s->complaint_count++;
    va_start(args, fmt);
    fputs("storm: ", s->complaints);
    vfprintf(s->complaints, fmt, args);
    fputc('\n', s->complaints);
    fflush(s->complaints);
    va_end(args);
}

static void open_brokers(struct rig *s)
{
    /* What the broker has not saved when it is killed is lost: that makes holes to be replayed. */
    static const struct broker_options options = {.persistence = true,
                                                  .extra = "autosave_interval 1\n"};
    for (unsigned i = 0; i < s->o.brokers; i++) {
        s->brokers[i] = broker_create(&options);
        s->proxies[i] = proxy_create(broker_port(s->brokers[i]));
        char *longer = test_printf("%s%smqtt://127.0.0.1:%u", s->uris ? s->uris : "",
                                   s->uris ? "," : "", proxy_port(s->proxies[i]));
        free(s->uris);
        s->uris = longer;
    }
}

void rig_open(struct rig *s, const struct rig_options *options)
{
    memset(s, 0, sizeof *s);
    s->o = *options;
    s->complaints = stderr;
    s->data = tmpdir_create();
    tokens_write_default(s->data);
    port_reserve(&s->port);
    open_brokers(s);
    if (faults_available())
        s->faults = faults_create(s->data, NULL);
    s->o.writers.port = s->port.number;
    s->writers = writers_create(&s->o.writers);
}

void rig_close(struct rig *s)
{
    writers_destroy(s->writers);
    if (s->agent)
        rig_stop_agent(s);
    for (unsigned i = 0; i < s->o.brokers; i++) {
        proxy_destroy(s->proxies[i]);
        broker_destroy(s->brokers[i]);
    }
    faults_destroy(s->faults);
    port_release(&s->port);
    free(s->uris);
}

/* --- the agent -------------------------------------------------------------------------------- */

void rig_spawn_agent(struct rig *s)
{
    char listen[32];
    const char *const *faulty = s->faults ? faults_env(s->faults) : NULL;
    const char *env[5];
    size_t n = 0;
    snprintf(listen, sizeof listen, "localhost:%u", s->port.number);
    /* Short, so that a connection that is only half there is noticed soon. */
    const char *argv[] = {studio_program(s->o.program),
                          "--listen",
                          listen,
                          "--data",
                          s->data,
                          "--broker",
                          s->uris,
                          "--agent-id",
                          "edge-1",
                          NULL};
    env[n++] = "STUDIO_MQTT_KEEPALIVE=5";
    if (s->o.variable)
        env[n++] = s->o.variable;
    for (size_t i = 0; faulty && faulty[i]; i++)
        env[n++] = faulty[i];
    env[n] = NULL;
    s->agent = proc_spawn(argv, env);
    proc_close_stdin(s->agent);
    s->agent_paused = false;
    s->starts++;
}

static bool listens(struct rig *s)
{
    char *out = proc_output(s->agent, PROC_STDOUT);
    bool yes = strstr(out, "listening on") != NULL;
    free(out);
    return yes;
}

/* What an agent that ended said last. */
static char *last_words(struct proc *agent)
{
    char *log = proc_output(agent, PROC_STDERR);
    size_t len = strlen(log);
    char *words = test_printf("%s", len > LOG_SHOWN ? log + len - LOG_SHOWN : log);
    free(log);
    return words;
}

static void bury(struct rig *s)
{
    proc_destroy(s->agent);
    s->agent = NULL;
    s->agent_paused = false;
}

bool rig_start_agent(struct rig *s, bool may_fail)
{
    int64_t deadline = now_ms() + START_MS;
    if (!s->agent)
        rig_spawn_agent(s);
    while (!listens(s)) {
        if (!proc_running(s->agent)) {
            int code = proc_wait(s->agent, WAIT_MS);
            char *words = last_words(s->agent);
            /* Cleanly refused while the disk or the memory fails, with a word about it. */
            if (!may_fail || code <= 0 || code > 4 || !*words)
                rig_complain(s, "the agent did not start (%d):\n%s", code, words);
            free(words);
            bury(s);
            s->failed_starts++;
            return false;
        }
        if (deadline_left(deadline) == 0) {
            rig_complain(s, "the agent does not listen in time");
            return false;
        }
        nap(2);
    }
    return true;
}

void rig_kill_agent(struct rig *s)
{
    proc_kill(s->agent);
    bury(s);
}

void rig_stop_agent(struct rig *s)
{
    int64_t began = now_ms();
    proc_signal(s->agent, SIGTERM);
    while (proc_running(s->agent) && now_ms() - began < STOP_MS + STOP_TOLERANCE_MS)
        nap(5);
    if (proc_running(s->agent)) {
        rig_complain(s, "the agent does not stop");
        proc_signal(s->agent, SIGKILL);
    }
    int code = proc_wait(s->agent, WAIT_MS);
    if (code != 0) {
        char *words = last_words(s->agent);
        rig_complain(s, "the agent stopped with %d:\n%s", code, words);
        free(words);
    }
    bury(s);
}

bool rig_agent_gone(struct rig *s)
{
    if (!s->agent || proc_running(s->agent))
        return false;
    int code = proc_wait(s->agent, WAIT_MS);
    if (code != 1 || !s->expect_exit) {
        char *words = last_words(s->agent);
        rig_complain(s, "the agent ended by itself with %d:\n%s", code, words);
        free(words);
    }
    s->deaths++;
    bury(s);
    return true;
}
