/* test_restart.c - every table comes back exactly, after an orderly stop and after kill -9. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

enum { TABLES = 20 };

/* The document of a table as a device sees it first; free(). */
static char *document_of(struct agent_proc *a, const char *table)
{
    char *path = test_printf("/?id=%s_reader&token=MY_TOKEN", table);
    struct wsclient *c = wsclient_connect(agent_proc_port(a), path);
    char *text = test_printf("%s", wsclient_text(c));
    wsclient_close(c);
    free(path);
    return text;
}

static void update(struct agent_proc *a, const char *table, const char *message)
{
    char *id = test_printf("%s_pc", table);
    char *answer = test_printf("{\"status\":\"updated\",\"table_id\":\"%s\"}", table);
    char *path = test_printf("/?id=%s&token=MY_TOKEN", id);
    struct wsclient *c = wsclient_connect(agent_proc_port(a), path);
    wsclient_text(c);
    wsclient_ask(c, message, answer);
    wsclient_close(c);
    free(path);
    free(answer);
    free(id);
}

static void state_comes_back(void **state)
{
    const bool *kill_it = *state;
    struct agent_proc *a = agent_proc_start(NULL);
    char *before[TABLES], name[TABLES][16];
    for (int i = 0; i < TABLES; i++) {
        char message[200];
        snprintf(name[i], sizeof name[i], "RES-%03d", i);
        snprintf(message, sizeof message,
                 "{\"sdp\":\"%s\",\"zcam\":\"up\",\"maintenance\":%s,\"n\":%d,\"gone\":1,"
                 "\"note\":\"K\xc3\xa4se \\\"%d\\\"\",\"tree\":{\"a\":[1.5,null,{}]}}",
                 i % 2 ? "up" : "exception", i % 3 ? "true" : "false", i, i);
        update(a, name[i], message);
        update(a, name[i], "{\"gone\":null}");
        before[i] = document_of(a, name[i]);
        expect_json(before[i], "UPTIME", "2");
    }
    if (*kill_it)
        agent_proc_kill(a);
    else
        agent_proc_stop(a);
    agent_proc_restart(a);
    for (int i = 0; i < TABLES; i++) {
        char *after = document_of(a, name[i]);
        assert_string_equal(after, before[i]);
        free(after);
        update(a, name[i], "{\"gone\":2}");
        after = document_of(a, name[i]);
        expect_json(after, "UPTIME", "3");
        assert_non_null(strstr(after, ",\"gone\":2}")); /* set again: at the end */
        free(after);
        free(before[i]);
    }
    agent_proc_destroy(a);
}

static void a_table_without_updates_comes_back(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    char *before = document_of(a, "NEW-001");
    agent_proc_kill(a);
    agent_proc_restart(a);
    /* An operator sees it without a device that would create it. */
    struct wsclient *c = wsclient_connect(agent_proc_port(a), "/?id=office&token=OPERATOR_TOKEN");
    wsclient_text(c);
    wsclient_send(c, "{\"event\":\"get\",\"data\":{\"table_id\":\"NEW-001\"}}");
    char *after = json_at(wsclient_text(c), "data");
    assert_string_equal(after, before);
    free(after);
    free(before);
    wsclient_close(c);
    agent_proc_destroy(a);
}

static void the_sequence_goes_on(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    uint64_t last = 0;
    for (int i = 0; i < 4; i++) {
        struct wsclient *c =
            wsclient_connect(agent_proc_port(a), "/?id=SEQ-001_x&token=MY_TOKEN&subscribe=SEQ-001");
        wsclient_text(c);
        wsclient_send(c, "{\"event\":\"exception\",\"data\":\"X\"}");
        uint64_t seq = json_number(wsclient_until(c, "event", "exception"), "seq");
        assert_int_equal(seq, last == 0 ? 2 : last + 1); /* 1 is the table's creation */
        last = seq;
        wsclient_close(c);
        if (i % 2)
            agent_proc_stop(a);
        else
            agent_proc_kill(a);
        agent_proc_restart(a);
    }
    agent_proc_destroy(a);
}

/* Killed in full flight: what was answered is there, and nothing is half there. */
static void killed_under_load(void **state)
{
    (void)state;
    static const char config[] = "[limits]\nupdates_per_second = 0\n";
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = config});
    uint64_t known = 0;
    for (int round = 0; round < 5; round++) {
        struct wsclient *c = wsclient_connect(agent_proc_port(a), "/?id=LOA-001_x&token=MY_TOKEN");
        const char *text = wsclient_text(c);
        uint64_t uptime = json_number(text, "UPTIME");
        assert_true(uptime >= known);
        if (uptime > 0) { /* both fields of an update, or none */
            char *n = json_at(text, "n"), *m = json_at(text, "m");
            assert_string_equal(n, m);
            free(n);
            free(m);
        }
        for (int i = 0; i < 400; i++) {
            char message[64];
            snprintf(message, sizeof message, "{\"n\":%d,\"m\":%d}", round * 1000 + i,
                     round * 1000 + i);
            wsclient_queue(c, message);
        }
        wsclient_flush(c);
        for (int i = 0; i < 100; i++)
            wsclient_text(c);
        known = uptime + 100;
        agent_proc_kill(a);
        struct ws_message m; /* answers that were on their way count too */
        while ((m = wsclient_next(c, WAIT_MS)).kind == WS_GOT_TEXT)
            known++;
        wsclient_drop(c);
        agent_proc_restart(a);
    }
    agent_proc_destroy(a);
}

int main(void)
{
    static bool yes = true, no = false;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(state_comes_back, &no),
        cmocka_unit_test_prestate(state_comes_back, &yes),
        cmocka_unit_test(a_table_without_updates_comes_back),
        cmocka_unit_test(the_sequence_goes_on),
        cmocka_unit_test(killed_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
