/*
 * test_oom.c - the n-th request for memory fails, for every n of a start, of a connection, of an
 * update and of its way to MQTT: the agent refuses, or ends with a sentence and an exit code of the
 * contract, or goes on; it never crashes, and what it acknowledges is there.
 *
 * STUDIO_FAULT_LONG=1 tries every n of a start; otherwise most of them are a sample, whose first n is
 * printed. STUDIO_OOM_SEED repeats it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fault/storm/wire.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* The WebSocket library writes through NULL once when it gets no memory, for the lists of a virtual host, and OpenSSL reads a
 * lock through NULL in its first hash, which is why that is made at the start: nothing we could mend. The MQTT library is in processes of its own, which the faults do not reach. */
#define NOT_OURS_START "libwebsockets libcrypto"
/* In a start these ask thousands of times: for a schema, and for the names in a folder of plug-ins. */
#define MANY           "libsqlite3 libc.so"

enum {
    SAMPLE = 97,
    CONTRACT_CODES = 4,
    ALL_MAX = 20000,
    KILLED = 128 /* by signal: plus its number */
};

static bool long_version(void)
{
    return getenv("STUDIO_FAULT_LONG") != NULL;
}

static void nap(void)
{
    static const struct timespec step = {.tv_nsec = 1000000};
    nanosleep(&step, NULL);
}

/* A client that takes everything as it comes: the next text, NULL when the connection has ended.
 * Fails the test when neither comes. */
static const char *hear(struct wire *w)
{
    int64_t deadline = now_ms() + WAIT_MS;
    const char *text;
    enum wire_event event;
    while ((event = wire_next(w, &text)) == WIRE_NOTHING) {
        struct pollfd fd = {.fd = w->fd, .events = wire_wants(w)};
        if (deadline_left(deadline) == 0)
            test_fail("neither an answer nor an end");
        if (poll(&fd, 1, deadline_left(deadline)) > 0)
            (void)wire_service(w, fd.revents);
    }
    return event == WIRE_TEXT ? text : NULL;
}

/* --- a start ---------------------------------------------------------------------------------- */

static void expect_last_words(struct proc *agent, int code, uint64_t n)
{
    char *err = proc_output(agent, PROC_STDERR);
    if (code < 1 || code > CONTRACT_CODES || strlen(err) < 10)
        test_fail("request %llu: exit code %d, and it says: %s", (unsigned long long)n, code, err);
    free(err);
}

/* True if an update is accepted; false if the connection ends before. */
static bool works(uint16_t port)
{
    struct wire wire = {.fd = -1};
    const char *text = NULL;
    if (wire_connect(&wire, port, "/?id=ARO-001_pc&token=" TOKEN_DEVICE) && hear(&wire) &&
        wire_send(&wire, "{\"sdp\":\"up\"}"))
        text = hear(&wire);
    bool updated = text && strstr(text, "\"updated\"");
    wire_close(&wire);
    return updated;
}

/* Starts with the n-th request failing; true if the start was over before it. */
static bool start_without(uint64_t n, const char *spared, uint64_t *calls)
{
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, spared);
    const char *argv[] = {
        studio_program("studio-agent"), "--listen", "localhost:0", "--data", data, "--tokens",
        tokens_write_default(data),     NULL};
    faults_fail(faults, FAULT_MEMORY, ENOMEM, n, 1);
    struct proc *agent = proc_spawn(argv, faults_env(faults));
    proc_close_stdin(agent);
    char *out = proc_output(agent, PROC_STDOUT);
    while (proc_running(agent) && !strchr(out, '\n')) {
        nap();
        free(out);
        out = proc_output(agent, PROC_STDOUT);
    }
    const char *colon = strrchr(out, ':');
    *calls = faults_calls(faults, FAULT_MEMORY);
    faults_clear_all(faults);
    if (colon && works((uint16_t)strtol(colon + 1, NULL, 10)))
        assert_int_equal(proc_stop(agent, WAIT_MS), 0);
    else
        expect_last_words(agent, proc_wait(agent, WAIT_MS), n);
    free(out);
    proc_destroy(agent);
    bool over = *calls < n;
    faults_destroy(faults);
    return over;
}

