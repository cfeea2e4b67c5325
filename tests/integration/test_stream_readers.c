/* test_stream_readers.c - readers of the live stream that read slowly, or not at all, or send what does not
 * belong there: what the agent holds for them is bounded, and nobody else notices. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/port.h"
#include "support/procfs.h"
#include "support/sseclient.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define STREAM "/api/v1/stream"
#define VIEWER "wall:" TOKEN_VIEWER
/* Nobody is cut for being slow here. */
#define PATIENT                                                                                    \
    "[limits]\nupdates_per_second = 0\nconnections_per_id = 100\n"                                 \
    "[websocket]\nwrite_timeout = 3600\n"

enum {
    DEAF = 20,
    EVENTS = 800,
    EVENT_SIZE = 8000, /* all together 6.4 MB: more than a kernel keeps for one reader */
    ROUND = 20,        /* events at once */
    STREAM_KIB = 64,   /* what a stream that does not read may cost */
    SPARE_KIB = 8192   /* what the agent may need more for itself */
};

static long memory_kib(struct agent_proc *a)
{
    return procfs_kib(proc_pid(agent_proc_proc(a)), "VmRSS");
}

static struct sseclient *reader(uint16_t at)
{
    int small = 65536;
    struct sseclient *c = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL);
    assert_int_equal(setsockopt(sseclient_fd(c), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    return c;
}

/* All up to `to`, behind `from`. */
static void expect_events(struct sseclient *c, uint64_t from, uint64_t to)
{
    while (from < to)
        assert_int_equal(json_number(sseclient_event(c).data, "seq"), ++from);
}

static void exceptions(struct wsclient *pc, const char *text)
{
    for (int i = 0; i < ROUND; i++)
        wsclient_queue(pc, text);
    wsclient_flush(pc);
    for (int i = 0; i < ROUND; i++)
        expect_json(wsclient_text(pc), "status", "received");
}

/* EVENTS more, of which `slow` has read `*read` and reads a quarter. The most memory there was meanwhile. */
static long much_happens(struct agent_proc *a, struct wsclient *pc, struct sseclient *slow,
                         uint64_t *read)
{
    char data[EVENT_SIZE + 1], *text;
    long most = 0;

    memset(data, 'x', EVENT_SIZE);
    data[EVENT_SIZE] = '\0';
    text = test_printf("{\"event\":\"exception\",\"data\":\"%s\"}", data);
    for (int i = 0; i < EVENTS / ROUND; i++) {
        long now;
        exceptions(pc, text);
        expect_events(slow, *read, *read + ROUND / 4);
        *read += ROUND / 4;
        now = memory_kib(a);
        most = now > most ? now : most;
    }
    free(text);
    return most;
}

/* One reads a little now and then; then twenty come who read nothing at all, from the first event on. */
static void what_is_not_read_is_not_kept(void **state)
{
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = PATIENT});
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE); /* event 1 */
    struct sseclient *deaf[DEAF], *slow = reader(at);
    uint64_t read = 0;
    long without, with;

    (void)state;
    without = much_happens(a, pc, slow, &read);
    for (int i = 0; i < DEAF; i++)
        deaf[i] = reader(at);
    with = much_happens(a, pc, slow, &read);
    print_message("%ld KiB with one, %ld with %d more\n", without, with, DEAF);
#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
    !defined(__SANITIZE_THREAD__) /* their memory is not the agent's */
    assert_in_range(with, 0, without + DEAF * STREAM_KIB + SPARE_KIB);
#endif
    expect_events(slow, read, 1 + 2 * EVENTS); /* and then it has it all */
    expect_events(deaf[0], 0, 1 + 2 * EVENTS);
    wsclient_ask(pc, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect_events(slow, 1 + 2 * EVENTS, 2 + 2 * EVENTS);
    for (int i = 0; i < DEAF; i++)
        sseclient_close(deaf[i]);
    sseclient_close(slow);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

/* In one piece with the request for the stream, so that the library has read it with that. */
static void a_request_behind_it_ends_it(void **state)
{
    static const char requests[] = "GET " STREAM " HTTP/1.1\r\nHost: x\r\n"
                                   "Authorization: Bearer " VIEWER "\r\n\r\n"
                                   "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = PATIENT});
    uint16_t at = agent_proc_port(a);
    struct wsclient *pc = wsclient_login(at, "ARO-001_pc", TOKEN_DEVICE);
    struct sseclient *other = sseclient_connect(at, STREAM "?from_seq=1", VIEWER, NULL);
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    char bytes[4096] = "";
    size_t len = 0;
    ssize_t n;
    int fd = port_connect(at);

    (void)state;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(send(fd, requests, sizeof requests - 1, MSG_NOSIGNAL), sizeof requests - 1);
    while ((n = recv(fd, bytes + len, sizeof bytes - 1 - len, 0)) > 0)
        len += (size_t)n;
    assert_int_equal(n, 0);
    bytes[len] = '\0';
    assert_memory_equal(bytes, "HTTP/1.1 200", strlen("HTTP/1.1 200"));
    assert_non_null(strstr(bytes, "text/event-stream"));
    assert_null(strstr(bytes, "\"ok\"")); /* the second is not answered */
    wsclient_ask(pc, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect_events(other, 0, 2);
    close(fd);
    sseclient_close(other);
    wsclient_close(pc);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_read_is_not_kept),
        cmocka_unit_test(a_request_behind_it_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
