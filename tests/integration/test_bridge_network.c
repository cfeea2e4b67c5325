/* test_bridge_network.c - old brokers, taken sessions, a library that hangs: the bridge with an agent in
 * memory. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include "support/port.h"
#include "support/procfs.h"

#include "integration/bridge_rig.h"

/* --- a broker that speaks only MQTT 3.1.1 ------------------------------------------------------ */

struct old_broker {
    struct port port;
    int listener;
    const char *refusal; /* of MQTT 5 */
    size_t refusal_len;
    pthread_t thread;
    atomic_int fives, fours;
    atomic_bool ends;
};

/* The protocol level of a CONNECT: behind type, length (1-4 bytes), 0 4 "MQTT". */
static int level_of(const char *packet, ssize_t len)
{
    ssize_t at = 1;

    while (at < len && packet[at] & 0x80)
        at++;
    return at + 7 < len ? packet[at + 7] : 0;
}

static void serve_old(struct old_broker *o, int fd)
{
    static const char welcome[] = {0x20, 2, 0, 0};
    char packet[1024];
    int level = level_of(packet, recv(fd, packet, sizeof(packet), 0));

    if (level == 5) {
        atomic_fetch_add(&o->fives, 1);
        send(fd, o->refusal, o->refusal_len, MSG_NOSIGNAL);
    } else if (level == 4) {
        atomic_fetch_add(&o->fours, 1);
        send(fd, welcome, sizeof(welcome), MSG_NOSIGNAL);
        while (!atomic_load(&o->ends) && recv(fd, packet, sizeof(packet), 0) > 0)
            ;
    }
    close(fd);
}

static void *run_old(void *arg)
{
    struct old_broker *o = arg;
    int fd;

    while ((fd = accept(o->listener, NULL, NULL)) >= 0 && !atomic_load(&o->ends))
        serve_old(o, fd);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void old_broker_start(struct old_broker *o, const char *refusal, size_t len)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    memset(o, 0, sizeof(*o));
    o->refusal = refusal;
    o->refusal_len = len;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(o->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(o->listener, 5), 0);
    assert_int_equal(getsockname(o->listener, (struct sockaddr *)&address, &size), 0);
    o->port.number = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&o->thread, NULL, run_old, o), 0);
}

static void old_broker_stop(struct old_broker *o)
{
    atomic_store(&o->ends, true);
    shutdown(o->listener, SHUT_RDWR);
    pthread_join(o->thread, NULL);
    close(o->listener);
}

/* Another client took our id, as MQTT 5 says it: no fight over it. */
static void a_session_taken_over_is_not_taken_back_at_once(void **state)
{
    static const char taken_over[] = {0x20, 3, 0, 0, 0, (char)0xe0, 2, (char)0x8e, 0};
    struct old_broker old;
    struct bridge_config config;
    struct bridge_stats stats;
    char uri[64];

    (void)state;
    old_broker_start(&old, taken_over, sizeof(taken_over));
    snprintf(uri, sizeof(uri), "mqtt://127.0.0.1:%u", old.port.number);
    config = config_for(uri);
    start(&config);
    do {
        usleep(1000);
        bridge_get_stats(bridge, &stats);
    } while (stats.connections == 0 || stats.connected);
    usleep(3000 * 1000); /* any other loss would be followed by an attempt by now */
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.connections, 1);
    stop();
    old_broker_stop(&old);
}

static void an_old_broker_is_spoken_to_in_3_1_1(void **state)
{
    static const char as_3_1_1[] = {0x20, 2, 0, 1}, as_5[] = {0x20, 3, 0, (char)0x84, 0};
    static const struct {
        const char *bytes;
        size_t len;
    } refusals[] = {{as_3_1_1, sizeof(as_3_1_1)}, {as_5, sizeof(as_5)}, {"", 0}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct old_broker old;
        struct bridge_config config;
        char uri[64];

        old_broker_start(&old, refusals[i].bytes, refusals[i].len);
        snprintf(uri, sizeof(uri), "mqtt://127.0.0.1:%u", old.port.number);
        config = config_for(uri);
        start(&config);
        wait_connected(uri, 1);
        assert_int_equal(atomic_load(&old.fives), i == 2 ? 2 : 1); /* the last says nothing */
        stop();
        assert_true(atomic_load(&old.fours) > 0);
        old_broker_stop(&old);
    }
}