/* Where the sample begins: another place in every run. */
static uint64_t seed(void)
{
    const char *text = getenv("STUDIO_OOM_SEED");
    uint64_t chosen = text ? strtoull(text, NULL, 10) : (uint64_t)now_ms() % SAMPLE;
    printf("memory: every %d-th request of a start, STUDIO_OOM_SEED=%llu\n", SAMPLE,
           (unsigned long long)chosen);
    fflush(stdout); /* it may be the last that is seen of this run */
    return chosen % SAMPLE;
}

static void every_request_of_a_start(void **state)
{
    (void)state;
    uint64_t calls, n = 1 + (long_version() ? 0 : seed());
    for (; !start_without(n, NOT_OURS_START, &calls); n += long_version() ? 1 : SAMPLE)
        assert_true(n < ALL_MAX);
    printf("memory: a start asks %llu times\n", (unsigned long long)calls);
    for (n = 1; !start_without(n, NOT_OURS_START " " MANY, &calls); n++)
        assert_true(n < ALL_MAX);
}

/* --- a running agent -------------------------------------------------------------------------- */

struct stage {
    const char *data;
    struct faults *faults;
    struct broker *broker;
    struct mqttclient *sub;
    struct judge *judge;
    struct agent_proc *agent;
    struct wsclient *viewer;
    unsigned restarts;
};

static void connect_viewer(struct stage *s)
{
    s->viewer = wsclient_login(agent_proc_port(s->agent), "desk", TOKEN_VIEWER);
}

static void stage_open(struct stage *s)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    *s = (struct stage){.data = tmpdir_create(),
                        .broker = broker_create(&(struct broker_options){.persistence = true}),
                        .judge = judge_create("studio")};
    s->faults = faults_create(s->data, NULL);
    s->sub = mqttclient_create(&(struct mqttclient_options){.port = broker_port(s->broker),
                                                            .client_id = "judge",
                                                            .keep_session = true,
                                                            .subscribe = "studio/#"});
    s->agent = agent_proc_start(&(struct agent_options){.data = s->data,
                                                        .broker = broker_uri(s->broker),
                                                        .args = args,
                                                        .env = faults_env(s->faults)});
    mqttclient_wait_json(s->sub, "studio/agents/edge-1/availability", "state", "online");
    connect_viewer(s);
}

static void stage_close(struct stage *s)
{
    wsclient_close(s->viewer);
    agent_proc_destroy(s->agent);
    judge_destroy(s->judge);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
    faults_destroy(s->faults);
}

/* One that could not go on has said so and starts anew. */
static void revive(struct stage *s, uint64_t n)
{
    struct proc *agent = agent_proc_proc(s->agent);
    if (proc_running(agent))
        return;
    int code = proc_wait(agent, WAIT_MS);
    expect_last_words(agent, code, n);
    agent_proc_kill(s->agent); /* buries it */
    wsclient_close(s->viewer);
    agent_proc_restart(s->agent);
    connect_viewer(s);
    s->restarts++;
}

/* Whether it goes on is seen by whether it answers. */
static void settle(struct stage *s, uint64_t n)
{
    char ping[] = "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}";
    faults_clear(s->faults, FAULT_MEMORY);
    wsclient_send(s->viewer, ping);
    struct ws_message m;
    while ((m = wsclient_next(s->viewer, WAIT_MS)).kind == WS_GOT_PING)
        ;
    if (m.kind == WS_GOT_QUIET)
        test_fail("request %llu: the agent no longer answers", (unsigned long long)n);
    if (m.kind == WS_GOT_END)
        (void)proc_wait(agent_proc_proc(s->agent), WAIT_MS);
    revive(s, n);
    if (m.kind == WS_GOT_CLOSE) {
        wsclient_close(s->viewer);
        connect_viewer(s);
    }
}

/* An agent that has just answered may still be on its way to its end: another thread of it gets no
 * memory, says so and ends it. Then the next one answers. */
