/* test_support.c - the tools of the other tests, against Python's websockets and a real Mosquitto.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/mqttclient.h"
#include "support/port.h"
#include "support/proc.h"
#include "support/tmpdir.h"
#include "support/wsclient.h"

static void processes_are_heard_and_ended(void **state)
{
    (void)state;
    const char *argv[] = {"sh", "-c",
                          "echo ready; echo oops >&2; read line; echo \"got $line\"; exit 7", NULL};
    struct proc *p = proc_spawn(argv, NULL);
    free(proc_wait_line(p, PROC_STDOUT, "ready", WAIT_MS));
    free(proc_wait_line(p, PROC_STDERR, "oops", WAIT_MS));
    proc_write(p, "hello\n");
    char *line = proc_wait_line(p, PROC_STDOUT, "got", WAIT_MS);
    assert_string_equal(line, "got hello");
    free(line);
    assert_int_equal(proc_wait(p, WAIT_MS), 7);
    assert_false(proc_running(p));
    proc_destroy(p);
}

static void signals_become_codes(void **state)
{
    (void)state;
    const char *argv[] = {"sleep", "1000", NULL};
    struct proc *p = proc_spawn(argv, NULL);
    assert_true(proc_running(p));
    assert_int_equal(proc_stop(p, WAIT_MS), 128 + 15);
    proc_destroy(p);
    p = proc_spawn(argv, NULL);
    proc_kill(p);
    assert_int_equal(proc_wait(p, WAIT_MS), 128 + 9);
    proc_destroy(p);
}

static void environment_is_added(void **state)
{
    (void)state;
    const char *argv[] = {"sh", "-c", "echo $STUDIO_TEST_WORD", NULL};
    const char *env[] = {"STUDIO_TEST_WORD=blue", NULL};
    char *out;
    assert_int_equal(proc_run(argv, env, &out, NULL), 0);
    assert_string_equal(out, "blue\n");
    free(out);
}

static void files_come_back(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    size_t len;
    char *text = tmpdir_read(tmpdir_write(dir, "a", 0600, "one\ntwo\n"), &len);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(len, 8);
    free(text);
    assert_null(tmpdir_read(tmpdir_path(dir, "b"), NULL));
}

static void reserved_ports_can_be_listened_on(void **state)
{
    (void)state;
    struct port port;
    port_reserve(&port);
    assert_int_equal(port_connect(port.number), -1);
    port_release(&port);
    port_occupy(&port);
    int fd = port_connect(port.number);
    assert_true(fd >= 0);
    close(fd);
    port_release(&port);
}

/* An echo server that can also close, ping and push. */
static const char server_py[] =
    "import asyncio, websockets\n"
    "async def serve(ws):\n"
    "    path = ws.path if hasattr(ws, 'path') else ws.request.path\n" /* before websockets 14 */
    "    if path == '/refused': return await ws.close(1008, 'Invalid credentials')\n"
    "    if path == '/ping': await (await ws.ping(b'x')); await ws.send('ponged')\n"
    "    async for m in ws:\n"
    "        if m == 'drop': ws.transport.abort(); return\n"
    "        await ws.send(m)\n"
    "async def main():\n"
    "    s = await websockets.serve(serve, '127.0.0.1', 0, max_size=2**20)\n"
    "    print('port', s.sockets[0].getsockname()[1], flush=True)\n"
    "    await asyncio.Future()\n"
    "asyncio.run(main())\n";

static struct proc *start_server(uint16_t *port)
{
    const char *argv[] = {"/usr/bin/python3", "-c", server_py, NULL};
    struct proc *p = proc_spawn(argv, NULL);
    char *line = proc_wait_line(p, PROC_STDOUT, "port ", WAIT_MS);
    *port = (uint16_t)strtoul(line + 5, NULL, 10);
    free(line);
    return p;
}

static void websocket_messages_of_all_sizes(void **state)
{
    (void)state;
    uint16_t port;
    struct proc *server = start_server(&port);
    struct wsclient *c = wsclient_connect(port, "/");
    wsclient_ask(c, "", "");
    wsclient_ask(c, "hello", "hello");
    static const size_t sizes[] = {125, 126, 65535, 65536, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = test_alloc(sizes[i] + 1);
        memset(text, 'x', sizes[i]);
        wsclient_ask(c, text, text);
        free(text);
    }
    wsclient_send_frame(c, WS_TEXT, false, "he", 2);
    wsclient_send_frame(c, WS_PING, true, "p", 1);
    wsclient_send_frame(c, WS_CONT, true, "llo", 3);
    assert_int_equal(wsclient_next(c, WAIT_MS).kind, WS_GOT_PONG);
    wsclient_expect(c, "hello");
    for (int i = 0; i < 100; i++)
        wsclient_queue(c, "again");
    wsclient_flush(c);
    for (int i = 0; i < 100; i++)
        wsclient_expect(c, "again");
    wsclient_expect_nothing(c);
    wsclient_close(c);
    proc_destroy(server);
}

