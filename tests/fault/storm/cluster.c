#include "fault/storm/cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/port.h"
#include "support/tmpdir.h"

enum {
    READY_MS = 180000, /* a node that comes back gets from the others what it has missed */
    ENV_MAX = 16
};

static const char rabbitmq_server[] = "/usr/lib/rabbitmq/bin/rabbitmq-server";
static const char epmd[] = "/usr/bin/epmd";

struct node {
    struct port mqtt, peers, clients;
    uint16_t unheld; /* RabbitMQ's for its peers: it wants to find it free */
    const char *dir, *conf;
    char *lines[ENV_MAX]; /* of its environment */
    const char *env[ENV_MAX + 1];
    const char *argv[4];
    size_t env_count;
    struct broker *broker;
};

struct cluster {
    const struct cluster_kind *kind;
    const char *home;
    struct node nodes[CLUSTER_NODES];
    struct port names; /* of epmd, which tells Erlang's nodes where the others are */
    struct proc *epmd;
};

/* --- RabbitMQ --------------------------------------------------------------------------------- */

static void add_env(struct node *n, char *line)
{
    if (n->env_count == ENV_MAX)
        test_fail("too many lines of an environment");
    n->env[n->env_count] = n->lines[n->env_count] = line;
    n->env[++n->env_count] = NULL;
}

static void write_rabbitmq(struct node *n)
{
    char *text = test_printf("listeners.tcp.1 = 127.0.0.1:%u\n"
                             "mqtt.listeners.tcp.1 = 127.0.0.1:%u\n"
                             "mqtt.durable_queue_type = quorum\n"
                             "mqtt.allow_anonymous = true\n"
                             "mqtt.prefetch = 200\n"
                             "mqtt.tcp_listen_options.nodelay = true\n"
                             "loopback_users = none\n"
                             "cluster_partition_handling = pause_minority\n"
                             "cluster_formation.peer_discovery_backend = classic_config\n"
                             "cluster_formation.classic_config.nodes.1 = node1@localhost\n"
                             "cluster_formation.classic_config.nodes.2 = node2@localhost\n"
                             "cluster_formation.classic_config.nodes.3 = node3@localhost\n"
                             "log.console.level = warning\n",
                             n->clients.number, n->mqtt.number);
    n->conf = tmpdir_write(n->dir, "rabbitmq.conf", 0600, text);
    free(text);
}

/* A port below those that outgoing connections are given, so that none takes it between two starts. */
static uint16_t unheld_port(void)
{
    enum { FROM = 12000, TO = 32000, TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)(FROM + rand() % (TO - FROM))),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0;
        close(fd);
        if (is_free)
            return ntohs(in.sin_port);
    }
    test_fail("no free port on 127.0.0.1");
}

static void prepare_rabbitmq(struct cluster *c, unsigned i)
{
    struct node *n = &c->nodes[i];
    write_rabbitmq(n);
    n->unheld = unheld_port();
    add_env(n, test_printf("HOME=%s", c->home));
    add_env(n, test_printf("ERL_EPMD_PORT=%u", c->names.number));
    add_env(n, test_printf("ERL_EPMD_ADDRESS=127.0.0.1"));
    add_env(n, test_printf("RABBITMQ_NODENAME=node%u@localhost", i + 1));
    add_env(n, test_printf("RABBITMQ_DIST_PORT=%u", n->unheld));
    add_env(n, test_printf("RABBITMQ_CONFIG_FILE=%s", n->conf));
    add_env(n, test_printf("RABBITMQ_CONF_ENV_FILE=/dev/null"));
    add_env(n, test_printf("RABBITMQ_ENABLED_PLUGINS_FILE=%s/plugins", c->home));
    add_env(n, test_printf("RABBITMQ_MNESIA_BASE=%s/mnesia", n->dir));
    add_env(n, test_printf("RABBITMQ_LOG_BASE=%s/log", n->dir));
    add_env(n, test_printf("RABBITMQ_LOGS=-"));
    add_env(n, test_printf("ERL_CRASH_DUMP=/dev/null"));
    /* Its script becomes the node then, which can be killed. */
    add_env(n, test_printf("RUNNING_UNDER_SYSTEMD=yes"));
    add_env(n, test_printf("RABBITMQ_PID_FILE=%s/pid", n->dir));
    /* One thread each, that sleeps when it has nothing to do: three nodes share this machine. */
    add_env(n, test_printf("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +sbwt none +sbwtdcpu none "
                           "+sbwtdio none"));
    n->argv[0] = rabbitmq_server;
}

static void begin_rabbitmq(struct cluster *c)
{
    char *port = test_printf("%u", c->names.number);
    tmpdir_write(c->home, ".erlang.cookie", 0400, "studio-storm");
    tmpdir_write(c->home, "plugins", 0600, "[rabbitmq_mqtt].\n");
    srand((unsigned)getpid());
    c->epmd = proc_spawn(ARGS(epmd, "-address", "127.0.0.1", "-port", port), NULL);
    free(port);
}

static const char *rabbitmq_missing(void)
{
    return access(rabbitmq_server, X_OK) == 0 ? NULL
                                              : "the package rabbitmq-server is not installed";
}

/* --- NATS ------------------------------------------------------------------------------------- */

static const char *nats_server(void)
{
    const char *chosen = getenv("NATS_SERVER");
    return chosen ? chosen : "/usr/sbin/nats-server";
}

