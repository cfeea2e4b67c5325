#include "bench/many/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/many/usage.h"
#include "support/agent.h"
#include "support/deadline.h"
#include "support/proc.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum { START_MS = 300000 };

struct fleet {
    struct fleet_options o;
    char *url;
    struct proc *agents[FLEET_AGENTS_MAX];
    uint16_t ports[FLEET_AGENTS_MAX];
    struct wsclient *operators[FLEET_AGENTS_MAX]; /* NULL: not yet */
};

static struct proc *spawn(struct fleet *f, unsigned i)
{
    const char *data = tmpdir_create();
    char id[32];
    snprintf(id, sizeof id, "edge-%u", i);
    tokens_write_default(data);
    const char *env[6] = {0};
    size_t n = 0;
    if (f->url)
        env[n++] = f->url;
    env[n++] = "STUDIO_MQTT_SHARED_ROOT=yes"; /* else each would hear what all others retain */
    env[n++] =
        "STUDIO_STORE_STANDBY=yes"; /* a database that is busy with the others is waited for */
    if (f->o.variable)
        env[n++] = f->o.variable;
    struct proc *agent =
        proc_spawn(ARGS(studio_program("studio-agent"), "--listen", "ws://localhost:0", "--data",
                        data, "--broker", f->o.broker, "--agent-id", id, "--log-level", "warn"),
                   env);
    proc_close_stdin(agent);
    return agent;
}

struct fleet *fleet_create(const struct fleet_options *options)
{
    struct fleet *f = test_alloc(sizeof *f);
    f->o = *options;
    if (f->o.database)
        f->url = test_printf("STUDIO_STORE_URL=%s", pgserver_url(f->o.database, "many"));
    for (unsigned i = 0; i < f->o.agents; i++) {
        static const struct timespec second = {.tv_sec = 1};
        if (f->o.wave > 0 && i > 0 && i % f->o.wave == 0)
            nanosleep(&second, NULL);
        f->agents[i] = spawn(f, i);
    }
    for (unsigned i = 0; i < f->o.agents; i++) {
        char *line = proc_wait_line(f->agents[i], PROC_STDOUT, "listening on ws://", START_MS);
        f->ports[i] = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
        free(line);
    }
    return f;
}

void fleet_destroy(struct fleet *f)
{
    for (unsigned i = 0; f && i < f->o.agents; i++) {
        wsclient_close(f->operators[i]);
        proc_destroy(f->agents[i]);
    }
    if (f)
        free(f->url);
    free(f);
}

void fleet_make_tables(struct fleet *f)
{
    for (unsigned i = 0; i < f->o.agents; i++)
        for (unsigned t = 0; t < f->o.tables; t++) {
            char id[32];
            snprintf(id, sizeof id, "T%u-%u_pc", i, t);
            wsclient_close(wsclient_login(f->ports[i], id, TOKEN_DEVICE));
        }
}

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t fleet_update(struct fleet *f, uint64_t number)
{
    static const char *const values[] = {"up", "down", "standby", "calibration"};
    unsigned agent = (unsigned)(number % f->o.agents);
    unsigned table = (unsigned)(number / f->o.agents % f->o.tables);
    if (!f->operators[agent])
        f->operators[agent] = wsclient_login(f->ports[agent], "desk", TOKEN_OPERATOR);
    int64_t began = now_us();
    wsclient_sendf(f->operators[agent], "{\"table_id\":\"T%u-%u\",\"sdp\":\"%s\",\"round\":%u}",
                   agent, table, values[number % 4], (unsigned)number);
    const char *answer = wsclient_text(f->operators[agent]);
    if (!strstr(answer, "\"updated\""))
        test_fail("agent %u answers %s", agent, answer);
    return now_us() - began;
}

long fleet_pss_kib(struct fleet *f)
{
    long kib = 0;
    for (unsigned i = 0; i < f->o.agents; i++)
        kib += usage_of(proc_pid(f->agents[i])).pss_kib;
    return kib;
}

long fleet_cpu_ms(struct fleet *f)
{
    long ms = 0;
    for (unsigned i = 0; i < f->o.agents; i++)
        ms += usage_of(proc_pid(f->agents[i])).cpu_ms;
    return ms;
}
