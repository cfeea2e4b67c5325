/*
 * test_memory.c - resident memory stays within a stated bound: with a thousand subscribers that
 * stop reading while updates go on, and with a backlog that waits for a broker, over a kill -9 too.
 *
 * STUDIO_FAULT_LONG=1 is the long version: a minute instead of ten seconds, a million events
 * instead of a hundred thousand.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fault/storm/writers.h"
#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum {
    SUBSCRIBERS = 1000,
    RATE = 1000, /* a writer waits for its answer: ask for more than that */
    ASKED = 3000,
    /* The bounds: how much a subscriber that does not read and a whole backlog may cost. */
    SUBSCRIBER_KIB = 16,
    BACKLOG_MIB = 32
};

static bool long_version(void)
{
    return getenv("STUDIO_FAULT_LONG") != NULL;
}

/* A sanitizer's own memory is not the agent's. */
static void skip_under_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
}

/* A figure of /proc/PID/status, in KiB: VmRSS now, VmHWM the highest ever. */
static long memory_kib(struct agent_proc *agent, const char *name)
{
    char path[64];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)proc_pid(agent_proc_proc(agent)));
    char *text = tmpdir_read(path, NULL);
    const char *at = text ? strstr(text, name) : NULL;
    if (!at || sscanf(strchr(at, ':'), ": %ld kB", &kib) != 1)
        test_fail("no %s in %s", name, path);
    free(text);
    return kib;
}

static void pass_time(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

/* --- subscribers that stop reading ------------------------------------------------------------ */

/* A subscriber to all tables that reads its welcome and then nothing any more, with as little room
 * in the kernel as there can be. */
static int deaf_subscriber(uint16_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char request[] = "GET /?id=deaf&token=" TOKEN_VIEWER "&subscribe=* HTTP/1.1\r\n"
                                  "Host: localhost\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char answer[4096];
    int small = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0 ||
        connect(fd, (struct sockaddr *)&in, sizeof in) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        test_fail("a subscriber cannot connect: %s", strerror(errno));
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    if (n < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0)
        test_fail("a subscriber was not let in");
    return fd;
}

static void subscribers_that_stop_reading(void **state)
{
    (void)state;
    skip_under_sanitizer();
    const int seconds = long_version() ? 60 : 10;
    struct agent_proc *agent = agent_proc_start(
        &(struct agent_options){.same_port = true,
                                .config = "[limits]\nconnections_per_id = 2000\n"
                                          "[websocket]\nwrite_timeout = 600\nping_after = 600\n"});
    struct writers *writers = writers_create(&(struct writers_options){
        .port = agent_proc_port(agent), .writers = 50, .tables = 20, .rate = ASKED, .seed = 1});
    assert_true(writers_once(writers, now_ms() + WAIT_MS)); /* all tables are there */
    long alone = memory_kib(agent, "VmRSS");
    int *deaf = test_alloc(SUBSCRIBERS * sizeof *deaf);
    for (int i = 0; i < SUBSCRIBERS; i++)
        deaf[i] = deaf_subscriber(agent_proc_port(agent));
    long connected = memory_kib(agent, "VmRSS");

    uint64_t before = writers_figures(writers).acked;
    writers_resume(writers);
    pass_time((int64_t)seconds * 1000);
    assert_true(writers_pause(writers, now_ms() + WAIT_MS));
    uint64_t updates = writers_figures(writers).acked - before;
    long highest = memory_kib(agent, "VmHWM");
    printf("memory: %ld KiB alone, %ld with %d subscribers, %ld at most while %llu updates in %d s "
           "met subscribers that do not read\n",
           alone, connected, SUBSCRIBERS, highest, (unsigned long long)updates, seconds);
    assert_true(updates > (uint64_t)seconds * RATE / 20); /* they really went on */
    assert_true(highest - alone <= (long)SUBSCRIBERS * SUBSCRIBER_KIB);
    for (int i = 0; i < SUBSCRIBERS; i++)
        close(deaf[i]);
    free(deaf);
    writers_destroy(writers);
    agent_proc_destroy(agent);
}

/* --- a backlog -------------------------------------------------------------------------------- */

/* `count` updates of one connection, some hundreds in flight. */
static void fill_backlog(struct wsclient *c, int from, int count)
{
    enum { PIECE = 500 };
    for (int done = 0; done < count; done += PIECE) {
        for (int i = 0; i < PIECE; i++) {
            char text[48];
            snprintf(text, sizeof text, "{\"n\":%d}", from + done + i);
            wsclient_queue(c, text);
        }
        wsclient_flush(c);
        for (int i = 0; i < PIECE; i++)
            if (!strstr(wsclient_text(c), "\"status\":\"updated\""))
                test_fail("an update was not accepted");
    }
}

static void note_highest(struct agent_proc *agent, long *highest)
{
    long now = memory_kib(agent, "VmHWM");
    if (now > *highest)
        *highest = now;
}

static void a_backlog_and_a_restart_in_it(void **state)
{
    (void)state;
    skip_under_sanitizer();
    const int events = long_version() ? 1000000 : 100000;
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    /* The broker does not log each message: a million of them are too much of a log. */
    struct broker *broker = broker_create(&(struct broker_options){
        .persistence = true, .extra = "log_type none\nlog_type information\n"});
    struct mqttclient *sub =
        mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                       .client_id = "judge",
                                                       .keep_session = true,
                                                       .subscribe = "studio/tables/+/changes"});
    struct judge *judge = judge_create("studio");
    broker_stop(broker);
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){
        .broker = broker_uri(broker),
        .args = args,
        .config = "[limits]\nupdates_per_second = 0\n[mqtt]\nmax_backlog = 2000000\n"});
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    fill_backlog(c, 0, 500);
    long alone = memory_kib(agent, "VmRSS"), highest = 0;
    int64_t began = now_ms();
    fill_backlog(c, 500, events - 500);
    int64_t filled = now_ms();
    note_highest(agent, &highest);

    /* Killed while it waits, and again while it drains. */
    agent_proc_kill(agent);
    agent_proc_restart(agent);
    broker_start(broker);
    mqttclient_wait_connected(sub);
    int64_t drain_began = now_ms(), deadline = drain_began + (int64_t)events;
    judge_feed_client(judge, sub);
    while (judge_newest(judge) < (uint64_t)events / 3 && mqttclient_wait_peek(sub, deadline))
        judge_feed_client(judge, sub);
    note_highest(agent, &highest);
    agent_proc_kill(agent);
    agent_proc_restart(agent);
    while (judge_newest(judge) < (uint64_t)events + 1 && mqttclient_wait_peek(sub, deadline))
        judge_feed_client(judge, sub);
    int64_t drained = now_ms();
    note_highest(agent, &highest);
    printf("memory: %ld KiB alone, %ld at most with a backlog of %d events (made in %lld ms, "
           "drained in %lld ms over a kill -9)\n",
           alone, highest, events, (long long)(filled - began), (long long)(drained - drain_began));
    judge_expect_clean(judge, sub);
    assert_int_equal(judge_events(judge), events + 1);
    assert_true(highest - alone <= BACKLOG_MIB * 1024L);
    wsclient_close(c);
    agent_proc_destroy(agent);
    mqttclient_destroy(sub);
    broker_destroy(broker);
    judge_destroy(judge);
}

int main(void)
{
    /* A thousand connections on each side. */
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribers_that_stop_reading),
        cmocka_unit_test(a_backlog_and_a_restart_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
