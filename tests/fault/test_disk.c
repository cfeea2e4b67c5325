/*
 * test_disk.c - a disk that is full, that fails or that is slow (protocol 3.3 Storage unavailable,
 * section 4 promise 2, section 7 exit codes).
 *
 * A full disk is a tmpfs that is filled up, where the tests may mount one, and in any case writes
 * that fail with ENOSPC.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/http.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define AGENT   "studio/agents/edge-1"
#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define REFUSED "{\"error\":\"Storage unavailable\"}"

enum { TMPFS_MIB = 4, REFUSED_AFTER_MAX = 5000 };

struct stage {
    const char *data;
    struct faults *faults; /* NULL: not used */
    struct broker *broker;
    struct mqttclient *sub;
    struct judge *judge;
    struct agent_proc *agent;
    struct wsclient *device, *viewer; /* the viewer subscribes to all */
    int value;                        /* of the last update that was acknowledged */
};

static void connect_clients(struct stage *s)
{
    uint16_t port = agent_proc_port(s->agent);
    s->device = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);
    s->viewer = wsclient_connect(port, "/?id=desk&token=" TOKEN_VIEWER "&subscribe=*");
    (void)wsclient_text(s->viewer); /* its own document */
}

static void stage_open(struct stage *s, const char *data, struct faults *faults)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    *s = (struct stage){.data = data, .faults = faults};
    s->broker = broker_create(NULL);
    s->sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .client_id = "judge", .subscribe = "studio/#"});
    s->judge = judge_create("studio");
    s->agent =
        agent_proc_start(&(struct agent_options){.data = data,
                                                 .broker = broker_uri(s->broker),
                                                 .args = args,
                                                 .config = "[limits]\nupdates_per_second = 0\n",
                                                 .env = faults ? faults_env(faults) : NULL});
    connect_clients(s);
}

static void stage_close(struct stage *s)
{
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    agent_proc_destroy(s->agent);
    judge_destroy(s->judge);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
    faults_destroy(s->faults);
}

/* The next update; true if it was acknowledged, false if it was refused as it must be. */
static bool update(struct stage *s)
{
    wsclient_sendf(s->device, "{\"n\":%d}", s->value + 1);
    const char *answer = wsclient_text(s->device);
    if (strcmp(answer, REFUSED) == 0)
        return false;
    assert_string_equal(answer, UPDATED);
    s->value++;
    return true;
}

static void expect_ready(struct stage *s, int status)
{
    int64_t deadline = now_ms() + WAIT_MS;
    int got;
    do {
        struct http_answer answer = http_get(agent_proc_port(s->agent), "/readyz");
        got = answer.status;
        http_answer_finish(&answer);
    } while (got != status && deadline_left(deadline) > 0);
    assert_int_equal(got, status);
}

static void expect_n(struct wsclient *viewer, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    wsclient_send(viewer,
                  "{\"request_id\":1,\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    const char *answer = wsclient_until(viewer, "request_id", "1");
    expect_json(answer, "data.n", text);
}

/* All that was acknowledged has reached MQTT, and the judge has nothing to say. */
static void expect_mirrored(struct stage *s)
{
    char text[16];
    snprintf(text, sizeof text, "%d", s->value);
    mqttclient_wait_payload(s->sub, "studio/tables/ARO-001/fields/n", text);
    judge_expect_clean(s->judge, s->sub);
}

static void expect_restored(struct stage *s)
{
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    agent_proc_restart(s->agent);
    connect_clients(s);
    expect_n(s->viewer, s->value);
    assert_true(update(s));
    expect_mirrored(s);
}

/* --- full ------------------------------------------------------------------------------------- */

/* Fills the disk, or makes room again. */
typedef void fill_disk(struct stage *s, bool full);

static void fill_by_faults(struct stage *s, bool full)
{
    if (full)
        faults_fail(s->faults, FAULT_WRITE, ENOSPC, 1, 0);
    else
        faults_clear(s->faults, FAULT_WRITE);
}

static void fill_tmpfs(struct stage *s, bool full)
{
    static char zeros[65536];
    const char *path = tmpdir_path(s->data, "filler");
    if (!full) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t piece = sizeof zeros; piece > 0; piece /= 2)
        while (write(fd, zeros, piece) == (ssize_t)piece)
            ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void full_and_free_again(struct stage *s, fill_disk *fill)
{
    for (int i = 0; i < 3; i++)
        assert_true(update(s));
    expect_ready(s, 200);
    pid_t pid = proc_pid(agent_proc_proc(s->agent));

    fill(s, true);
    mqttclient_mark(s->sub);
    for (int i = 0; update(s); i++) /* what was written before gives way to a few more */
        assert_true(i < REFUSED_AFTER_MAX);
    for (int i = 0; i < 20; i++)
        assert_false(update(s));
    expect_ready(s, 503);

    /* Readers and subscribers go on, new ones come, a new table does not. */
    uint16_t port = agent_proc_port(s->agent);
    expect_n(s->viewer, s->value);
    struct wsclient *late = wsclient_connect(port, "/?id=late&token=" TOKEN_VIEWER "&subscribe=*");
    (void)wsclient_until(late, "event", "status");
    expect_n(late, s->value);
    wsclient_close(late);
    struct wsclient *again = wsclient_login(port, "ARO-001_second", TOKEN_DEVICE);
    wsclient_ask(again, "{\"n\":0}", REFUSED);
    wsclient_close(again);
    struct wsclient *stranger = wsclient_connect(port, "/?id=NEW-1_pc&token=" TOKEN_DEVICE);
    wsclient_expect_close(stranger, 1013, "Try again later");
    wsclient_close(stranger);
    mqttclient_wait_json(s->sub, AGENT "/health", "store.writable", "false");

    fill(s, false);
    expect_ready(s, 200);
    assert_true(update(s));
    mqttclient_wait_json(s->sub, AGENT "/health", "store.writable", "true");
    expect_mirrored(s);
    assert_int_equal(proc_pid(agent_proc_proc(s->agent)), pid);
    expect_n(s->viewer, s->value);
    agent_proc_kill(s->agent);
    expect_restored(s);
}

static void a_full_disk(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    full_and_free_again(&s, fill_by_faults);
    stage_close(&s);
}

static const char *mounted;

static void unmount(void)
{
    if (mounted)
        umount2(mounted, MNT_DETACH);
    mounted = NULL;
}

/* A mount that only this process and its children see; NULL where that is not allowed. */
static const char *mount_tmpfs(void)
{
    char size[32];
    const char *dir = tmpdir_create();
    snprintf(size, sizeof size, "size=%dm", TMPFS_MIB);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, size) != 0)
        return NULL;
    mounted = dir;
    atexit(unmount);
    return dir;
}

