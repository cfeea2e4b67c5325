/* updates_rig.h - an agent, and for each test a new table with its dealer PC. One source of a program includes it. */
#ifndef TESTS_INTEGRATION_UPDATES_RIG_H
#define TESTS_INTEGRATION_UPDATES_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

static struct agent_proc *agent;
static uint16_t port;
static char table[16];      /* a new one for each test */
static struct wsclient *pc; /* its dealer PC */

static inline int start_agent(void **state)
{
    (void)state;
    static const char config[] = "[limits]\nupdates_per_second = 0\nservice_values = busy\n";
    agent = agent_proc_start(&(struct agent_options){.config = config});
    port = agent_proc_port(agent);
    return 0;
}

static inline int stop_agent(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return 0;
}

static inline int connect_pc(void **state)
{
    static unsigned number;
    char id[32];
    (void)state;
    snprintf(table, sizeof table, "UPD-%03u", ++number);
    snprintf(id, sizeof id, "%s_pc", table);
    pc = wsclient_login(port, id, TOKEN_DEVICE);
    return 0;
}

static inline int close_pc(void **state)
{
    (void)state;
    wsclient_close(pc);
    return 0;
}

/* The message is applied; `extra` stands in the answer after table_id. */
static inline void expect_done(const char *message, const char *status, const char *extra)
{
    char *answer = test_printf("{\"status\":\"%s\",\"table_id\":\"%s\"%s}", status, table, extra);
    wsclient_ask(pc, message, answer);
    free(answer);
}

static inline void expect_updated(const char *message)
{
    expect_done(message, "updated", "");
}

static inline void expect_error(const char *message, const char *text)
{
    char *answer = test_printf("{\"error\":\"%s\"}", text);
    wsclient_ask(pc, message, answer);
    free(answer);
}

/* The document as `get` shows it; valid until the next call on the connection. */
static inline const char *get_document(void)
{
    wsclient_send(pc, "{\"event\":\"get\"}");
    return wsclient_text(pc);
}

static inline void expect_field(const char *path, const char *value)
{
    char *full = test_printf("data.%s", path);
    expect_json(get_document(), full, value);
    free(full);
}

#define WITH_PC(test) cmocka_unit_test_setup_teardown(test, connect_pc, close_pc)

#endif
