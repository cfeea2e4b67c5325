/* test_client_sse.c - a stream of events in pieces of any size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_sse.h"
#include "support/cmocka_all.h"

static struct client_sse sse;
static char seen[4096];
static bool go_on;

static bool see(void *ctx, const struct studio_client_event *event)
{
    size_t len = strlen(seen);

    assert_ptr_equal(ctx, seen);
    assert_int_equal(event->len, strlen(event->json));
    snprintf(seen + len, sizeof(seen) - len, "%s|%s|%s\n", event->event, event->id, event->json);
    return go_on;
}

static int setup(void **state)
{
    (void)state;
    client_sse_init(&sse);
    seen[0] = '\0';
    go_on = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client_sse_finish(&sse);
    return 0;
}

static enum client_sse_result feed(const char *text)
{
    return client_sse_feed(&sse, text, strlen(text), see, seen);
}

static const char stream[] = "retry: 1000\n: 3 events behind\nid: e:1\n\n"
                             "event: status\ndata: {\"TABLE_ID\":\"A\"}\n\n"
                             "id: e:2\nevent: change\ndata: {\"seq\":2}\n\n"
                             "id: e:4\n\n"
                             "id: e:5\r\nevent: exception\r\ndata: 1\r\ndata: 2\r\n\r\n"
                             "data:no blank\n\n"
                             "unknown: x\nevent\ndata\n\n";
static const char expected[] = "status|e:1|{\"TABLE_ID\":\"A\"}\n"
                               "change|e:2|{\"seq\":2}\n"
                               "exception|e:5|1\n2\n"
                               "message|e:5|no blank\n"
                               "message|e:5|\n";

/* An id that no event tells is to be told, too. */
static void an_id_without_an_event(void **state)
{
    (void)state;
    assert_int_equal(feed("id: e:1\n\n"), CLIENT_SSE_OK);
    assert_true(sse.moved);
    assert_int_equal(feed("id: e:2\ndata: 1\n\n"), CLIENT_SSE_OK);
    assert_false(sse.moved);
    assert_int_equal(feed(": 0 events behind\nid: e:9\n\n"), CLIENT_SSE_OK);
    assert_true(sse.moved);
    assert_string_equal(client_sse_id(&sse), "e:9");
}

static void pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t size = 1; size <= sizeof(stream); size++) {
        client_sse_finish(&sse);
        setup(state);
        for (size_t at = 0; at < sizeof(stream) - 1; at += size) {
            size_t left = sizeof(stream) - 1 - at;
            assert_int_equal(
                client_sse_feed(&sse, stream + at, left < size ? left : size, see, seen),
                CLIENT_SSE_OK);
        }
        assert_string_equal(seen, expected);
        assert_string_equal(client_sse_id(&sse), "e:5");
    }
}

/* What was not whole when the connection ended comes again: its id must not count. */
static void half_an_event_is_none(void **state)
{
    (void)state;
    feed("id: e:1\nevent: change\ndata: 1\n\nid: e:2\nevent: change\ndata: 2\n");
    assert_string_equal(seen, "change|e:1|1\n");
    assert_string_equal(client_sse_id(&sse), "e:1");
    client_sse_begin(&sse);
    assert_string_equal(client_sse_id(&sse), "e:1");
    feed("data: 3\n\n");
    assert_string_equal(seen, "change|e:1|1\nmessage|e:1|3\n");
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    go_on = false;
    assert_int_equal(feed("data: 1\n\ndata: 2\n\n"), CLIENT_SSE_STOP);
    assert_string_equal(seen, "message||1\n");
}

static void too_large(void **state)
{
    static char line[CLIENT_SSE_EVENT_MAX / 2];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    assert_int_equal(feed("data: "), CLIENT_SSE_OK);
    assert_int_equal(feed(line), CLIENT_SSE_OK);
    assert_int_equal(feed("\ndata: "), CLIENT_SSE_OK);
    assert_int_equal(feed(line), CLIENT_SSE_OK);
    assert_int_equal(feed("xxx\n\n"), CLIENT_SSE_BAD);
    assert_string_equal(seen, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_id_without_an_event), TEST(pieces_of_any_size), TEST(half_an_event_is_none),
        TEST(it_can_be_stopped),      TEST(too_large),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
