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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
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
#include "support/procfs.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum {
    SUBSCRIBERS = 1000,
    WRITERS = 50,
    TABLES = 20,
    ASKED = 3000,          /* updates a second: a writer waits for its answer, so fewer come */
    UPDATES = 60000,       /* that meet those who do not read, however long they take */
    UPDATES_SHORT = 20000, /* more than a kernel keeps for them */
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

static long memory_kib(struct agent_proc *agent, const char *name)
{
    return procfs_kib(proc_pid(agent_proc_proc(agent)), name);
}

static size_t open_files(struct agent_proc *agent)
{
    return procfs_count(proc_pid(agent_proc_proc(agent)), "fd");
}

static void pass_time(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

/* --- subscribers that stop reading ------------------------------------------------------------ */

/* Exactly so many bytes: what comes after them is left to whoever reads next. */
static void read_exactly(int fd, char *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, to + done, len - done, 0);
        if (n <= 0)
            test_fail("a subscriber's connection: %s", n < 0 ? strerror(errno) : "it has ended");
        done += (size_t)n;
    }
}

/* The text of the next frame. */
static void read_document(int fd, char *text, size_t cap)
{
    unsigned char head[4];
    read_exactly(fd, (char *)head, 2);
    size_t len = head[1];
    if (len == 126) {
        read_exactly(fd, (char *)head + 2, 2);
        len = (size_t)(head[2] << 8 | head[3]);
    }
    if (head[0] != 0x81 || len >= cap)
        test_fail("a subscriber got a frame that is none of its own");
    read_exactly(fd, text, len);
    text[len] = '\0';
}

/* A connected subscriber to everything with as little room in its kernel as there can be; it reads its
 * first document and nothing more. */
static int deaf_subscriber(uint16_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char request[] = "GET /?id=deaf&token=" TOKEN_VIEWER "&subscribe=* HTTP/1.1\r\n"
                                  "Host: localhost\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char answer[4096];
    size_t n = 0;
    int small = 1;
    struct timeval patience = {.tv_sec = WAIT_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (struct sockaddr *)&in, sizeof in) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        test_fail("a subscriber cannot connect: %s", strerror(errno));
    do
        read_exactly(fd, answer + n++, 1);
    while (n < sizeof answer && (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4) != 0));
    if (memcmp(answer, "HTTP/1.1 101", 12) != 0)
        test_fail("a subscriber was not let in");
    read_document(fd, answer, sizeof answer);
    expect_json(answer, "TABLE_ID", "deaf");
    return fd;
}

/* Nobody has lost patience with any of them. */
static void expect_connected(const int *deaf)
{
    for (int i = 0; i < SUBSCRIBERS; i++) {
        struct pollfd fd = {.fd = deaf[i], .events = POLLRDHUP};
        if (poll(&fd, 1, 0) != 0)
            test_fail("the agent has ended the connection of subscriber %d", i);
    }
}

/* While nobody writes: a subscriber that reads at last never goes back and ends with the newest
 * document of every table. */
static void expect_newest(struct agent_proc *agent, int deaf)
{
    uint64_t newest[TABLES], seen[TABLES] = {0};
    unsigned missing = TABLES, table;
    char text[4096];
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "desk", TOKEN_VIEWER);
    for (unsigned t = 0; t < TABLES; t++) {
        wsclient_sendf(c, "{\"event\":\"get\",\"data\":{\"table_id\":\"ST-%02u\"}}", t);
        newest[t] = json_number(wsclient_text(c), "data.UPTIME");
    }
    wsclient_close(c);
    while (missing > 0) {
        read_document(deaf, text, sizeof text);
        char *id = json_at(text, "data.TABLE_ID");
        uint64_t rev = json_number(text, "data.UPTIME");
        assert_int_equal(sscanf(id, "ST-%2u", &table), 1);
        assert_in_range(rev, seen[table] + 1, newest[table]);
        seen[table] = rev;
        missing -= rev == newest[table];
        free(id);
    }
}

static void subscribers_that_stop_reading(void **state)
{
    (void)state;
    skip_under_sanitizer();
    const uint64_t wanted = long_version() ? UPDATES : UPDATES_SHORT;
    struct agent_proc *agent = agent_proc_start(
        &(struct agent_options){.same_port = true,
                                .config = "[limits]\nconnections_per_id = 2000\n"
                                          "[websocket]\nwrite_timeout = 600\nping_after = 600\n"});
    struct writers *writers =
        writers_create(&(struct writers_options){.port = agent_proc_port(agent),
                                                 .writers = WRITERS,
                                                 .tables = TABLES,
                                                 .rate = ASKED,
                                                 .seed = 1});
    assert_true(writers_once(writers, now_ms() + WAIT_MS)); /* all tables are there */
    long alone = memory_kib(agent, "VmRSS");
    int *deaf = test_alloc(SUBSCRIBERS * sizeof *deaf);
    for (int i = 0; i < SUBSCRIBERS; i++)
        deaf[i] = deaf_subscriber(agent_proc_port(agent));
    long connected = memory_kib(agent, "VmRSS");
    size_t files = open_files(agent);

    uint64_t before = writers_figures(writers).acked;
    int64_t began = now_ms();
    writers_resume(writers);
    for (int64_t until = began + 20 * WAIT_MS; writers_figures(writers).acked - before < wanted;)
        if (now_ms() < until)
            pass_time(50);
        else
            test_fail("only %llu of %llu updates were answered",
                      (unsigned long long)(writers_figures(writers).acked - before),
                      (unsigned long long)wanted);
    assert_true(writers_pause(writers, now_ms() + WAIT_MS));
    uint64_t updates = writers_figures(writers).acked - before;
    uint64_t rate = updates * 1000 / (uint64_t)(now_ms() - began);
    long highest = memory_kib(agent, "VmHWM");
    printf("memory: %ld KiB alone, %ld with %d subscribers, %ld at most while %llu updates, %llu a "
           "second, met subscribers that do not read\n",
           alone, connected, SUBSCRIBERS, highest, (unsigned long long)updates,
           (unsigned long long)rate);
    assert_true(highest - alone <= (long)SUBSCRIBERS * SUBSCRIBER_KIB);
    expect_connected(deaf);
    assert_true(open_files(agent) >= files);
    expect_newest(agent, deaf[SUBSCRIBERS / 2]);
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
