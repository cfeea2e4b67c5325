/*
 * test_hostile.c - peers that take their time, come in thousands or come again and again, and what they
 * may not do to others: everybody who is in is answered, everybody who wants in comes in, and what the
 * agent spends on the others is bounded. How fast all that is stands in bench/siege's figures, not here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/procfs.h"
#include "support/siege.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum {
    SITES = 50,
    GUESTS = 1024, /* who have not said who they are, in all */
    DRIPPING = 150,
    THOUSANDS = 10000,
    FLOOD = 3000,
    GUEST_KIB = 8, /* what one of them may cost */
    SPARE_KIB = 8192
};
#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"

static pid_t pid_of(struct agent_proc *a)
{
    return proc_pid(agent_proc_proc(a));
}

/* One who is in is answered; one who was not comes in, is answered, and goes; HTTP as well. */
static void expect_service(uint16_t port, struct wsclient *in)
{
    struct wsclient *c = wsclient_login(port, "ARO-001_visitor", TOKEN_DEVICE);
    struct http_answer answer =
        http_request(port, "GET", "/api/v1/tables/ARO-001",
                     "Authorization: Bearer wall:" TOKEN_VIEWER "\r\n", NULL);

    wsclient_ask(c, "{\"sdp\":\"up\"}", UPDATED);
    wsclient_ask(in, "{\"idp\":\"up\"}", UPDATED);
    assert_int_equal(answer.status, 200);
    http_answer_finish(&answer);
    wsclient_close(c);
}

/* Their deadlines end them, nothing else: there is room for all. */
static void whoever_drips_is_cut(void **state)
{
    static const enum siege_kind kinds[] = {SIEGE_HEADERS, SIEGE_BODIES, SIEGE_SILENT,
                                            SIEGE_MESSAGES};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.config = "[limits]\nupdates_per_second = 0\n"
                                                           "[websocket]\nauth_timeout = 3\n"});
    uint16_t port = agent_proc_port(a);
    struct wsclient *in = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);
    struct siege *sieges[KINDS];
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    size_t left;

    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        sieges[i] = siege_lay(&(struct siege_plan){
            .kind = kinds[i], .port = port, .sockets = DRIPPING, .sites = SITES, .pace_ms = 200});
    do {
        left = 0;
        for (size_t i = 0; i < KINDS; i++) {
            siege_turn(sieges[i]);
            left += siege_first_left(sieges[i]);
        }
        expect_service(port, in);
        usleep(20000);
        if (deadline_left(deadline) == 0)
            test_fail("%zu of those who drip are still there", left);
    } while (left > 0);
    for (size_t i = 0; i < KINDS; i++)
        siege_raise(sieges[i]);
    wsclient_close(in);
    agent_proc_destroy(a);
}

/* Bits of a message are signs of life, and a message has to come to its end all the same. */
static void a_message_that_drips_ends_its_sender(void **state)
{
    struct agent_proc *a = agent_proc_start(
        &(struct agent_options){.config = "[websocket]\nwrite_timeout = 2\nping_after = 1\n"});
    uint16_t port = agent_proc_port(a);
    struct wsclient *in = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);
    struct wsclient *slow = wsclient_login(port, "ARO-001_slow", TOKEN_DEVICE);
    int64_t deadline = now_ms() + WAIT_MS;

    (void)state;
    wsclient_send_frame(slow, WS_TEXT, false, "{", 1);
    while (wsclient_next(slow, 100).kind != WS_GOT_END) {
        if (deadline_left(deadline) == 0)
            test_fail("it is still there");
        wsclient_send_frame(slow, WS_CONT, false, " ", 1);
    }
    expect_service(port, in);
    wsclient_drop(slow);
    wsclient_close(in);
    agent_proc_destroy(a);
}

static void ten_thousand_never_say_who_they_are(void **state)
{
    const size_t sockets = siege_allow(THOUSANDS);
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.config = "[limits]\nupdates_per_second = 0\n"});
    uint16_t port = agent_proc_port(a);
    struct wsclient *in = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);
    struct siege *siege = siege_lay(&(struct siege_plan){
        .kind = SIEGE_SILENT, .port = port, .sockets = sockets, .sites = SITES, .step = 250});
    long before = procfs_kib(pid_of(a), "VmRSS"), most = 0;
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    while (siege_came(siege) < sockets) {
        long now;
        siege_turn(siege);
        expect_service(port, in);
        now = procfs_kib(pid_of(a), "VmRSS");
        most = now > most ? now : most;
    }
    while (siege_there(siege) > GUESTS)
        if (deadline_left(deadline) == 0)
            test_fail("%zu are still there", siege_there(siege));
    print_message("%zu came; %ld KiB before, %ld at most\n", siege_came(siege), before, most);
#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
    !defined(__SANITIZE_THREAD__) /* their memory is not the agent's */
    assert_in_range(most, 0, before + GUESTS * GUEST_KIB + SPARE_KIB);
#endif
    expect_service(port, in);
    siege_raise(siege);
    wsclient_close(in);
    agent_proc_destroy(a);
}

/* They are let in, and have gone before they say anything. */
static void handshakes_again_and_again(void **state)
{
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.config = "[limits]\nupdates_per_second = 0\n"});
    uint16_t port = agent_proc_port(a);
    struct wsclient *in = wsclient_login(port, "ARO-001_before", TOKEN_DEVICE);
    size_t files = procfs_count(pid_of(a), "fd");
    struct siege *siege = siege_lay(
        &(struct siege_plan){.kind = SIEGE_FLOOD, .port = port, .sockets = 256, .sites = SITES});
    int64_t deadline = now_ms() + 2 * WAIT_MS;

    (void)state;
    while (siege_served(siege) < FLOOD) {
        for (int i = 0; i < 10; i++)
            siege_turn(siege);
        expect_service(port, in);
        if (deadline_left(deadline) == 0)
            test_fail("only %zu handshakes in a minute", siege_served(siege));
    }
    siege_raise(siege);
    while (procfs_count(pid_of(a), "fd") > files) /* nothing is left of them */
        if (deadline_left(deadline) == 0)
            test_fail("the agent has %zu files open, %zu before", procfs_count(pid_of(a), "fd"),
                      files);
    expect_service(port, in);
    wsclient_close(in);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_drips_is_cut),
        cmocka_unit_test(a_message_that_drips_ends_its_sender),
        cmocka_unit_test(ten_thousand_never_say_who_they_are),
        cmocka_unit_test(handshakes_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
