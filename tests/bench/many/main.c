/* main.c - many agents, one broker, one database: what these two must hold, and when everybody comes at once. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/many/fleet.h"
#include "bench/many/usage.h"
#include "support/broker.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"

enum { ONLINE_MS = 300000, STEP_MS = 20 };

struct many {
    struct fleet_options o;
    bool database;
    unsigned seconds, rate, away_s;
    struct broker *broker;
    struct fleet *fleet;
    struct mqttclient *listener; /* hears all */
};

static void nap(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

static int64_t ask(struct many *m, const char *sql)
{
    return pgserver_count(m->o.database, "many", sql);
}

/* --- everybody comes ------------------------------------------------------------------------- */

/* What the listener was sent since `began`: how many a second at most, and when the last agent was online. */
struct crowd {
    unsigned messages, busiest, online;
    unsigned bytes;
    int64_t all_online_ms, last_ms, half_ms;
};

static void hear(struct many *m, struct crowd *crowd, int64_t began, unsigned *per_second,
                 unsigned max)
{
    const struct mqtt_message *message;
    while ((message = mqttclient_take(m->listener))) {
        int64_t at = message->at_ms - began;
        if (at < 0)
            continue;
        crowd->messages++;
        crowd->bytes += (unsigned)(message->len + strlen(message->topic));
        if (at / 1000 < max && ++per_second[at / 1000] > crowd->busiest)
            crowd->busiest = per_second[at / 1000];
        if (!strstr(message->topic, "/agents/")) /* what is said again is no sign of work */
            crowd->last_ms = at;
        if (strstr(message->topic, "/availability") &&
            json_is(message->payload, "state", "online")) {
            if (++crowd->online == (m->o.agents + 1) / 2)
                crowd->half_ms = at;
            if (crowd->online == m->o.agents)
                crowd->all_online_ms = at;
        }
    }
}

/* Until all are online and nothing of tables has come for 3 s. */
static struct crowd gather(struct many *m, int64_t began)
{
    enum { SECONDS = 600, CALM_MS = 3000 };
    struct crowd crowd = {0};
    unsigned per_second[SECONDS] = {0};
    int64_t deadline = now_ms() + ONLINE_MS;
    do {
        nap(STEP_MS);
        hear(m, &crowd, began, per_second, SECONDS);
        if (deadline_left(deadline) == 0)
            test_fail("only %u of %u agents are online", crowd.online, m->o.agents);
    } while (crowd.online < m->o.agents || now_ms() - began - crowd.last_ms < CALM_MS);
    return crowd;
}

static void print_crowd(const char *what, const struct crowd *crowd)
{
    printf("%-26s half online after %.1f s, all after %.1f s; the last message after %.1f s; %u "
           "messages, %.1f MB, "
           "at most %u in a second\n",
           what, (double)crowd->half_ms / 1000, (double)crowd->all_online_ms / 1000,
           (double)crowd->last_ms / 1000, crowd->messages, crowd->bytes / 1e6, crowd->busiest);
    fflush(stdout);
}

static void listen_to_all(struct many *m)
{
    m->listener = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(m->broker), .subscribe = "studio/#"});
}

/* --- what they hold -------------------------------------------------------------------------- */

