/* test_siege.c - thousands who do not say who they are: the others come in and are served as always; and
 * thousands who all do, but come in the same moment.
 * Nothing here rests on speed: who comes alone from his address is never displaced by those who come in
 * numbers, however fast they are. */
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

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { SITES = 50, PER_SITE = 64, GUESTS = 1024, BESIEGERS_MAX = 8000, RETURNING = 2 * GUESTS };

static const char unfinished[] = "GET / HTTP/1.1\r\nHost: x\r\n";
static const char never_says[] =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

static int besiegers[BESIEGERS_MAX];
static size_t besieger_count;

/* A connection from 127.0.<1+site>.1. */
static int connect_from(uint16_t port, unsigned site)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001 + ((site + 1) << 8))};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        test_fail("from site %u: %s", site, strerror(errno));
    return fd;
}

static void besiege(uint16_t port, unsigned site)
{
    const char *text = besieger_count % 2 ? never_says : unfinished;
    int fd = connect_from(port, site);

    assert_true(besieger_count < BESIEGERS_MAX);
    /* It may have been cut already. */
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
    besiegers[besieger_count++] = fd;
}

static void end_siege(void)
{
    while (besieger_count > 0)
        close(besiegers[--besieger_count]);
}

static size_t cut_off(void)
{
    size_t count = 0;

    for (size_t i = 0; i < besieger_count; i++) {
        char bytes[512];
        ssize_t n;
        while ((n = recv(besiegers[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
            ;
        count += n == 0 || (errno != EAGAIN && errno != EINTR);
    }
    return count;
}

/* At last no more than so many besiegers are there. */
static void expect_at_most(size_t left)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (besieger_count - cut_off() > left)
        if (deadline_left(deadline) == 0)
            test_fail("%zu of %zu are still there", besieger_count - cut_off(), besieger_count);
}

enum { ANSWERS = 150 /* with the others within the burst of the rate */ };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The time that 99 of 100 answers take at most; with `besieged` one more besieger comes before each. */
static int64_t p99_us(struct wsclient *c, uint16_t port, bool besieged)
{
    int64_t took[ANSWERS];

    for (unsigned i = 0; i < ANSWERS; i++) {
        struct timespec asked, answered;
        if (besieged)
            besiege(port, i % SITES);
        clock_gettime(CLOCK_MONOTONIC, &asked);
        wsclient_ask(c, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
        clock_gettime(CLOCK_MONOTONIC, &answered);
        took[i] =
            (answered.tv_sec - asked.tv_sec) * 1000000 + (answered.tv_nsec - asked.tv_nsec) / 1000;
    }
    qsort(took, ANSWERS, sizeof took[0], compare);
    return took[ANSWERS * 99 / 100];
}

static int allow_sockets(void **state)
{
    struct rlimit limit;

    (void)state;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static void from_fifty_addresses(void **state)
{
    enum { LOGINS = 20 };
    struct agent_proc *a = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(a);
    struct wsclient *before = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);
    struct wsclient *in[LOGINS];
    int64_t alone_us = p99_us(before, port, false), besieged_us;

    (void)state;
    for (unsigned i = 0; i < 2 * GUESTS; i++)
        besiege(port, i % SITES);
    for (int i = 0; i < LOGINS; i++) {
        char id[32];
        snprintf(id, sizeof id, "ARO-001_%d", i);
        for (unsigned site = 0; site < SITES; site++)
            besiege(port, site);
        if (i % 2) { /* says who it is when others have come in between */
            in[i] = wsclient_connect(port, "/");
            wsclient_text(in[i]);
            for (unsigned site = 0; site < SITES; site++)
                besiege(port, site);
            wsclient_sendf(in[i], "{\"id\":\"%s\",\"token\":\"" TOKEN_DEVICE "\"}", id);
            wsclient_text(in[i]);
        } else {
            in[i] = wsclient_login(port, id, TOKEN_DEVICE);
        }
        wsclient_ask(in[i], "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
        wsclient_ask(before, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    }
    besieged_us = p99_us(before, port, true);
    /* To be read, not judged: it says as much of the machine as of the agent. */
    print_message("%d of %d logins; 99 of 100 answers within %.1f ms, without a siege %.1f ms\n",
                  LOGINS, LOGINS, (double)besieged_us / 1000, (double)alone_us / 1000);
    expect_at_most(GUESTS);
    for (int i = 0; i < LOGINS; i++) { /* those who are in stay */
        wsclient_ask(in[i], "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
        wsclient_close(in[i]);
    }
    wsclient_close(before);
    end_siege();
    agent_proc_destroy(a);
}

static void from_one_address(void **state)
{
    struct agent_proc *a = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(a);

    (void)state;
    for (int i = 0; i < 5 * PER_SITE; i++)
        besiege(port, 0);
    expect_at_most(PER_SITE);
    wsclient_close(wsclient_login(port, "ARO-001_x", TOKEN_DEVICE));
    end_siege();
    agent_proc_destroy(a);
}

/* Until it has been answered and has the document of its table. */
static void expect_login(int fd)
{
    static const char document[] = "\"TABLE_ID\":\"ARO-001\"";
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    char bytes[4096];
    size_t len = 0;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    do {
        ssize_t n = recv(fd, bytes + len, sizeof bytes - len, 0);
        if (n <= 0)
            test_fail("no login: %s after %zu bytes", n == 0 ? "cut" : strerror(errno), len);
        len += (size_t)n;
    } while (!memmem(bytes, len, document, sizeof document - 1));
    assert_memory_equal(bytes, "HTTP/1.1 101", strlen("HTTP/1.1 101"));
}

/* Each from an address of its own, and none says anything before all are connected: more than may be in
 * without having said who they are. Each answer to one who is in takes a turn of the agent's loop, in which
 * it accepts 8. */
static void all_come_back_at_once(void **state)
{
    enum { TURNS = GUESTS / 8 + 4 };
    static int clients[RETURNING];
    struct agent_proc *a = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(a);
    struct wsclient *before = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);

    (void)state;
    for (unsigned i = 0; i < RETURNING; i++)
        clients[i] = connect_from(port, i);
    for (int i = 0; i < TURNS; i++)
        wsclient_ask(before, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    for (unsigned i = 0; i < RETURNING; i++)
        dprintf(clients[i],
                "GET /?id=ARO-001_%u&token=" TOKEN_DEVICE " HTTP/1.1\r\nHost: x\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                i);
    for (unsigned i = 0; i < RETURNING; i++)
        expect_login(clients[i]);
    for (unsigned i = 0; i < RETURNING; i++)
        close(clients[i]);
    wsclient_close(before);
    agent_proc_destroy(a);
}

/* A header has its time, and no byte now and then prolongs it. */
static void a_header_that_drips(void **state)
{
    struct agent_proc *a = agent_proc_start(NULL);
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    besiege(agent_proc_port(a), 0);
    while (cut_off() == 0) {
        if (deadline_left(deadline) == 0)
            test_fail("it is still there");
        (void)!send(besiegers[0], "x", 1, MSG_NOSIGNAL);
        usleep(200000);
    }
    end_siege();
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_fifty_addresses),
        cmocka_unit_test(from_one_address),
        cmocka_unit_test(all_come_back_at_once),
        cmocka_unit_test(a_header_that_drips),
    };
    return cmocka_run_group_tests(tests, allow_sockets, NULL);
}
