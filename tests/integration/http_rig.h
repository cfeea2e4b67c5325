/* http_rig.h - an agent that is asked over HTTP. One source of a program includes it. */
#ifndef TESTS_INTEGRATION_HTTP_RIG_H
#define TESTS_INTEGRATION_HTTP_RIG_H

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"

static struct agent_proc *agent;
static uint16_t port;

static inline int start_agent(void **state)
{
    (void)state;
    agent = agent_proc_start(NULL);
    port = agent_proc_port(agent);
    return 0;
}

static inline int stop_agent(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    return 0;
}

static inline void expect_status(const char *method, const char *target, const char *body,
                                 int status)
{
    struct http_answer answer = http_request(port, method, target, NULL, body);
    if (answer.status != status)
        test_fail("%s %s was answered %d, not %d", method, target, answer.status, status);
    http_answer_finish(&answer);
}

#endif
