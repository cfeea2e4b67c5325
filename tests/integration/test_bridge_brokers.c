/* test_bridge_brokers.c - several brokers, old ones, strict ones, hostile ones: the bridge with an
 * agent in memory. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"
#include "support/port.h"
#include "support/tmpdir.h"
#include "unit/bridge/fakes.h"

static const char epoch[] = "6f1c0000000000000000000000000001";

enum { EVENTS = 40000 };

static struct fake_source source;
static struct bridge *bridge;

static struct bridge_config config_for(const char *uris)
{
    return (struct bridge_config){.brokers = uris,
                                  .agent_id = "edge-1",
                                  .topic_root = "studio",
                                  .epoch = epoch,
                                  .boot = 1,
                                  .mqtt_version = 5,
                                  .keepalive_s = 30,
                                  .session_expiry_s = 3600};
}

static void start(const struct bridge_config *config)
{
    struct studio_error error;

    fake_source_init(&source, EVENTS);
    if (bridge_create(config, &source.ops, clock_system(), &bridge, &error) != STUDIO_OK)
        test_fail("%s", error.text);
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
}

static void stop(void)
{
    bridge_stop(bridge);
    bridge_destroy(bridge);
    fake_source_finish(&source);
}

static void commit(unsigned n)
{
    struct bridge_event event;

    while (n-- > 0) {
        fake_commit(&source, "T", source.count, &event);
        bridge_events(bridge, &event, 1);
    }
}

static void wait_acked(uint64_t seq)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (fake_source_acked(&source) < seq) {
        if (now_ms() > deadline)
            test_fail("only %" PRIu64 " of %" PRIu64 " events acknowledged",
                      fake_source_acked(&source), seq);
        usleep(1000);
    }
}

/* The bridge says it is connected to this broker, for the n-th time in all. */
static void wait_connected(const char *uri, uint64_t connections)
{
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    struct bridge_stats stats;

    do {
        if (now_ms() > deadline)
            test_fail("not connected to %s", uri);
        usleep(1000);
        bridge_get_stats(bridge, &stats);
    } while (!stats.connected || stats.connections < connections || strcmp(stats.broker, uri) != 0);
}

static struct mqttclient *listen_to(struct broker *broker, const struct broker_user *as)
{
    struct mqttclient_options options = {.port = broker_port(broker), .subscribe = "studio/#"};

    if (as) {
        options.username = as->name;
        options.password = as->password;
    }
    return mqttclient_create(&options);
}

static char *both(struct broker *a, struct broker *b)
{
    return test_printf("%s,%s", broker_uri(a), broker_uri(b));
}

/* Marks the events a subscriber got; first deliveries must be in order. */
static void note(struct mqttclient *client, bool *seen)
{
    uint64_t last = 0;
    bool *here = calloc(EVENTS + 1, sizeof(*here));

    assert_non_null(here);
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/tables/T/changes") != 0)
            continue;
        uint64_t seq = json_number(m->payload, "seq");
        if (!here[seq] && seq < last)
            test_fail("event %" PRIu64 " after %" PRIu64, seq, last);
        here[seq] = seen[seq] = true;
        last = seq > last ? seq : last;
    }
    free(here);
}

static void failing_over_under_load_loses_and_reorders_nothing(void **state)
{
    struct broker *a = broker_create(NULL), *b = broker_create(NULL);
    struct mqttclient *at_a = listen_to(a, NULL), *at_b = listen_to(b, NULL);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);
    bool *seen = calloc(EVENTS + 1, sizeof(*seen));

    (void)state;
    start(&config);
    wait_connected(broker_uri(a), 1);
    commit(10000);
    wait_acked(2000);
    broker_stop(a); /* in the middle of it, with all it has acknowledged passed on */
    commit(10000);
    wait_connected(broker_uri(b), 2);
    wait_acked(20000);
    mqttclient_sync(at_b);
    note(at_a, seen);
    note(at_b, seen);
    for (uint64_t seq = 1; seq <= 20000; seq++)
        if (!seen[seq])
            test_fail("event %" PRIu64 " is missing on both", seq);
    assert_int_equal(source.parked_count, 0);
    stop();
    mqttclient_wait_json(at_b, "studio/agents/edge-1/availability", "state", "stopped");
    mqttclient_destroy(at_a);
    mqttclient_destroy(at_b);
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
    free(seen);
}

