/* test_link_wire.c - frames arrive as they were sent, and nothing else is taken for one. */
#include "bridge/link_wire.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct buf out;
static struct wire_message got;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 4 * WIRE_FRAME_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

/* Sends it and reads it back into `got`. */
static void carry(const struct wire_message *m)
{
    buf_clear(&out);
    wire_put(&out, m);
    assert_true(buf_ok(&out));
    assert_int_equal(wire_get(out.data, out.len, &got), out.len);
    assert_int_equal(got.kind, m->kind);
}

static struct wire_message a_connect(void)
{
    struct wire_message m = {.kind = WIRE_CONNECT};

    m.connect.version = "1.2.3";
    m.connect.id = LINK_IN;
    m.connect.agent_id = "edge-1";
    m.connect.epoch = "6f1c";
    m.connect.target = (struct link_target){.uri = "ssl://broker:8883",
                                            .last = "10.0.0.1,::1",
                                            .client_id = "studio-agent-edge-1-in",
                                            .cert_file = "/etc/edge-1.pem",
                                            .password = "p\xc3\xa4ss",
                                            .keepalive_s = 60,
                                            .mqtt_version = 5,
                                            .clean = true,
                                            .session_expiry_s = 86400};
    return m;
}

static struct wire_message a_command(void)
{
    struct wire_message m = {.kind = WIRE_COMMAND};

    m.command = (struct link_command){.token = 1ull << 40,
                                      .topic = "studio/tables/A/set/plc",
                                      .topic_len = 23,
                                      .payload = "{}\0x",
                                      .payload_len = 4,
                                      .retained = true,
                                      .correlation = "",
                                      .correlation_len = 0,
                                      .expiry_s = -1};
    return m;
}

static void every_kind_arrives_as_it_was_sent(void **state)
{
    struct wire_message m = a_connect();

    (void)state;
    carry(&m);
    assert_string_equal(got.connect.version, "1.2.3");
    assert_int_equal(got.connect.id, LINK_IN);
    assert_string_equal(got.connect.agent_id, "edge-1");
    assert_string_equal(got.connect.epoch, "6f1c");
    assert_string_equal(got.connect.target.uri, "ssl://broker:8883");
    assert_string_equal(got.connect.target.last, "10.0.0.1,::1");
    assert_null(got.connect.target.username);
    assert_string_equal(got.connect.target.password, "p\xc3\xa4ss");
    assert_null(got.connect.target.will);
    assert_int_equal(got.connect.target.mqtt_version, 5);
    assert_true(got.connect.target.clean);
    assert_int_equal(got.connect.target.session_expiry_s, 86400);

    m = (struct wire_message){.kind = WIRE_PUBLISH};
    m.publish.slot = LINK_SLOTS - 1;
    m.publish.message = (struct link_message){.topic = "t",
                                              .payload = "abc",
                                              .len = 3,
                                              .retained = true,
                                              .seq = UINT64_MAX,
                                              .expiry_s = 90,
                                              .correlation = "\0\1",
                                              .correlation_len = 2};
    carry(&m);
    assert_int_equal(got.publish.slot, LINK_SLOTS - 1);
    assert_string_equal(got.publish.message.topic, "t");
    assert_int_equal(got.publish.message.len, 3);
    assert_memory_equal(got.publish.message.payload, "abc", 3);
    assert_true(got.publish.message.retained);
    assert_false(got.publish.message.plain);
    assert_true(got.publish.message.seq == UINT64_MAX);
    assert_int_equal(got.publish.message.expiry_s, 90);
    assert_int_equal(got.publish.message.correlation_len, 2);
    assert_memory_equal(got.publish.message.correlation, "\0\1", 2);
    m.publish.message.payload = NULL; /* a topic that is cleared */
    m.publish.message.len = 0;
    carry(&m);
    assert_int_equal(got.publish.message.len, 0);

    m = (struct wire_message){.kind = WIRE_SUBSCRIBE};
    m.subscribe.count = 2;
    m.subscribe.filters[0] = "a/#";
    m.subscribe.filters[1] = "b/+";
    m.subscribe.watch = LINK_WATCH_ECHO;
    carry(&m);
    assert_null(got.subscribe.own);
    assert_int_equal(got.subscribe.watch, LINK_WATCH_ECHO);
    assert_int_equal(got.subscribe.count, 2);
    assert_string_equal(got.subscribe.filters[1], "b/+");

    m = (struct wire_message){.kind = WIRE_VERDICT};
    m.token = 77;
    carry(&m);
    assert_int_equal(got.token, 77);
    m = (struct wire_message){.kind = WIRE_DISCONNECT};
    m.will = true;
    carry(&m);
    assert_true(got.will);
    m = (struct wire_message){.kind = WIRE_PING};
    carry(&m);
    m = (struct wire_message){.kind = WIRE_PONG};
    carry(&m);

    m = (struct wire_message){.kind = WIRE_EVENT};
    m.event = (struct link_event){.kind = LINK_DONE, .slot = 7, .reason = -1};
    carry(&m);
    assert_int_equal(got.event.kind, LINK_DONE);
    assert_int_equal(got.event.slot, 7);
    assert_int_equal(got.event.reason, -1);
    m.event = (struct link_event){
        .kind = LINK_UP, .limits = {.mqtt_version = 4, .receive_max = 65535, .max_packet = 1000}};
    memset(m.event.text, 'x', sizeof(m.event.text) - 1);
    strcpy(m.event.address, "10.0.0.1");
    carry(&m);
    assert_int_equal(got.event.limits.receive_max, 65535);
    assert_int_equal(got.event.limits.max_packet, 1000);
    assert_string_equal(got.event.text, m.event.text);
    assert_string_equal(got.event.address, "10.0.0.1");

    m = a_command();
    carry(&m);
    assert_true(got.command.token == 1ull << 40);
    assert_int_equal(got.command.topic_len, 23);
    assert_memory_equal(got.command.payload, "{}\0x", 4);
    assert_true(got.command.retained);
    assert_null(got.command.response);
    assert_non_null(got.command.correlation);
    assert_int_equal(got.command.correlation_len, 0);
    assert_true(got.command.expiry_s == -1);

    m = (struct wire_message){.kind = WIRE_LOG};
    m.log.level = LOG_WARN;
    m.log.text = "hello";
    carry(&m);
    assert_int_equal(got.log.level, LOG_WARN);
    assert_string_equal(got.log.text, "hello");
}

