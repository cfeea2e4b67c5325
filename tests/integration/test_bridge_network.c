/* test_bridge_network.c - old brokers, taken sessions, a library that hangs: the bridge with an agent in
 * memory. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "bridge/link_process.h"
#include "bridge/rivals.h"
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

static void old_broker_listen(struct old_broker *o)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(o->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(o->listener, 5), 0);
    assert_int_equal(getsockname(o->listener, (struct sockaddr *)&address, &size), 0);
    o->port.number = ntohs(address.sin_port);
}

static void old_broker_start(struct old_broker *o, const char *refusal, size_t len)
{
    memset(o, 0, sizeof(*o));
    o->refusal = refusal;
    o->refusal_len = len;
    old_broker_listen(o);
    assert_int_equal(pthread_create(&o->thread, NULL, run_old, o), 0);
}

static void old_broker_stop(struct old_broker *o)
{
    atomic_store(&o->ends, true);
    shutdown(o->listener, SHUT_RDWR);
    pthread_join(o->thread, NULL);
    close(o->listener);
}

/* --- a broker that answers several filters at once ---------------------------------------------- */

static struct link_event heard;
static unsigned heard_count;

static void on_link_event(void *ctx, const struct link_event *event)
{
    (void)ctx;
    heard = *event;
    heard_count++;
}

/* Turns until the link has said so much. */
static void turn_link(struct link *link, unsigned count)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (heard_count < count) {
        struct pollfd fd = {.events = POLLIN};
        bool writing;

        link_process_flush(link);
        fd.fd = link_process_fd(link, &writing);
        if (poll(&fd, 1, deadline_left(deadline)) == 0)
            test_fail("only %u of %u events", heard_count, count);
        link_process_step(link, true);
    }
}

/* Answers each SUBSCRIBE with one code, whatever number of filters it has; returns the reason of its end. */
static int subscribe_twice_in_one(int version)
{
    static const char welcome4[] = {0x20, 2, 0, 0}, welcome5[] = {0x20, 3, 0, 0, 0};
    const struct link_options options = {.id = LINK_IN,
                                         .program = studio_program("studio-agent"),
                                         .agent_id = "edge-1",
                                         .epoch = "6f1c",
                                         .clock = clock_system(),
                                         .on_event = on_link_event};
    struct old_broker o;
    struct link *link = link_process_create(&options);
    struct link_target target = {.client_id = "c", .keepalive_s = 30, .mqtt_version = version};
    char uri[64], text[LINK_TEXT_MAX], packet[1024];
    int fd;

    memset(&o, 0, sizeof(o));
    heard_count = 0;
    old_broker_listen(&o);
    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", o.port.number);
    target.uri = uri;
    assert_true(link->ops->connect(link, 1, &target, text));
    link_process_flush(link);
    fd = accept(o.listener, NULL, NULL);
    assert_true(recv(fd, packet, sizeof(packet), 0) > 0);
    send(fd, version == 5 ? welcome5 : welcome4, version == 5 ? 5 : 4, MSG_NOSIGNAL);
    turn_link(link, 1);
    assert_int_equal(heard.kind, LINK_UP);
    assert_true(link->ops->subscribe(link, 3, (const char *const[]){"a", "b"}, 2,
                                     LINK_WATCH_COMMANDS, NULL));
    link_process_flush(link);
    for (ssize_t have = 0, used = 0, taken = 0; taken < (version == 5 ? 1 : 2);) {
        ssize_t n = recv(fd, packet + have, sizeof(packet) - (size_t)have, 0);

        assert_true(n > 0);
        for (have += n; have >= used + 2 && have >= used + 2 + packet[used + 1]; taken++) {
            const char one4[] = {(char)0x90, 3, packet[used + 2], packet[used + 3], 1};
            const char one5[] = {(char)0x90, 4, packet[used + 2], packet[used + 3], 0, 1};

            assert_int_equal((unsigned char)packet[used], 0x82);
            send(fd, version == 5 ? one5 : one4, version == 5 ? 6 : 5, MSG_NOSIGNAL);
            used += 2 + packet[used + 1];
        }
    }
    turn_link(link, 2);
    assert_int_equal(heard.kind, LINK_DONE);
    assert_int_equal(heard.slot, 3);
    close(fd);
    close(o.listener);
    link_process_destroy(link);
    return heard.reason;
}

/* The library would read codes that are not there. */
static void fewer_answers_than_filters_are_survived(void **state)
{
    (void)state;
    assert_int_equal(subscribe_twice_in_one(4), 0); /* each filter has a packet */
    assert_int_equal(subscribe_twice_in_one(5), 0x80);
}

/* --- a broker with another client of our id ----------------------------------------------------- */

struct taker {
    struct old_broker o; /* its listener */
    atomic_int connections;
};

static void *run_taker(void *arg)
{
    static const char welcome[] = {0x20, 3, 0, 0, 0}, taken_over[] = {(char)0xe0, 2, (char)0x8e, 0};
    struct taker *t = arg;
    char packet[1024];
    int fds[2], fd;

    for (int i = 0; i < 2; i++) { /* the mirror, then the commands */
        fds[i] = accept(t->o.listener, NULL, NULL);
        recv(fds[i], packet, sizeof(packet), 0);
        send(fds[i], welcome, sizeof(welcome), MSG_NOSIGNAL);
    }
    recv(fds[1], packet, sizeof(packet), 0); /* SUBSCRIBE: the bridge knows them up */
    usleep((RIVALS_MS + 100) * 1000);        /* so that it was not their doing */
    send(fds[0], taken_over, sizeof(taken_over), MSG_NOSIGNAL);
    while ((fd = accept(t->o.listener, NULL, NULL)) >= 0 && !atomic_load(&t->o.ends)) {
        atomic_fetch_add(&t->connections, 1);
        close(fd);
    }
    if (fd >= 0)
        close(fd);
    close(fds[0]);
    close(fds[1]);
    return NULL;
}

/* Another client took our id, as MQTT 5 says it: no fight over it. */
static void a_session_taken_over_is_not_taken_back_at_once(void **state)
{
    struct taker taker;
    struct bridge_config config;
    struct bridge_stats stats;
    char uri[64];

    (void)state;
    memset(&taker, 0, sizeof(taker));
    old_broker_listen(&taker.o);
    assert_int_equal(pthread_create(&taker.o.thread, NULL, run_taker, &taker), 0);
    snprintf(uri, sizeof(uri), "mqtt://127.0.0.1:%u", taker.o.port.number);
    config = config_for(uri);
    start(&config);
    do {
        usleep(1000);
        bridge_get_stats(bridge, &stats);
    } while (stats.connections == 0 || stats.connected);
    usleep(3000 * 1000); /* any other loss would be followed by an attempt by now */
    assert_int_equal(atomic_load(&taker.connections), 0);
    stop();
    old_broker_stop(&taker.o);
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
        cmocka_unit_test(fewer_answers_than_filters_are_survived),
        cmocka_unit_test(a_servers_keep_alive_is_obeyed),
        cmocka_unit_test(a_refused_client_id_may_be_the_keep_alive),
        cmocka_unit_test(a_library_that_hangs_does_not_hold_up_the_stop),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