/* Promise 5, with its real half a minute. */
static void back_to_the_preferred_one_when_it_has_answered(void **state)
{
    struct broker_options later = {.not_started = true};
    struct broker *a = broker_create(&later), *b = broker_create(NULL);
    struct mqttclient *at_a, *at_b = listen_to(b, NULL);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);
    const struct mqtt_message *m;
    int64_t began;

    (void)state;
    start(&config);
    wait_connected(broker_uri(b), 1);
    began = now_ms();
    broker_start(a);
    at_a = listen_to(a, NULL);
    commit(100);
    wait_connected(broker_uri(a), 2);
    assert_true(now_ms() - began >= 30000);
    m = mqttclient_wait_json(at_b, "studio/agents/edge-1/availability", "state", "moved");
    expect_json(m->payload, "conn", "1");
    m = mqttclient_wait_json(at_a, "studio/agents/edge-1/availability", "state", "online");
    expect_json(m->payload, "conn", "2");
    commit(100);
    wait_acked(200);
    stop();
    mqttclient_destroy(at_a);
    mqttclient_destroy(at_b);
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
}

static void each_broker_has_its_own_login(void **state)
{
    const struct broker_user of_a[] = {{"agent-a", "secret-a"}, {NULL, NULL}};
    const struct broker_user of_b[] = {{"agent-b", "secret-b"}, {NULL, NULL}};
    struct broker_options options_a = {.users = of_a}, options_b = {.users = of_b};
    struct broker *a = broker_create(&options_a), *b = broker_create(&options_b);
    char *uris = both(a, b);
    struct bridge_config config = config_for(uris);

    (void)state;
    config.username = "agent-a,agent-b";
    config.password_file = tmpdir_write(tmpdir_create(), "passwords", 0600, "wrong\nsecret-b\n");
    start(&config); /* a refuses: on to b */
    wait_connected(broker_uri(b), 1);
    stop();
    config.password_file = tmpdir_write(tmpdir_create(), "passwords", 0600, "secret-a\nsecret-b\n");
    start(&config);
    wait_connected(broker_uri(a), 1);
    stop();
    broker_destroy(a);
    broker_destroy(b);
    free(uris);
}

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

/* --- limits and refusals ---------------------------------------------------------------------- */

static void a_small_receive_maximum_is_kept(void **state)
{
    struct broker_options options = {.extra = "max_inflight_messages 3\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    int64_t began;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    began = now_ms();
    commit(2000);
    wait_acked(2000);
    /* Beyond the broker's limit the library would sleep a second for each window. */
    assert_true(now_ms() - began < 20000);
    stop();
    broker_destroy(broker);
}

static void refused_events_are_parked_and_block_nobody(void **state)
{
    struct broker_options options = {
        .acl = "topic readwrite studio/agents/#\ntopic readwrite studio/tables/T/#\n"
               "topic read studio/#\ntopic readwrite test-sync/#\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    struct mqttclient *client = listen_to(broker, NULL);
    struct bridge_event event;
    struct bridge_stats stats;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    commit(2);
    fake_commit(&source, "FORBIDDEN", 0, &event);
    bridge_events(bridge, &event, 1);
    commit(2);
    wait_acked(5);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 3);
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.parked, 1);
    mqttclient_wait_json(client, "studio/tables/T/changes", "seq", "5");
    mqttclient_mark(client);
    mqttclient_wait_json(client, "studio/agents/edge-1/health", "parked", "1");
    stop();
    mqttclient_destroy(client);
    broker_destroy(broker);
}

static void an_event_too_large_for_the_broker_is_parked(void **state)
{
    struct broker_options options = {.extra = "max_packet_size 400\n"};
    struct broker *broker = broker_create(&options);
    struct bridge_config config = config_for(broker_uri(broker));
    struct bridge_event event;

    (void)state;
    start(&config);
    wait_connected(broker_uri(broker), 1);
    fake_commit(&source, "T", 0, &event);
    memset(source.events[0].body + 10, 'x', 200);
    strcpy(source.events[0].body + 210, "\"}");
    event.body_len = strlen(event.body);
    bridge_events(bridge, &event, 1);
    commit(3);
    wait_acked(4);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(source.parked[0], 1);
    stop();
    broker_destroy(broker);
}

/* --- TLS --------------------------------------------------------------------------------------- */