static void a_small_tmpfs_full(void **state)
{
    (void)state;
    const char *data = mount_tmpfs();
    if (!data)
        skip();
    struct stage s;
    stage_open(&s, data, NULL);
    full_and_free_again(&s, fill_tmpfs);
    stage_close(&s);
    unmount();
}

static void a_start_on_a_full_disk_says_so(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
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
    char *err;
    faults_fail(faults, FAULT_WRITE, ENOSPC, 1, 0);
    assert_int_equal(proc_run(argv, faults_env(faults), NULL, &err), 4);
    assert_non_null(strstr(err, "full"));
    free(err);
    /* With room it starts as if nothing had been. */
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.data = data});
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
    wsclient_close(c);
    agent_proc_destroy(agent);
    faults_destroy(faults);
}

/* --- errors ----------------------------------------------------------------------------------- */

static void one_write_that_fails(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    assert_true(update(&s));
    /* Each of the writes of a commit, and what comes after them. */
    for (unsigned n = 1; n <= 12; n++) {
        faults_fail(s.faults, FAULT_WRITE, EIO, n, 1);
        bool refused = false;
        for (unsigned i = 0; i < 12 && !refused; i++)
            refused = !update(&s);
        /* Else it met a write between the updates, that of the watermark. */
        assert_true(refused || faults_failed(s.faults, FAULT_WRITE) > 0);
        faults_clear(s.faults, FAULT_WRITE);
        expect_ready(&s, 200);
        assert_true(update(&s));
    }
    expect_mirrored(&s);
    agent_proc_kill(s.agent);
    expect_restored(&s);
    stage_close(&s);
}

static void one_sync_that_fails(void **state)
{
    (void)state;
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    for (int i = 0; i < 10; i++)
        assert_true(update(&s));
    faults_fail(s.faults, FAULT_SYNC, EIO, 1, 1);
    assert_false(update(&s));
    struct proc *agent = agent_proc_proc(s.agent);
    assert_int_equal(proc_wait(agent, WAIT_MS), 1);
    char *log = proc_output(agent, PROC_STDERR);
    assert_non_null(strstr(log, "stopping, a restart reads back"));
    free(log);
    agent_proc_kill(s.agent); /* buries it */
    faults_clear_all(s.faults);
    wsclient_close(s.device);
    wsclient_close(s.viewer);
    agent_proc_restart(s.agent);
    connect_clients(&s);
    /* All that was acknowledged is there; the one refused may have proved committed. */
    wsclient_send(s.viewer,
                  "{\"request_id\":1,\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    uint64_t n = json_number(wsclient_until(s.viewer, "request_id", "1"), "data.n");
    assert_true(n == (uint64_t)s.value || n == (uint64_t)s.value + 1);
    s.value = (int)n;
    assert_true(update(&s));
    expect_mirrored(&s);
    stage_close(&s);
}

/* --- slow ------------------------------------------------------------------------------------- */

static void a_sync_of_two_seconds(void **state)
{
    (void)state;
    enum { SYNC_MS = 2000 };
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    assert_true(update(&s));
    uint64_t delayed = faults_delayed(s.faults);
    faults_delay(s.faults, FAULT_SYNC, SYNC_MS);
    int64_t began = now_ms();
    wsclient_sendf(s.device, "{\"n\":%d}", s.value + 1);
    /* Everyone else is served meanwhile, with what is on disk. */
    unsigned served = 0;
    while (faults_delayed(s.faults) == delayed) {
        struct http_answer answer = http_get(agent_proc_port(s.agent), "/healthz");
        assert_int_equal(answer.status, 200);
        http_answer_finish(&answer);
        if (faults_delayed(s.faults) == delayed)
            expect_n(s.viewer, s.value);
        served++;
    }
    assert_true(served > 20);
    wsclient_expect(s.device, UPDATED);
    assert_true(now_ms() - began >= SYNC_MS);
    s.value++;
    faults_clear_all(s.faults);
    assert_true(update(&s));
    expect_mirrored(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_tmpfs_full), /* first: it leaves the mounts of the machine */
        cmocka_unit_test(a_full_disk),           cmocka_unit_test(a_start_on_a_full_disk_says_so),
        cmocka_unit_test(one_write_that_fails),  cmocka_unit_test(one_sync_that_fails),
        cmocka_unit_test(a_sync_of_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
