/*
 * test_fds.c - no file descriptor is left: who is connected is served as always, nothing is lost,
 * the processor is not burnt, and when there are some again everyone comes in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/http.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/port.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"

enum { WAITING = 20, SPELL_MS = 1500 };

/* Processor time of a process in milliseconds. */
static int64_t cpu_ms(pid_t pid)
{
    char path[64];
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = tmpdir_read(path, NULL);
    const char *at = text ? strrchr(text, ')') : NULL;
    if (!at ||
        sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        test_fail("cannot read %s", path);
    free(text);
    return (int64_t)(user + sys) * 1000 / sysconf(_SC_CLK_TCK);
}

static void update(struct wsclient *c, int n)
{
    wsclient_sendf(c, "{\"n\":%d}", n);
    wsclient_expect(c, UPDATED);
}

static void none_left(struct faults *faults)
{
    faults_fail(faults, FAULT_SOCKET, EMFILE, 1, 0);
    faults_fail(faults, FAULT_OPEN, EMFILE, 1, 0);
}

static void the_connected_are_served(void **state)
{
    (void)state;
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, NULL);
    struct broker *broker = broker_create(&(struct broker_options){.persistence = true});
    struct mqttclient *sub =
        mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                       .client_id = "judge",
                                                       .keep_session = true,
                                                       .subscribe = "studio/#"});
    struct judge *judge = judge_create("studio");
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){
        .data = data, .broker = broker_uri(broker), .args = args, .env = faults_env(faults)});
    uint16_t port = agent_proc_port(agent);
    pid_t pid = proc_pid(agent_proc_proc(agent));
    struct wsclient *c = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);
    update(c, 0);
    mqttclient_wait_json(sub, "studio/agents/edge-1/availability", "state", "online");

    none_left(faults);
    int waiting[WAITING];
    for (int i = 0; i < WAITING; i++)
        waiting[i] = port_connect(port); /* the kernel takes them; the agent cannot */
    broker_stop(broker);
    broker_start(broker);
    int64_t cpu = cpu_ms(pid), began = now_ms();
    int n = 0;
    while (now_ms() - began < SPELL_MS) {
        update(c, ++n);
        static const struct timespec step = {.tv_nsec = 5000000};
        nanosleep(&step, NULL);
    }
    cpu = cpu_ms(pid) - cpu;
    int64_t percent = cpu * 100 / (now_ms() - began);
    /* Told, not asserted: on a busy machine it says more of the others. */
    print_message("    %d updates and %d who wait cost %lld %% of a processor\n", n, WAITING,
                  (long long)percent);
    assert_true(faults_failed(faults, FAULT_SOCKET) > 0);

    faults_clear_all(faults);
    struct wsclient *late = wsclient_login(port, "ARO-001_late", TOKEN_DEVICE);
    update(late, ++n);
    struct http_answer answer = http_get(port, "/readyz");
    assert_int_equal(answer.status, 200);
    http_answer_finish(&answer);
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    mqttclient_wait_payload(sub, "studio/tables/ARO-001/fields/n", text);
    judge_expect_clean(judge, sub);
    assert_int_equal(judge_newest(judge), n + 2);

    for (int i = 0; i < WAITING; i++)
        if (waiting[i] >= 0)
            close(waiting[i]);
    wsclient_close(late);
    wsclient_close(c);
    agent_proc_destroy(agent);
    mqttclient_destroy(sub);
    broker_destroy(broker);
    judge_destroy(judge);
    faults_destroy(faults);
}

static void a_start_without_any_says_so(void **state)
{
    (void)state;
    const char *data = tmpdir_create();
    struct faults *faults = faults_create(data, NULL);
    const char *tokens = tokens_write_default(data);
    const char *argv[] = {studio_program("studio-agent"),
                          "--listen",
                          "localhost:0",
                          "--data",
                          data,
                          "--tokens",
                          tokens,
                          NULL};
    /* From the n-th on, for each n of a start until one comes up. */
    static const enum fault_op ops[] = {FAULT_OPEN, FAULT_SOCKET};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (unsigned n = 1;; n++) {
            faults_clear_all(faults);
            faults_fail(faults, ops[i], EMFILE, n, 0);
            struct proc *agent = proc_spawn(argv, faults_env(faults));
            proc_close_stdin(agent);
            static const struct timespec step = {.tv_nsec = 2000000};
            bool up = false;
            while (proc_running(agent) && !up) {
                char *out = proc_output(agent, PROC_STDOUT);
                up = strstr(out, "listening on") != NULL;
                free(out);
                nanosleep(&step, NULL);
            }
            faults_clear_all(faults);
            int code = up ? proc_stop(agent, WAIT_MS) : proc_wait(agent, WAIT_MS);
            char *err = proc_output(agent, PROC_STDERR);
            if (code < 0 || code > 4 || (!up && (code == 0 || strlen(err) < 20)))
                test_fail("call %u: exit code %d, and it says: %s", n, code, err);
            free(err);
            proc_destroy(agent);
            if (up && code == 0 && n > 1)
                break;
            assert_true(n < 200);
        }
    }
    faults_destroy(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_connected_are_served),
        cmocka_unit_test(a_start_without_any_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