static const char *make_certificate(const char *dir, const char *name)
{
    const char *cert = tmpdir_path(dir, name);
    char *key = test_printf("%s.key", cert);
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=localhost",
                          "-addext",
                          "subjectAltName=DNS:localhost",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          NULL};

    if (proc_run(argv, NULL, NULL, NULL) != 0)
        test_fail("openssl cannot make a certificate");
    free(key);
    return cert;
}

static void tls_checks_who_the_broker_is(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = make_certificate(dir, "broker.pem");
    const char *other = make_certificate(dir, "other.pem");
    struct port port;
    struct broker_options options = {.extra = NULL};
    struct broker *broker;
    struct bridge_config config;
    struct bridge_stats stats;
    char *extra, *uri;

    (void)state;
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n", port.number, cert,
                        cert);
    options.extra = extra;
    broker = broker_create(&options);
    uri = test_printf("mqtts://localhost:%u", port.number);
    config = config_for(uri);
    config.ca_file = cert;
    start(&config);
    wait_connected(uri, 1);
    commit(10);
    wait_acked(10);
    stop();
    config.ca_file = other;
    start(&config);
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, "OpenSSL Error", WAIT_MS));
    bridge_get_stats(bridge, &stats);
    assert_int_equal(stats.connections, 0);
    stop();
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(uri);
}

/* --- a name lookup that hangs ------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    unsigned hanging;
    bool released;
} lookup = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

/* Stands in front of the C library's for the whole program: `slow.test` takes until it is released,
 * everything else is a numeric address or localhost. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } * one;

    (void)hints;
    pthread_mutex_lock(&lookup.lock);
    if (node && strcmp(node, "slow.test") == 0) {
        lookup.hanging++;
        pthread_cond_broadcast(&lookup.cond);
        while (!lookup.released)
            pthread_cond_wait(&lookup.cond, &lookup.lock);
        lookup.hanging--;
        pthread_mutex_unlock(&lookup.lock);
        return EAI_NONAME;
    }
    pthread_mutex_unlock(&lookup.lock);
    one = calloc(1, sizeof(*one));
    if (!one)
        return EAI_MEMORY;
    one->info = (struct addrinfo){.ai_family = AF_INET,
                                  .ai_socktype = SOCK_STREAM,
                                  .ai_addrlen = sizeof(one->address),
                                  .ai_addr = (struct sockaddr *)&one->address};
    one->address = (struct sockaddr_in){.sin_family = AF_INET};
    one->address.sin_port = service ? htons((uint16_t)atoi(service)) : 0;
    one->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *result = &one->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
    free(result);
}

static unsigned threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void a_lookup_that_hangs_does_not_hold_up_the_stop(void **state)
{
    struct bridge_config config = config_for("mqtt://slow.test:1883");
    unsigned before = threads();
    int64_t began, deadline;

    (void)state;
    start(&config);
    pthread_mutex_lock(&lookup.lock);
    while (lookup.hanging == 0)
        pthread_cond_wait(&lookup.cond, &lookup.lock);
    pthread_mutex_unlock(&lookup.lock);
    commit(10);
    began = now_ms();
    stop();
    assert_true(now_ms() - began < 3300);
    pthread_mutex_lock(&lookup.lock);
    lookup.released = true;
    pthread_cond_broadcast(&lookup.cond);
    pthread_mutex_unlock(&lookup.lock);
    deadline = now_ms() + WAIT_MS; /* what was left behind cleans up after itself */
    while (threads() > before && now_ms() < deadline)
        usleep(5000);
    assert_int_equal(threads(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_over_under_load_loses_and_reorders_nothing),
        cmocka_unit_test(each_broker_has_its_own_login),
        cmocka_unit_test(a_session_taken_over_is_not_taken_back_at_once),
        cmocka_unit_test(an_old_broker_is_spoken_to_in_3_1_1),
        cmocka_unit_test(a_small_receive_maximum_is_kept),
        cmocka_unit_test(refused_events_are_parked_and_block_nobody),
        cmocka_unit_test(an_event_too_large_for_the_broker_is_parked),
        cmocka_unit_test(tls_checks_who_the_broker_is),
        cmocka_unit_test(back_to_the_preferred_one_when_it_has_answered),
        cmocka_unit_test(a_lookup_that_hangs_does_not_hold_up_the_stop),
    };

    log_setup(getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
