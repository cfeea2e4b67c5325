/*
 * test_growth.c - connections come and go, to the broker and from clients: memory, file descriptors,
 * threads and the log of the store stay what they were.
 *
 * One broker behind as many ways to it as an agent may have brokers: when one is cut, the agent takes
 * the next one at once, and waits longer and longer only when all had their turn; some quiet seconds
 * make the waits short again. STUDIO_FAULT_LONG=1 is the long version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fault/storm/writers.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/procfs.h"
#include "support/proxy.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum {
    WAYS = 16,      /* BROKERS_MAX of the bridge */
    WARM_UP = 6,    /* cuts; each ends the connections of events and, if it is there, of commands */
    EVENTS = 30000, /* before the first, so that the caches of the store are full */
    CUTS = 16,
    LONG_CUTS = 3 * WAYS,
    WRITERS = 5, /* on a table each */
    LONG_TIMES = 6,
    CLIENTS = 300,         /* that come and go */
    QUIET_MS = 11000,      /* makes a connection to the broker a stable one */
    COMMANDS_MS = 90000,   /* they come back later: their waits have grown */
    GROWTH_KIB = 2 * 1024, /* the bounds */
    LOG_BYTES = 80 * 1000 * 1000
};

struct stage {
    struct broker *broker;
    struct proxy *ways[WAYS];
    struct mqttclient *sub;
    struct judge *judge;
    struct agent_proc *agent;
    struct writers *writers;
    uint64_t conn; /* of the agent's newest connection */
};

struct use {
    long kib;
    size_t files, threads;
};

static bool is_newer(void *ctx, const struct mqtt_message *m)
{
    const uint64_t *conn = ctx;
    return json_is(m->payload, "state", "online") && json_number(m->payload, "conn") > *conn;
}

static void wait_online(struct stage *s)
{
    const struct mqtt_message *m =
        mqttclient_wait(s->sub, "studio/agents/edge-1/availability", is_newer, &s->conn);
    s->conn = json_number(m->payload, "conn");
}

static void stage_open(struct stage *s)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    char uris[WAYS * 32] = "";
    *s = (struct stage){.broker = broker_create(NULL), .judge = judge_create("studio")};
    for (size_t i = 0, len = 0; i < WAYS; i++) {
        s->ways[i] = proxy_create(broker_port(s->broker));
        len += (size_t)snprintf(uris + len, sizeof uris - len, "%smqtt://127.0.0.1:%u",
                                i > 0 ? "," : "", proxy_port(s->ways[i]));
    }
    s->sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .client_id = "judge", .subscribe = "studio/#"});
    s->agent =
        agent_proc_start(&(struct agent_options){.broker = uris,
                                                 .args = args,
                                                 .config = "[limits]\nupdates_per_second = 0\n",
                                                 .same_port = true});
    s->writers = writers_create(&(struct writers_options){.port = agent_proc_port(s->agent),
                                                          .writers = WRITERS,
                                                          .tables = WRITERS,
                                                          .rate = 50,
                                                          .seed = 1});
    wait_online(s);
}

static void stage_close(struct stage *s)
{
    writers_destroy(s->writers);
    agent_proc_destroy(s->agent);
    judge_destroy(s->judge);
    mqttclient_destroy(s->sub);
    for (size_t i = 0; i < WAYS; i++)
        proxy_destroy(s->ways[i]);
    broker_destroy(s->broker);
}

/* More than the agent keeps in memory, so that some of it is read again for the broker. */
static void fill_caches(struct stage *s)
{
    enum { PIECE = 500 };
    struct wsclient *c = wsclient_login(agent_proc_port(s->agent), "ARO-001_pc", TOKEN_DEVICE);
    for (int done = 0; done < EVENTS; done += PIECE) {
        for (int i = 0; i < PIECE; i++) {
            char text[32];
            snprintf(text, sizeof text, "{\"n\":%d}", done + i);
            wsclient_queue(c, text);
        }
        wsclient_flush(c);
        for (int i = 0; i < PIECE; i++)
            expect_json(wsclient_text(c), "status", "updated");
    }
    wsclient_close(c);
    judge_wait_seq(s->judge, s->sub, EVENTS + 1);
}

static void lose_connections(struct stage *s, int count)
{
    for (int i = 0; i < count; i++) {
        mqttclient_mark(s->sub);
        for (size_t k = 0; k < WAYS; k++)
            proxy_cut(s->ways[k]);
        wait_online(s);
    }
}

