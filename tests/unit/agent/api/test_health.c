/* test_health.c - what the agent says of its own health, to anybody. */
#include "unit/agent/api/api_fixture.h"

static void expect_ready(int status, const char *body)
{
    get(NULL, "/readyz");
    expect_answer(status, body);
}

static void the_process_is_alive(void **state)
{
    (void)state;
    get(NULL, "/healthz");
    expect_answer(200, "{\"status\":\"ok\"}");
    send_request(&wire, &(struct request){.method = "HEAD", .target = "/healthz"});
    expect_answer(200, "");
}

static void ready_is_a_store_that_can_be_written(void **state)
{
    struct figures *figures = &core_f.figures;

    (void)state;
    figures->store_writable = true;
    expect_ready(200, "{\"status\":\"ready\",\"store\":\"writable\",\"backlog\":\"not full\","
                      "\"broker\":{\"state\":\"not configured\"}}");
    figures->mirror = true;
    expect_ready(200, /* the broker is told, but decides nothing */
                 "{\"status\":\"ready\",\"store\":\"writable\",\"backlog\":\"not full\","
                 "\"broker\":{\"state\":\"not connected\"}}");
    figures->broker = 1;
    figures->store_writable = false;
    expect_ready(503, "{\"status\":\"unavailable\",\"store\":\"not writable\",\"backlog\":\"not "
                      "full\",\"broker\":{\"state\":\"connected\"}}");
    *figures = (struct figures){.store_writable = true, .stopping = true};
    expect_ready(503, "{\"status\":\"stopping\",\"store\":\"writable\",\"backlog\":\"not full\","
                      "\"broker\":{\"state\":\"not configured\"}}");
}

/* As long as updates are refused for it. */
static void ready_is_a_backlog_below_its_bound(void **state)
{
    (void)state;
    core_f.figures.store_writable = true;
    core_f.figures.mirror = core_f.core->o.mirror = true;
    core_f.core->o.max_backlog = 2;
    make_table("ARO-001");
    expect_ready(200, NULL);
    post(OPERATOR, "/api/v1/tables/ARO-001/status", NULL, "{\"sdp\":\"up\"}");
    settle();
    expect_answer(200, NULL);
    post(OPERATOR, "/api/v1/tables/ARO-001/status", NULL, "{\"sdp\":\"down\"}");
    expect_answer(503, NULL);
    expect_ready(503, "{\"status\":\"unavailable\",\"store\":\"writable\",\"backlog\":\"full\","
                      "\"broker\":{\"state\":\"not connected\"}}");
    committer.acked = 1;
    expect_ready(200, NULL);
}

/* --- whose the tables are -------------------------------------------------------------------- */

static const char *owner_named;

static const char *is_closed(void *ctx, const char **owner)
{
    *owner = owner_named;
    return ctx;
}

static void expect_closed(const char *target, const char *title)
{
    get(OPERATOR, target);
    take_answer(&wire, 503, NULL);
    expect_header(&wire, "retry-after", "1");
    assert_non_null(strstr(wire.body, title));
    wire_close(&wire);
}

/* An owner whose ownership ran out, and nobody knows of another. */
static void who_is_not_sure_says_so(void **state)
{
    static char why[] = "Storage unavailable";

    (void)state;
    core_f.figures.store_writable = true;
    make_table("ARO-001");
    api.closed = is_closed;
    api.closed_ctx = why;
    owner_named = NULL;
    expect_ready(503,
                 "{\"status\":\"unavailable\",\"store\":\"not owned\",\"backlog\":\"not full\","
                 "\"broker\":{\"state\":\"not configured\"}}");
    get(NULL, "/healthz");
    expect_answer(200, NULL);
    expect_closed("/api/v1/tables", why);
    expect_closed("/api/v1/tables/ARO-001", why);
    expect_closed("/", why);
    api.closed_ctx = NULL;
    expect_ready(200, NULL);
}

/* It has no tables, and says who has. */
static void a_standby_names_the_owner(void **state)
{
    static char why[] = "Standby: a \"b\" has the tables";

    (void)state;
    api.core = NULL;
    api.closed = is_closed;
    api.closed_ctx = why;
    owner_named = "a \"b\"";
    expect_ready(503, "{\"status\":\"standby\",\"store\":\"not owned\",\"backlog\":\"not full\","
                      "\"broker\":{\"state\":\"not configured\"},\"owner\":\"a \\\"b\\\"\"}");
    expect_closed("/api/v1/agent", "has the tables");
    send_request(&wire, &(struct request){.target = "/metrics"});
    take_answer(&wire, 403, NULL); /* as of anybody without the token */
    wire_close(&wire);
    api.core = core_f.core;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_process_is_alive, api_open, api_close),
        cmocka_unit_test_setup_teardown(ready_is_a_store_that_can_be_written, api_open, api_close),
        cmocka_unit_test_setup_teardown(ready_is_a_backlog_below_its_bound, api_open, api_close),
        cmocka_unit_test_setup_teardown(who_is_not_sure_says_so, api_open, api_close),
        cmocka_unit_test_setup_teardown(a_standby_names_the_owner, api_open, api_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