static void prepare_nats(struct cluster *c, unsigned i)
{
    struct node *n = &c->nodes[i];
    char *text = test_printf(
        "server_name: node%u\n"
        "listen: \"127.0.0.1:%u\"\n"
        "jetstream { store_dir: \"%s/jetstream\", max_file_store: 4G }\n"
        "cluster { name: studio, listen: \"127.0.0.1:%u\", routes: [\"nats://127.0.0.1:%u\","
        " \"nats://127.0.0.1:%u\", \"nats://127.0.0.1:%u\"] }\n"
        "mqtt { listen: \"127.0.0.1:%u\", stream_replicas: 3,"
        " max_ack_pending: 1000 }\n",
        i + 1, n->clients.number, n->dir, n->peers.number, c->nodes[0].peers.number,
        c->nodes[1].peers.number, c->nodes[2].peers.number, n->mqtt.number);
    n->conf = tmpdir_write(n->dir, "nats.conf", 0600, text);
    free(text);
    n->argv[0] = nats_server();
    n->argv[1] = "-c";
    n->argv[2] = n->conf;
}

static const char *nats_missing(void)
{
    char *out = NULL;
    unsigned major = 0, minor = 0;
    if (access(nats_server(), X_OK) != 0)
        return "there is no nats-server: $NATS_SERVER, else /usr/sbin/nats-server";
    (void)proc_run(ARGS(nats_server(), "--version"), NULL, &out, NULL);
    bool known = out && sscanf(out, "nats-server: v%u.%u", &major, &minor) == 2;
    free(out);
    return known && (major > 2 || (major == 2 && minor >= 10))
               ? NULL
               : "nats-server has to be 2.10 or later (Debian 13): say where by $NATS_SERVER";
}

/* --- either ----------------------------------------------------------------------------------- */

static const struct row {
    struct cluster_kind kind;
    const char *(*missing)(void);
    void (*begin)(struct cluster *cluster);
    void (*prepare)(struct cluster *cluster, unsigned node);
    bool one_by_one; /* the first forms the cluster, the others join; else they find each other */
} rows[] = {
    {{"rabbitmq", .wildcards = false, .retained_shared = false},
     rabbitmq_missing,
     begin_rabbitmq,
     prepare_rabbitmq,
     .one_by_one = true},
    {{"nats", .wildcards = true, .retained_shared = true},
     nats_missing,
     NULL,
     prepare_nats,
     .one_by_one = false},
};

static const struct row *row_of(const struct cluster_kind *kind)
{
    const struct row *row = rows;
    while (&row->kind != kind)
        row++;
    return row;
}

const struct cluster_kind *cluster_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].kind.name, name) == 0)
            return &rows[i].kind;
    return NULL;
}

const char *cluster_missing(const struct cluster_kind *kind)
{
    return row_of(kind)->missing();
}

/* It listens, which is not to say that it lets anybody in. */
static void wait_listening(const struct node *n)
{
    int64_t deadline = now_ms() + READY_MS;
    int fd;
    while ((fd = port_connect(n->mqtt.number)) < 0) {
        static const struct timespec step = {.tv_nsec = 20000000};
        if (!proc_running(broker_proc(n->broker)) || deadline_left(deadline) == 0)
            test_fail("%s does not listen", n->argv[0]);
        nanosleep(&step, NULL);
    }
    close(fd);
}

static void start(struct cluster *c)
{
    bool one_by_one = row_of(c->kind)->one_by_one;
    for (unsigned i = 0; i < CLUSTER_NODES; i++) {
        broker_spawn(c->nodes[i].broker);
        if (one_by_one)
            broker_wait(c->nodes[i].broker);
        else /* nodes of NATS that dial each other at once may end up without each other */
            wait_listening(&c->nodes[i]);
    }
    for (unsigned i = 0; i < CLUSTER_NODES; i++)
        broker_wait(c->nodes[i].broker);
}

struct cluster *cluster_create(const struct cluster_kind *kind)
{
    struct cluster *c = test_alloc(sizeof *c);
    const struct row *row = row_of(kind);
    c->kind = kind;
    c->home = tmpdir_create();
    port_reserve(&c->names);
    for (unsigned i = 0; i < CLUSTER_NODES; i++) {
        struct node *n = &c->nodes[i];
        n->dir = tmpdir_create();
        port_reserve(&n->mqtt);
        port_reserve(&n->peers);
        port_reserve(&n->clients);
    }
    if (row->begin)
        row->begin(c);
    for (unsigned i = 0; i < CLUSTER_NODES; i++) {
        struct node *n = &c->nodes[i];
        row->prepare(c, i);
        struct broker_program program = {n->argv, n->env, n->mqtt.number, READY_MS};
        n->broker =
            broker_create(&(struct broker_options){.program = &program, .not_started = true});
    }
    start(c);
    return c;
}

void cluster_destroy(struct cluster *c)
{
    for (unsigned i = 0; c && i < CLUSTER_NODES; i++) {
        struct node *n = &c->nodes[i];
        broker_destroy(n->broker);
        port_release(&n->mqtt);
        port_release(&n->peers);
        port_release(&n->clients);
        for (size_t k = 0; k < n->env_count; k++)
            free(n->lines[k]);
    }
    if (c) {
        proc_destroy(c->epmd);
        port_release(&c->names);
    }
    free(c);
}

struct broker *cluster_node(struct cluster *c, unsigned node)
{
    return c->nodes[node].broker;
}