/* Some say goodbye, some do not. */
static void clients_come_and_go(struct stage *s)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct wsclient *c = wsclient_connect(agent_proc_port(s->agent),
                                              "/?id=desk&token=" TOKEN_VIEWER "&subscribe=*");
        (void)wsclient_text(c);
        if (i % 2)
            wsclient_close(c);
        else
            wsclient_drop(c);
    }
}

static void quiet(void)
{
    struct timespec ts = {.tv_sec = QUIET_MS / 1000};
    nanosleep(&ts, NULL);
}

static struct use use_of(struct stage *s)
{
    pid_t pid = proc_pid(agent_proc_proc(s->agent));
    return (struct use){.kib = procfs_kib(pid, "VmRSS"),
                        .files = procfs_count(pid, "fd"),
                        .threads = procfs_count(pid, "task")};
}

/* What is being closed may take a moment. */
static struct use settled_use(struct stage *s, const struct use *before)
{
    static const struct timespec step = {.tv_nsec = 20000000};
    int64_t deadline = now_ms() + WAIT_MS;
    struct use now = use_of(s);
    while ((now.files > before->files || now.threads > before->threads) &&
           deadline_left(deadline) > 0) {
        nanosleep(&step, NULL);
        now = use_of(s);
    }
    return now;
}

static off_t log_size(struct stage *s)
{
    struct stat st;
    const char *path = tmpdir_path(agent_proc_data(s->agent), "studio.db-wal");
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Is the agent subscribed to commands now? By the log of the broker. */
static bool takes_commands(struct stage *s)
{
    static const char subscribed[] = "Sending SUBACK to studio-agent-edge-1-in";
    char *log = proc_output(broker_proc(s->broker), PROC_STDERR);
    const char *last = NULL;
    for (const char *at = log; (at = strstr(at, subscribed)); at++)
        last = at;
    bool yes = last && !strstr(last, "Client studio-agent-edge-1-in");
    free(log);
    return yes;
}

/* An event that was the oldest one at three ends in a row has been parked: it is in replay. */
static void expect_nothing_lost(struct stage *s)
{
    static const struct timespec step = {.tv_nsec = 100000000};
    int64_t deadline = now_ms() + COMMANDS_MS;
    uint64_t from, to;
    assert_true(writers_once(s->writers, now_ms() + WAIT_MS));
    /* Every table's first event is its creation. */
    judge_wait_seq(s->judge, s->sub, 1 + EVENTS + WRITERS + writers_figures(s->writers).acked);
    while (judge_hole(s->judge, &from, &to) && !takes_commands(s) && deadline_left(deadline) > 0)
        nanosleep(&step, NULL);
    (void)judge_fetch_holes(s->judge, s->sub, "edge-1", "judge");
    judge_expect_clean(s->judge, s->sub);
}

static void connections_leave_nothing_behind(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* its own memory is not the agent's */
#endif
    const bool is_long = getenv("STUDIO_FAULT_LONG") != NULL;
    const int times = is_long ? LONG_TIMES : 1, cuts = is_long ? LONG_CUTS : CUTS;
    struct stage s;
    stage_open(&s);
    fill_caches(&s);
    writers_resume(s.writers);
    lose_connections(&s, WARM_UP);
    clients_come_and_go(&s);
    struct use before = use_of(&s);
    for (int i = 0; i < times; i++) {
        if (i > 0)
            quiet();
        lose_connections(&s, cuts);
        clients_come_and_go(&s);
    }
    struct use now = settled_use(&s, &before);
    off_t log = log_size(&s);
    assert_true(writers_pause(s.writers, now_ms() + WAIT_MS));
    printf(
        "growth: %d times cut off from the broker and %d clients: %ld KiB before, %ld after; %zu "
        "and %zu file descriptors, %zu and %zu threads; the log has %lld bytes\n",
        times * cuts, times * CLIENTS, before.kib, now.kib, before.files, now.files, before.threads,
        now.threads, (long long)log);
    assert_true(now.kib - before.kib <= GROWTH_KIB);
    assert_true(now.files <= before.files);
    assert_true(now.threads <= before.threads);
    assert_true(log < LOG_BYTES);
    expect_nothing_lost(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(connections_leave_nothing_behind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
