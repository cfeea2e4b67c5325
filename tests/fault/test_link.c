/*
 * test_link.c - the processes of the MQTT connections (bridge/link_process.h): whatever becomes of one,
 * nothing is lost, nothing is done twice, and the agent goes on. STUDIO_FAULT_LONG=1 is the long
 * version: 20,000 commands over 20 kills of each process.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/link_confine.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/procfs.h"
#include "support/scene.h"
#include "support/tmpdir.h"

#define SET       TABLE "/set/plc"
#define REPLY     TABLE "/reply/plc"
#define PUBLISHER "studio-agent: mqtt publisher"
#define COMMANDS  "studio-agent: mqtt commands"

enum {
    COMMANDS_SHORT = 2000,
    COMMANDS_LONG = 20000,
    KILLS_SHORT = 4,
    KILLS_LONG = 20,
    UNDER_WAY = 200,
    STABLE_MS = 5500,  /* between two kills: a connection that lasts 11 s comes back at once */
    GIANT = 200 * 1024 /* above LINK_COMMAND_MAX */
};

static bool is_long(void)
{
    return getenv("STUDIO_FAULT_LONG") != NULL;
}

static pid_t agent_pid(const struct scene *s)
{
    return proc_pid(agent_proc_proc(s->agent));
}

/* Waits for it; `not` is one that may still be there. */
static pid_t wait_child(const struct scene *s, const char *name, pid_t not )
{
    int64_t deadline = now_ms() + WAIT_MS;
    pid_t pid;
    while ((pid = procfs_child(agent_pid(s), name)) == 0 || pid == not ) {
        if (deadline_left(deadline) == 0)
            test_fail("there is no %s", name);
        usleep(2000);
    }
    return pid;
}

static struct mqttclient *plc_at(struct broker *broker)
{
    return mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .client_id = "plc", .subscribe = REPLY});
}

static void command(struct mqttclient *plc, int number)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"n\":%d,\"request_id\":%d}", number, number);
    mqttclient_send(
        plc, &(struct mqttclient_publish){.topic = SET, .payload = payload, .no_wait = true});
}

/* Takes what has come; how many different ones have been answered. */
static int take_answers(struct mqttclient *plc, bool *answered, int count)
{
    const struct mqtt_message *m;
    int more = 0;
    while ((m = mqttclient_take(plc))) {
        if (strcmp(m->topic, REPLY) != 0)
            continue;
        expect_json(m->payload, "status", "updated");
        uint64_t id = json_number(m->payload, "request_id");
        assert_true(id < (uint64_t)count);
        more += !answered[id];
        answered[id] = true;
    }
    return more;
}

/* What becomes of a process that is confined as they are: 2 where calls of the kernel are filtered. */
static int filtered(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(link_confine() ? 0 : 2);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void the_processes_have_names_and_nothing_else(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, NO_LIMITS, 5);
    pid_t pids[] = {wait_child(&s, PUBLISHER, 0), wait_child(&s, COMMANDS, 0)};
    assert_int_equal(procfs_child(agent_pid(&s), "studio-agent: mqtt probe"), 0);
    for (size_t i = 0; i < 2; i++) {
        /* Standard ones, the socket, a wake, the connection. Root may look. */
        if (geteuid() == 0)
            assert_in_range(procfs_count(pids[i], "fd"), 6, 6);
        assert_in_range(procfs_kib(pids[i], "VmRSS"), 1, 64 * 1024);
        assert_int_equal(procfs_kib(pids[i], "NoNewPrivs"), 1);
        assert_int_equal(procfs_kib(pids[i], "Seccomp"), filtered());
    }
    assert_int_equal(procfs_kib(agent_pid(&s), "NoNewPrivs"), 1);
    scene_close(&s);
}

/* Each command once, each event once and in order, whichever process dies. */
static void kills_lose_nothing_and_double_nothing(void **state)
{
    const int count = is_long() ? COMMANDS_LONG : COMMANDS_SHORT;
    const int kills = is_long() ? KILLS_LONG : KILLS_SHORT;
    bool *answered = test_alloc((size_t)count);
    int sent = 0, done = 0, killed = 0;
    struct scene s;
    pid_t last[2] = {0, 0};
    (void)state;
    memset(answered, 0, (size_t)count);
    scene_open(&s, NO_LIMITS, 5);
    wsclient_close(scene_device(&s, "ARO-001_pc"));
    struct mqttclient *plc = plc_at(s.broker);
    int64_t deadline = now_ms() + (is_long() ? 20 : 4) * WAIT_MS, ripe = 0;
    const int share = count / (2 * kills + 1); /* each has a kill in its midst */
    while (done < count) {
        int may = killed == 2 * kills ? count : now_ms() >= ripe ? (killed + 1) * share : sent;
        while (sent < may && sent - done < UNDER_WAY)
            command(plc, sent++);
        done += take_answers(plc, answered, count);
        judge_feed_client(s.judge, s.sub);
        if (killed < 2 * kills && now_ms() >= ripe && done >= killed * share + share / 2) {
            int which = killed++ % 2;
            last[which] = wait_child(&s, which ? COMMANDS : PUBLISHER, last[which]);
            kill(last[which], SIGKILL);
            ripe = now_ms() + (is_long() ? STABLE_MS : 0);
        }
        if (deadline_left(deadline) == 0)
            test_fail("%d of %d commands are answered after %d kills", done, count, killed);
        usleep(500);
    }
    assert_int_equal(killed, 2 * kills);
    judge_wait_seq(s.judge, s.sub, (uint64_t)count + 1);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), count + 1); /* the first is that of the table */
    mqttclient_destroy(plc);
    scene_close(&s);
    free(answered);
}