static void print_held(struct many *m)
{
    long kib = fleet_pss_kib(m->fleet);
    struct usage broker = usage_of(proc_pid(broker_proc(m->broker)));
    printf("%-26s %.1f MB for each (all %.0f MB)\n", "agent", (double)kib / 1024 / m->o.agents,
           (double)kib / 1024);
    printf("%-26s %.1f MB, %.1f KB for each table\n", "broker", (double)broker.pss_kib / 1024,
           (double)broker.pss_kib / m->o.agents / m->o.tables);
    if (!m->o.database)
        return;
    struct usage database = usage_of(proc_pid(pgserver_proc(m->o.database)));
    int64_t clients =
        ask(m, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") - 1;
    printf("%-26s %" PRId64
           " connections, %.2f for each agent; %.0f MB, %.2f MB for each connection; "
           "%.1f MB on disk\n",
           "database", clients, (double)clients / m->o.agents, (double)database.pss_kib / 1024,
           (double)database.pss_kib / 1024 / (double)clients,
           (double)ask(m, "SELECT pg_database_size(current_database())") / 1e6);
    fflush(stdout);
}

struct reading {
    int64_t at_ms, commits, wal, size;
    long agents_ms, broker_ms, database_ms;
};

static struct reading read_now(struct many *m)
{
    struct reading r = {.at_ms = now_ms(), .agents_ms = fleet_cpu_ms(m->fleet)};
    r.broker_ms = usage_of(proc_pid(broker_proc(m->broker))).cpu_ms;
    if (m->o.database) {
        r.database_ms = usage_of(proc_pid(pgserver_proc(m->o.database))).cpu_ms;
        r.commits =
            ask(m, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()");
        r.wal = ask(m, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint");
        r.size = ask(m, "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN "
                        "pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'many' AND "
                        "c.relkind = 'r'");
    }
    return r;
}

static void print_span(const char *what, struct many *m, struct reading from, struct reading to,
                       uint64_t updates)
{
    double s = (double)(to.at_ms - from.at_ms) / 1000;
    printf("%-26s of a processor: agents %.2f (%.2f ms/s each), broker %.2f, database %.2f; "
           "database: %.0f "
           "commits/s, %.0f KB/s of log\n",
           what, (double)(to.agents_ms - from.agents_ms) / 1000 / s,
           (double)(to.agents_ms - from.agents_ms) / s / m->o.agents,
           (double)(to.broker_ms - from.broker_ms) / 1000 / s,
           (double)(to.database_ms - from.database_ms) / 1000 / s,
           (double)(to.commits - from.commits) / s, (double)(to.wal - from.wal) / 1000 / s);
    if (updates > 0)
        printf("%-26s %.0f bytes of rows, %.0f of log\n", "an update, in the database",
               (double)(to.size - from.size) / (double)updates,
               (double)(to.wal - from.wal) / (double)updates);
    fflush(stdout);
}

static void work(struct many *m)
{
    struct crowd heard = {0};
    unsigned none[1];
    struct reading from = read_now(m);
    int64_t began = now_ms(), slowest = 0, sum = 0;
    uint64_t n = 0, all = (uint64_t)m->rate * m->seconds;
    hear(m, &heard, began, none, 0);
    for (; n < all; n++) {
        int64_t due = began + (int64_t)(n * 1000 / m->rate), us;
        if (deadline_left(due) > 0)
            nap((unsigned)deadline_left(due));
        us = fleet_update(m->fleet, n);
        slowest = us > slowest ? us : slowest;
        sum += us;
    }
    struct reading to = read_now(m);
    nap(2000);
    hear(m, &heard, began, none, 0);
    printf("%-26s %" PRIu64
           " updates in %.1f s, answered after %.1f ms on average, %.0f at most; %.2f messages and "
           "%.0f bytes (topic and payload) of the broker to a subscriber of all for each\n",
           "at work", n, (double)(to.at_ms - from.at_ms) / 1000, (double)sum / 1000 / (double)n,
           (double)slowest / 1000, (double)heard.messages / (double)n,
           (double)heard.bytes / (double)n);
    print_span("", m, from, to, n);
}

/* Killed, away for a while, and back with nothing retained. */
static void restart(struct many *m)
{
    char what[64];
    snprintf(what, sizeof what, "broker away for %u s", m->away_s);
    broker_kill(m->broker);
    nap(m->away_s * 1000);
    mqttclient_destroy(m->listener);
    int64_t began = now_ms();
    broker_start(m->broker);
    listen_to_all(m);
    struct crowd crowd = gather(m, began);
    print_crowd(what, &crowd);
}

static void run(struct many *m)
{
    static char connections[64];
    snprintf(connections, sizeof connections, "max_connections=%u", 3 * m->o.agents + 50);
    static const char *settings[] = {connections, "shared_buffers=128MB", NULL};
    m->o.database =
        m->database ? pgserver_create_as(&(struct pgserver_options){.settings = settings}) : NULL;
    m->broker =
        broker_create(&(struct broker_options){.extra = "log_type none\nlog_type information\n"});
    m->o.broker = broker_uri(m->broker);
    listen_to_all(m);
    int64_t began = now_ms();
    m->fleet = fleet_create(&m->o);
    struct crowd crowd = gather(m, began);
    print_crowd("all start", &crowd);
    fleet_make_tables(m->fleet);
    nap(3000);
    for (uint64_t n = 0; n < m->o.agents; n++) /* each has its operator */
        (void)fleet_update(m->fleet, n);
    print_held(m);
    struct reading from = read_now(m);
    nap(m->seconds * 1000);
    print_span("idle", m, from, read_now(m), 0);
    if (m->rate > 0)
        work(m);
    restart(m);
    m->away_s = 0;
    restart(m);
    fleet_destroy(m->fleet);
    mqttclient_destroy(m->listener);
    broker_destroy(m->broker);
    pgserver_destroy(m->o.database);
}

static void usage(FILE *out)
{
    fputs("Usage: bench-many [OPTION...]\n"
          "  --agents N      as processes (50, at most 1000)\n"
          "  --tables N      each (20)\n"
          "  --wave N        start so many a second (0: all at once)\n"
          "  --rate N        updates/s of all together (a tenth of all tables)\n"
          "  --seconds N     length of each measurement (20)\n"
          "  --away N        seconds the broker is away before it comes back (10), and then not at "
          "all\n"
          "  --env NAME=VALUE   for the agents\n"
          "  --no-database   each its own directory\n",
          out);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"agents", required_argument, NULL, 'a'}, {"tables", required_argument, NULL, 't'},
        {"rate", required_argument, NULL, 'r'},   {"seconds", required_argument, NULL, 's'},
        {"away", required_argument, NULL, 'w'},   {"env", required_argument, NULL, 'e'},
        {"wave", required_argument, NULL, 'W'},   {"no-database", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct many m = {
        .o = {.agents = 50, .tables = 20}, .database = true, .seconds = 20, .away_s = 10};
    long rate = -1;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 'a':
            m.o.agents = number;
            break;
        case 't':
            m.o.tables = number;
            break;
        case 'r':
            rate = (long)number;
            break;
        case 's':
            m.seconds = number;
            break;
        case 'w':
            m.away_s = number;
            break;
        case 'W':
            m.o.wave = number;
            break;
        case 'e':
            m.o.variable = optarg;
            break;
        case 'n':
            m.database = false;
            break;
        default:
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (m.o.agents < 1 || m.o.agents > FLEET_AGENTS_MAX || m.o.tables < 1 ||
        m.o.tables > FLEET_TABLES_MAX || m.seconds < 1) {
        usage(stderr);
        return 2;
    }
    m.rate = rate >= 0 ? (unsigned)rate : (m.o.agents * m.o.tables + 9) / 10;
    printf("%u agents of %u tables\n", m.o.agents, m.o.tables);
    fflush(stdout);
    run(&m);
    return 0;
}