/* --- a broker that wants signs of life more often ----------------------------------------------- */

static unsigned count(const char *text, const char *words)
{
    unsigned n = 0;

    for (; (text = strstr(text, words)); text++)
        n++;
    return n;
}

static void wait_log(struct broker *broker, const char *words)
{
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, words, WAIT_MS));
}

static unsigned logged(struct broker *broker, const char *words)
{
    char *text = proc_output(broker_proc(broker), PROC_STDERR);
    unsigned n = count(text, words);

    free(text);
    return n;
}

/* Mosquitto ends a connection that is silent for 1.5 times what it has said, here 15 s. */
static void a_servers_keep_alive_is_obeyed(void **state)
{
    struct broker *broker = broker_create(&(struct broker_options){.extra = "max_keepalive 10\n"});
    struct bridge_config config = config_for(broker_uri(broker));

    (void)state;
    config.keepalive_s = 60;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    commit(10);
    wait_acked(10);
    wait_log(broker, "Received PINGREQ from studio-agent-edge-1-in");
    assert_int_equal(logged(broker, "exceeded timeout"), 0);
    assert_int_equal(logged(broker, " as studio-agent-edge-1 ("), 2);
    assert_int_equal(logged(broker, " as studio-agent-edge-1-in ("), 1); /* it was told */
    broker_stop(broker);
    broker_start(broker);
    wait_connected(broker_uri(broker), 2); /* it was never up on other terms */
    wait_log(broker, "Sending SUBACK to studio-agent-edge-1-in");
    assert_int_equal(logged(broker, " as studio-agent-edge-1 ("), 1); /* it was remembered */
    assert_int_equal(logged(broker, " as studio-agent-edge-1-in ("), 1);
    stop();
    broker_destroy(broker);
}

/* What is said on MQTT 3.1.1 of a keep-alive that is too long. */
static void a_refused_client_id_may_be_the_keep_alive(void **state)
{
    static const char rejected[] = {0x20, 2, 0, 2};
    struct old_broker old;
    char uri[64];

    (void)state;
    old_broker_start(&old, rejected, sizeof(rejected));
    snprintf(uri, sizeof(uri), "mqtt://127.0.0.1:%u", old.port.number);
    expect_said(config_for(uri), "or a mqtt.keepalive above its limit");
    old_broker_stop(&old);
}

/* --- a library that hangs ----------------------------------------------------------------------- */

/* Stopped, the process of a connection answers no more than a library that waits for a name server. */
static void a_library_that_hangs_does_not_hold_up_the_stop(void **state)
{
    struct broker *broker = broker_create(NULL);
    struct bridge_config config = config_for(broker_uri(broker));
    int64_t began;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    assert_int_equal(kill(procfs_child(getpid(), "studio-agent: mqtt publisher"), SIGSTOP), 0);
    commit(10);
    began = now_ms();
    stop();
    assert_true(now_ms() - began < 3300);
    assert_int_equal(procfs_child(getpid(), "studio-agent: mqtt"), 0);
    broker_destroy(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_taken_over_is_not_taken_back_at_once),
        cmocka_unit_test(an_old_broker_is_spoken_to_in_3_1_1),
        cmocka_unit_test(a_servers_keep_alive_is_obeyed),
        cmocka_unit_test(a_refused_client_id_may_be_the_keep_alive),
        cmocka_unit_test(a_library_that_hangs_does_not_hold_up_the_stop),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
