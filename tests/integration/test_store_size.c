/* test_store_size.c - store.max_bytes: the oldest acknowledged events go, then updates are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define CONFIG "[store]\nmax_bytes = 1048576\n[limits]\nupdates_per_second = 0\n"

enum { MAX_BYTES = 1 << 20, VALUE = 900 };

static struct wsclient *device(struct agent_proc *a)
{
    return wsclient_login(agent_proc_port(a), "ARO-001_pc", TOKEN_DEVICE);
}

/* One update with a large value; true if it was accepted. */
static bool update(struct wsclient *c, int n)
{
    wsclient_sendf(c, "{\"note\":\"%0*d\"}", VALUE, n);
    const char *answer = wsclient_text(c);
    bool taken = strstr(answer, "\"updated\"") != NULL;
    if (!taken)
        assert_string_equal(answer, "{\"error\":\"Storage unavailable\"}");
    return taken;
}

static off_t file_size(struct agent_proc *a)
{
    struct stat st;
    assert_int_equal(stat(tmpdir_path(agent_proc_data(a), "studio.db"), &st), 0);
    return st.st_size;
}

/* Three times as much as there is room for. */
static void the_oldest_go(void **state)
{
    enum { UPDATES = 3 * MAX_BYTES / (2 * VALUE) };
    (void)state;
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = CONFIG});
    struct wsclient *c = device(a);
    for (int i = 0; i < UPDATES; i++)
        assert_true(update(c, i));
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, "store.max_bytes is nearly reached",
                        WAIT_MS));
    wsclient_close(c);
    agent_proc_stop(a);
    assert_in_range(file_size(a), MAX_BYTES / 4, MAX_BYTES);
    agent_proc_restart(a);
    c = device(a);
    assert_true(update(c, UPDATES));
    wsclient_close(c);
    agent_proc_destroy(a);
}

/* Nothing is acknowledged while the broker is away: it stays, and more is refused, until it is back. */
static void what_has_to_be_sent_stays(void **state)
{
    enum { MANY = 10000 };
    (void)state;
    struct broker *broker = broker_create(&(struct broker_options){.not_started = true});
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.config = CONFIG, .broker = broker_uri(broker)});
    struct wsclient *c = device(a);
    int taken = 0;
    while (taken < MANY && update(c, taken))
        taken++;
    assert_in_range(taken, 50, MAX_BYTES / VALUE);
    broker_start(broker);
    int64_t deadline = now_ms() + 4 * WAIT_MS;
    for (int i = 0; i < 50; i++)
        while (!update(c, taken + i))
            assert_true(now_ms() < deadline);
    wsclient_close(c);
    agent_proc_stop(a);
    assert_in_range(file_size(a), MAX_BYTES / 4, MAX_BYTES);
    agent_proc_destroy(a);
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_go),
        cmocka_unit_test(what_has_to_be_sent_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
