/* test_updates_order.c - many updates on WebSocket: their order, their rate, what an answer promises (protocol sections
 * 2 and 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/updates_rig.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* Answers that leave as one piece, of many lengths, so that they end anywhere in it. */
static void answers_of_many_lengths(void **state)
{
    enum { LONGEST = 64, EACH = 64, ROUNDS = 200 };
    static char ids[EACH][LONGEST + 1];
    unsigned random = 1;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            random = random * 1103515245 + 12345;
            size_t len = 1 + (random >> 16) % LONGEST;
            memset(ids[i], 'x', len);
            ids[i][len] = '\0';
            char *message = test_printf("{\"event\":\"x\",\"request_id\":\"%s\"}", ids[i]);
            wsclient_queue(pc, message);
            free(message);
        }
        wsclient_flush(pc);
        for (int i = 0; i < EACH; i++)
            expect_json(wsclient_text(pc), "request_id", ids[i]);
    }
}

static void many_at_once_in_order(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    for (int i = 0; i < COUNT; i++) {
        char message[64];
        if (i % 10 == 9)
            snprintf(message, sizeof message, "{\"zcam\":\"no\",\"request_id\":%d}", i);
        else if (i % 10 == 8)
            snprintf(message, sizeof message, "{\"event\":\"get\",\"request_id\":%d}", i);
        else
            snprintf(message, sizeof message, "{\"n\":%d,\"request_id\":%d}", i, i);
        wsclient_queue(pc, message);
    }
    wsclient_flush(pc);
    for (int i = 0; i < COUNT; i++) {
        const char *text = wsclient_text(pc);
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        expect_json(text, "request_id", number);
        if (i % 10 == 8) { /* sees the effect of all before it */
            snprintf(number, sizeof number, "%d", i - 1);
            expect_json(text, "data.n", number);
            snprintf(number, sizeof number, "%d", (i + 2) / 10 * 8);
            expect_json(text, "data.UPTIME", number);
        }
    }
    wsclient_expect_nothing(pc);
    expect_field("n", "1997");
    expect_field("UPTIME", "1600");
}

static void two_connections_of_one_table(void **state)
{
    (void)state;
    char id[32];
    snprintf(id, sizeof id, "%s_other", table);
    expect_updated("{\"sdp\":\"up\"}");
    char *path = test_printf("/?id=%s&token=MY_TOKEN", id);
    struct wsclient *other = wsclient_connect(port, path);
    free(path);
    expect_json(wsclient_text(other), "SDP", "up");
    wsclient_send(other, "{\"idp\":\"up\"}");
    expect_json(wsclient_text(other), "status", "updated");
    expect_field("IDP", "up");
    wsclient_close(other);
}

static void an_answer_means_durable(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    for (int round = 0; round < 5; round++) {
        struct wsclient *c = wsclient_connect(agent_proc_port(a), "/?id=DUR-001_x&token=MY_TOKEN");
        char number[16];
        snprintf(number, sizeof number, "%d", round * 3);
        expect_json(wsclient_text(c), "UPTIME", number);
        for (int i = 0; i < 3; i++)
            wsclient_ask(c, "{\"sdp\":\"up\"}",
                         "{\"status\":\"updated\",\"table_id\":\"DUR-001\"}");
        agent_proc_kill(a);
        wsclient_drop(c);
        agent_proc_restart(a);
    }
    agent_proc_destroy(a);
}

/* How many of so many updates are carried out; the others are refused for the rate. */
static int updated_of(struct wsclient *c, int count)
{
    int refused = 0, updated = 0;
    for (int i = 0; i < count; i++)
        wsclient_queue(c, "{\"sdp\":\"up\"}");
    wsclient_flush(c);
    for (int i = 0; i < count; i++) {
        const char *text = wsclient_text(c);
        updated += strcmp(text, "{\"status\":\"updated\",\"table_id\":\"RAT-001\"}") == 0;
        refused += strcmp(text, "{\"error\":\"Rate limit exceeded\"}") == 0;
    }
    assert_int_equal(updated + refused, count);
    return updated;
}

static void the_rate_is_a_users(void **state)
{
    enum { ROUNDS = 8, BURST = 5 };
    (void)state;
    static const char config[] = "[limits]\nupdates_per_second = 1\nupdates_burst = 5\n";
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = config});
    int64_t start_ms = now_ms();
    struct wsclient *beside = wsclient_login(agent_proc_port(a), "RAT-001_x", TOKEN_DEVICE);
    int updated = 0;
    for (int i = 0; i < ROUNDS; i++) { /* a fresh connection brings no fresh burst */
        struct wsclient *c = wsclient_login(agent_proc_port(a), "RAT-001_x", TOKEN_DEVICE);
        updated += updated_of(c, 20);
        wsclient_close(c);
    }
    updated += updated_of(beside, 20);
    assert_in_range(updated, BURST, BURST + 1 + (now_ms() - start_ms) / 1000);
    wsclient_close(beside);
    /* Another user has all of its own. */
    beside = wsclient_login(agent_proc_port(a), "RAT-001_y", TOKEN_DEVICE);
    assert_in_range(updated_of(beside, 5), BURST, BURST);
    wsclient_close(beside);
    agent_proc_destroy(a);
}

/* A message of 8 KiB counts as five small ones. */
static void large_messages_count_more(void **state)
{
    (void)state;
    static const char config[] = "[limits]\nupdates_per_second = 1\nupdates_burst = 5\n";
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = config});
    struct wsclient *c = wsclient_login(agent_proc_port(a), "RAT-001_x", TOKEN_DEVICE);
    int64_t start_ms = now_ms();
    int updated = 0;
    for (int i = 0; i < 20; i++) {
        wsclient_sendf(c, "{\"sdp\":\"up\",\"note\":null%8192s}", "");
        updated += strstr(wsclient_text(c), "\"updated\"") != NULL;
    }
    assert_in_range(updated, 1, 1 + (now_ms() - start_ms) / 5000);
    wsclient_close(c);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PC(answers_of_many_lengths),      WITH_PC(many_at_once_in_order),
        WITH_PC(two_connections_of_one_table), cmocka_unit_test(an_answer_means_durable),
        cmocka_unit_test(the_rate_is_a_users), cmocka_unit_test(large_messages_count_more),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