static void frames_come_in_pieces_and_in_a_row(void **state)
{
    struct wire_message m = a_command();
    size_t first;

    (void)state;
    wire_put(&out, &m);
    first = out.len;
    m = a_connect();
    wire_put(&out, &m);
    for (size_t len = 0; len < first; len++)
        assert_int_equal(wire_get(out.data, len, &got), 0);
    assert_int_equal(wire_get(out.data, out.len, &got), first);
    assert_int_equal(got.kind, WIRE_COMMAND);
    assert_int_equal(wire_get(out.data + first, out.len - first, &got), out.len - first);
    assert_int_equal(got.kind, WIRE_CONNECT);
}

static void a_frame_that_is_too_large_is_not_sent(void **state)
{
    struct wire_message m = {.kind = WIRE_PUBLISH};
    char *payload = calloc(1, WIRE_FRAME_MAX);

    (void)state;
    assert_non_null(payload);
    m.publish.message =
        (struct link_message){.topic = "t", .payload = payload, .len = WIRE_FRAME_MAX};
    wire_put(&out, &m);
    assert_false(buf_ok(&out));
    buf_clear(&out);
    m.publish.message.len = 1 << 20;
    carry(&m);
    free(payload);
}

static void what_a_kind_needs_may_not_be_missing(void **state)
{
    struct wire_message m = a_connect();

    (void)state;
    m.connect.target.uri = NULL;
    wire_put(&out, &m);
    assert_false(buf_ok(&out));
}

/* Any change of a byte is refused or read within the frame; the sanitizers watch. */
static void garbage_is_refused(void **state)
{
    struct wire_message m = a_connect();
    unsigned refused = 0;
    uint32_t random = 1;

    (void)state;
    assert_int_equal(wire_get("\0\0\0\0\1\0\0\0", 8, &got), -1);
    assert_int_equal(wire_get("\x08\0\0\0\x63\0\0\0", 8, &got), -1);
    assert_int_equal(wire_get("\xff\xff\xff\xff\1\0\0\0", 8, &got), -1);
    assert_int_equal(wire_get("\x08\0\0\0\1\0\0\0", 8, &got), -1); /* nothing in it */
    for (unsigned round = 0; round < 20000; round++) {
        char *copy;
        ssize_t size;

        buf_clear(&out);
        m = round % 2 ? a_command() : a_connect();
        wire_put(&out, &m);
        copy = malloc(out.len);
        assert_non_null(copy);
        memcpy(copy, out.data, out.len);
        for (unsigned changes = round % 3 + 1; changes > 0; changes--) {
            random = random * 1664525 + 1013904223;
            copy[(random >> 8) % out.len] = (char)(random >> 24);
        }
        size = wire_get(copy, out.len, &got);
        assert_true(size <= (ssize_t)out.len);
        refused += size < 0;
        free(copy);
    }
    assert_true(refused > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_arrives_as_it_was_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_come_in_pieces_and_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_is_too_large_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_kind_needs_may_not_be_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