static int current_value(struct stage *s, uint64_t n)
{
    struct ws_message m = {.kind = WS_GOT_QUIET};
    while (m.kind != WS_GOT_TEXT) {
        wsclient_send(s->viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
        while ((m = wsclient_next(s->viewer, WAIT_MS)).kind == WS_GOT_PING)
            ;
        if (m.kind == WS_GOT_QUIET || m.kind == WS_GOT_CLOSE)
            test_fail("request %llu: the agent does not answer", (unsigned long long)n);
        if (m.kind == WS_GOT_END) {
            (void)proc_wait(agent_proc_proc(s->agent), WAIT_MS);
            revive(s, n);
        }
    }
    char *text = json_at(m.data, "data.n");
    int value = text ? (int)strtol(text, NULL, 10) : 0;
    free(text);
    return value;
}

/* The same for a device that comes. */
static void connect_device(struct stage *s, struct wire *wire, uint64_t n)
{
    *wire = (struct wire){.fd = -1};
    while (!wire_connect(wire, agent_proc_port(s->agent), "/?id=ARO-001_pc&token=" TOKEN_DEVICE) ||
           !hear(wire)) {
        wire_close(wire);
        (void)proc_wait(agent_proc_proc(s->agent), WAIT_MS);
        revive(s, n);
    }
}

static void every_request_of_a_connection(void **state)
{
    (void)state;
    struct stage s;
    uint64_t n = 0, calls;
    bool welcome;
    stage_open(&s);
    do {
        struct wire wire = {.fd = -1};
        faults_fail(s.faults, FAULT_MEMORY, ENOMEM, ++n, 1);
        assert_true(wire_connect(&wire, agent_proc_port(s.agent),
                                 "/?id=ARO-001_pc&token=" TOKEN_DEVICE "&subscribe=*"));
        const char *text = hear(&wire);
        welcome = text && strstr(text, "\"TABLE_ID\":\"ARO-001\"");
        if (welcome && wire_send(&wire, "{\"event\":\"get\"}"))
            (void)hear(&wire); /* its document, or a push before it, or the end */
        calls = faults_calls(s.faults, FAULT_MEMORY);
        wire_close(&wire);
        settle(&s, n);
        assert_true(n < ALL_MAX);
    } while (!welcome || calls >= n);
    printf("memory: a connection asks %llu times, %u restarts\n", (unsigned long long)n - 1,
           s.restarts);
    stage_close(&s);
}

static bool is_payload(void *ctx, const struct mqtt_message *m)
{
    return strcmp(m->payload, ctx) == 0;
}

/* Its value arrives, over a restart if there is one. */
static void wait_mirrored(struct stage *s, int value, uint64_t n)
{
    enum { STEP_MS = 50 };
    char text[16];
    int64_t deadline = now_ms() + WAIT_MS;
    snprintf(text, sizeof text, "%d", value);
    while (!mqttclient_poll(s->sub, "studio/tables/ARO-001/fields/n", is_payload, text, STEP_MS)) {
        if (deadline_left(deadline) == 0)
            test_fail("request %llu: value %d is not mirrored", (unsigned long long)n, value);
        if (!proc_running(agent_proc_proc(s->agent)))
            faults_clear(s->faults, FAULT_MEMORY);
        revive(s, n);
    }
}

static void every_request_of_an_update(void **state)
{
    struct stage s;
    uint64_t n = 0, calls;
    int value = 0;
    bool acked;
    (void)state;
    stage_open(&s);
    do {
        struct wire device;
        char update[64];
        connect_device(&s, &device, n);
        mqttclient_mark(s.sub);
        snprintf(update, sizeof update, "{\"n\":%d,\"note\":\"a custom field\"}", value + 1);
        faults_fail(s.faults, FAULT_MEMORY, ENOMEM, ++n, 1);
        const char *answer = wire_send(&device, update) ? hear(&device) : NULL;
        acked = answer && strstr(answer, "\"status\":\"updated\"") == answer + 1;
        bool refused = answer && !acked;
        if (refused)
            assert_string_equal(answer, "{\"error\":\"Storage unavailable\"}");
        if (acked) /* its way to MQTT is part of it */
            wait_mirrored(&s, value + 1, n);
        calls = faults_calls(s.faults, FAULT_MEMORY);
        settle(&s, n);
        int now = current_value(&s, n);
        if (acked)
            assert_int_equal(now, value + 1);
        else if (refused)
            assert_int_equal(now, value);
        value = now;
        wire_close(&device);
        assert_true(n < ALL_MAX);
    } while (!acked || calls >= n);
    printf("memory: an update and its mirroring ask %llu times, %u restarts\n",
           (unsigned long long)n - 1, s.restarts);
    judge_expect_clean(s.judge, s.sub);
    stage_close(&s);
}

/* An argument is a pattern for names of tests. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_of_a_start),
        cmocka_unit_test(every_request_of_a_connection),
        cmocka_unit_test(every_request_of_an_update),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