static void websocket_ends(void **state)
{
    (void)state;
    uint16_t port;
    struct proc *server = start_server(&port);
    struct wsclient *c = wsclient_connect(port, "/refused");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
    c = wsclient_connect(port, "/ping");
    wsclient_expect(c, "ponged");
    wsclient_send_frame(c, WS_TEXT, true, "\xff", 1);
    wsclient_expect_close(c, 1007, NULL);
    wsclient_close(c);
    c = wsclient_connect(port, "/");
    wsclient_send(c, "drop");
    assert_int_equal(wsclient_next(c, WAIT_MS).kind, WS_GOT_END);
    wsclient_drop(c);
    assert_int_equal(wsclient_upgrade(port, "/", "Sec-WebSocket-Version: 99\r\n", &c), 400);
    proc_destroy(server);
}

static void http_is_read(void **state)
{
    (void)state;
    uint16_t port;
    struct proc *server = start_server(&port);
    struct http_answer answer = http_get(port, "/v1/ws");
    assert_int_equal(answer.status, 426);
    http_answer_finish(&answer);
    proc_destroy(server);
}

static void messages_through_a_broker(void **state)
{
    const int *version = *state;
    struct broker *broker = broker_create(NULL);
    struct mqttclient *c = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .version = *version, .subscribe = "a/# b/+"});
    mqttclient_publish(c, "a/1", "{\"n\":1}");
    mqttclient_publish(c, "a/1", "{\"n\":2}");
    const struct mqtt_message *m = mqttclient_wait_json(c, "a/+", "n", "2");
    assert_string_equal(m->topic, "a/1");
    assert_int_equal(m->qos, 1);
    assert_false(m->retain);
    mqttclient_mark(c);
    mqttclient_send(c, &(struct mqttclient_publish){.topic = "b/x",
                                                    .payload = "kept",
                                                    .retain = true,
                                                    .correlation = *version == 5 ? "c7" : NULL});
    m = mqttclient_wait_payload(c, "b/x", "kept");
    if (*version == 5)
        assert_string_equal(m->correlation, "c7");
    struct mqttclient *late = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .version = *version, .subscribe = "b/#"});
    assert_true(mqttclient_wait_payload(late, "b/x", "kept")->retain);
    mqttclient_sync(late);
    assert_null(mqttclient_newest(late, "a/1"));
    mqttclient_destroy(late);
    mqttclient_destroy(c);
    broker_destroy(broker);
}

static void a_broker_comes_back(void **state)
{
    (void)state;
    struct broker *broker = broker_create(&(struct broker_options){.persistence = true});
    struct mqttclient *c = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .client_id = "me", .keep_session = true, .subscribe = "t"});
    mqttclient_send(c, &(struct mqttclient_publish){.topic = "t", .payload = "1", .retain = true});
    mqttclient_sync(c);
    broker_stop(broker);
    broker_start(broker);
    mqttclient_wait_connected(c);
    mqttclient_publish(c, "t", "2");
    mqttclient_wait_payload(c, "t", "2");
    broker_kill(broker);
    broker_start(broker);
    mqttclient_wait_connected(c);
    mqttclient_destroy(c);
    broker_destroy(broker);
}

static void a_broker_with_users(void **state)
{
    (void)state;
    static const struct broker_user users[] = {{"plc", "secret"}, {NULL, NULL}};
    struct broker *broker = broker_create(&(struct broker_options){
        .users = users, .acl = "user plc\ntopic write in/#\ntopic read out/#\n"});
    uint16_t port = broker_port(broker);
    assert_int_not_equal(mqttclient_try(&(struct mqttclient_options){.port = port}), 0);
    assert_int_not_equal(mqttclient_try(&(struct mqttclient_options){
                             .port = port, .username = "plc", .password = "wrong"}),
                         0);
    struct mqttclient_options right = {.port = port, .username = "plc", .password = "secret"};
    assert_int_equal(mqttclient_try(&right), 0);
    broker_destroy(broker);
}

int main(void)
{
    static int five = 5, four = 4;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_are_heard_and_ended),
        cmocka_unit_test(signals_become_codes),
        cmocka_unit_test(environment_is_added),
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(reserved_ports_can_be_listened_on),
        cmocka_unit_test(websocket_messages_of_all_sizes),
        cmocka_unit_test(websocket_ends),
        cmocka_unit_test(http_is_read),
        cmocka_unit_test_prestate(messages_through_a_broker, &five),
        cmocka_unit_test_prestate(messages_through_a_broker, &four),
        cmocka_unit_test(a_broker_comes_back),
        cmocka_unit_test(a_broker_with_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
