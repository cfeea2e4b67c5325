#include "net/routes.h"

#include "support/cmocka_all.h"

static void expect(const char *method, const char *path, const struct http_facts *facts, int status,
                   const char *body)
{
    struct buf out;

    buf_init(&out, 1024);
    assert_int_equal(http_respond(method, path, facts, &out), status);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, body);
    buf_finish(&out);
}

static void the_process_is_alive(void **state)
{
    struct http_facts facts = {0};

    (void)state;
    expect("GET", "/healthz", &facts, 200, "{\"status\":\"ok\"}");
    expect("HEAD", "/healthz", &facts, 200, "{\"status\":\"ok\"}");
}

static void ready_is_a_store_that_can_be_written(void **state)
{
    struct http_facts facts = {.store_writable = true};

    (void)state;
    expect("GET", "/readyz", &facts, 200,
           "{\"status\":\"ready\",\"store\":\"writable\",\"broker\":{\"state\":\"not "
           "configured\"}}");
    facts.mirror = true;
    facts.broker = "mqtt://a\"b:1883";
    expect("GET", "/readyz", &facts, 200, /* the broker is told, but decides nothing */
           "{\"status\":\"ready\",\"store\":\"writable\",\"broker\":{\"state\":\"not connected\","
           "\"uri\":\"mqtt://a\\\"b:1883\"}}");
    facts.connected = true;
    facts.store_writable = false;
    expect("GET", "/readyz", &facts, 503,
           "{\"status\":\"unavailable\",\"store\":\"not writable\",\"broker\":{\"state\":"
           "\"connected\",\"uri\":\"mqtt://a\\\"b:1883\"}}");
    facts = (struct http_facts){.store_writable = true, .stopping = true};
    expect("GET", "/readyz", &facts, 503,
           "{\"status\":\"stopping\",\"store\":\"writable\",\"broker\":{\"state\":\"not "
           "configured\"}}");
}

static void everything_else_is_refused(void **state)
{
    struct http_facts facts = {0};

    (void)state;
    expect("other", "/healthz", &facts, 405, "{\"error\":\"Method not allowed\"}");
    expect("other", "/readyz", &facts, 405, "{\"error\":\"Method not allowed\"}");
    expect("GET", "/", &facts, 426, "{\"error\":\"This is a WebSocket address\"}");
    expect("GET", "/v1/ws", &facts, 426, "{\"error\":\"This is a WebSocket address\"}");
    expect("GET", "/healthz/", &facts, 404, "{\"error\":\"Not found\"}");
    expect("GET", "", &facts, 404, "{\"error\":\"Not found\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_is_alive),
        cmocka_unit_test(ready_is_a_store_that_can_be_written),
        cmocka_unit_test(everything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