/* One that is only stopped is found out, and replaced. */
static void a_process_that_hangs_is_replaced(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *pc = scene_device(&s, "ARO-001_pc");
    struct mqttclient *plc = plc_at(s.broker);
    pid_t out = wait_child(&s, PUBLISHER, 0), in = wait_child(&s, COMMANDS, 0);
    kill(out, SIGSTOP);
    kill(in, SIGSTOP);
    scene_updates(pc, 50);
    command(plc, 7);
    wait_child(&s, PUBLISHER, out);
    wait_child(&s, COMMANDS, in);
    mqttclient_wait_json(plc, REPLY, "request_id", "7");
    judge_wait_seq(s.judge, s.sub, 52);
    judge_expect_clean(s.judge, s.sub);
    mqttclient_destroy(plc);
    wsclient_close(pc);
    scene_close(&s);
}

/* Neither a zombie that nobody buries nor one that is gone. */
static bool is_alive(pid_t pid)
{
    char *path = test_printf("/proc/%d/stat", (int)pid), *text = tmpdir_read(path, NULL);
    const char *at = text ? strrchr(text, ')') : NULL;
    bool alive = at && at[1] == ' ' && at[2] != 'Z';
    free(text);
    free(path);
    return alive;
}

static void they_die_with_the_agent(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, NO_LIMITS, 5);
    pid_t pids[] = {wait_child(&s, PUBLISHER, 0), wait_child(&s, COMMANDS, 0)};
    kill(pids[1], SIGSTOP); /* this one cannot see the end of its socket */
    agent_proc_kill(s.agent);
    int64_t deadline = now_ms() + WAIT_MS;
    for (size_t i = 0; i < 2; i++)
        while (is_alive(pids[i]))
            if (deadline_left(deadline) == 0)
                test_fail("process %d outlives the agent", (int)pids[i]);
    agent_proc_restart(s.agent);
    scene_close(&s);
}

/* The terminal's and the service manager's signals are for all; `stopped` is said all the same. */
static void a_signal_for_all_takes_no_connection_away(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, NO_LIMITS, 5);
    pid_t pids[] = {wait_child(&s, PUBLISHER, 0), wait_child(&s, COMMANDS, 0)};
    for (size_t i = 0; i < 2; i++) {
        kill(pids[i], SIGINT);
        kill(pids[i], SIGTERM);
    }
    mqttclient_mark(s.sub);
    agent_proc_stop(s.agent);
    mqttclient_wait_json(s.sub, AGENT "/availability", "state", "stopped");
    agent_proc_restart(s.agent);
    scene_close(&s);
}

/* The broker keeps it from us; on MQTT 3.1.1 it is refused for its size. */
static void a_giant_command_is_refused(void **state)
{
    static const int versions[] = {5, 4};
    char *giant = test_alloc(GIANT + 1);
    (void)state;
    memset(giant, 'x', GIANT);
    giant[GIANT] = '\0';
    for (size_t v = 0; v < 2; v++) {
        struct scene s;
        scene_open(&s, NO_LIMITS, versions[v]);
        wsclient_close(scene_device(&s, "ARO-001_pc"));
        struct mqttclient *plc = plc_at(s.broker);
        pid_t before = wait_child(&s, COMMANDS, 0);
        mqttclient_publish(plc, SET, giant);
        command(plc, 1);
        if (versions[v] == 4)
            mqttclient_wait_json(plc, REPLY, "error", "Message too large");
        mqttclient_wait_json(plc, REPLY, "request_id", "1");
        assert_int_equal(wait_child(&s, COMMANDS, 0), before);
        mqttclient_destroy(plc);
        scene_close(&s);
    }
    free(giant);
}

/* MQTT 3.1.1 cannot refuse it: the process ends, the agent and the events do not mind. */
static void a_process_that_needs_too_much_memory_ends_alone(void **state)
{
    enum { HUGE = 140 << 20 }; /* twice that is above the bound */
    struct scene s;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* without a bound */
#endif
    char *huge = test_alloc(HUGE + 1);
    memset(huge, 'x', HUGE);
    huge[HUGE] = '\0';
    scene_open(&s, NO_LIMITS, 4);
    struct mqttclient *plc = plc_at(s.broker);
    pid_t in = wait_child(&s, COMMANDS, 0), out = wait_child(&s, PUBLISHER, 0);
    mqttclient_send(plc, &(struct mqttclient_publish){
                             .topic = SET, .payload = huge, .expiry_s = 3, .no_wait = true});
    free(proc_wait_line(agent_proc_proc(s.agent), PROC_STDERR, "ran out of memory",
                        4 * WAIT_MS)); /* it is a long way for so much */
    wait_child(&s, COMMANDS, in);
    assert_int_equal(wait_child(&s, PUBLISHER, 0), out);
    struct wsclient *pc = scene_device(&s, "ARO-001_pc"); /* no pings are answered in a wait */
    scene_updates(pc, 20);
    judge_wait_seq(s.judge, s.sub, 21);
    judge_expect_clean(s.judge, s.sub);
    mqttclient_destroy(plc);
    wsclient_close(pc);
    scene_close(&s);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_processes_have_names_and_nothing_else),
        cmocka_unit_test(kills_lose_nothing_and_double_nothing),
        cmocka_unit_test(a_process_that_hangs_is_replaced),
        cmocka_unit_test(they_die_with_the_agent),
        cmocka_unit_test(a_signal_for_all_takes_no_connection_away),
        cmocka_unit_test(a_giant_command_is_refused),
        cmocka_unit_test(a_process_that_needs_too_much_memory_ends_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
