#include "fault/two/database.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/deadline.h"
#include "support/faults.h"
#include "support/pgserver.h"
#include "support/tmpdir.h"

enum { JOIN_MS = 60000, STEP_MS = 50 };

struct database {
    struct pgserver *servers[HOST_COUNT];
    struct faults *faults[HOST_COUNT]; /* NULL: a sanitizer is at work */
    char *settings[HOST_COUNT];        /* where it listens */
    const char *lines[HOST_COUNT][16];
    char *source[HOST_COUNT]; /* for who follows it */
    char *url;
    enum host primary;
    bool off[HOST_COUNT];
};

enum host database_primary(const struct database *d)
{
    return d->primary;
}

enum host database_standby(const struct database *d)
{
    return d->primary == HOST_P ? HOST_S : HOST_P;
}

const char *database_url(const struct database *d)
{
    return d->url;
}

static char *ask(struct database *d, enum host host, const char *sql)
{
    return pgserver_ask(d->servers[host], "public", sql);
}

char *database_ask(struct database *d, const char *sql)
{
    return ask(d, d->primary, sql);
}

static void tell(struct database *d, enum host host, const char *sql)
{
    free(ask(d, host, sql));
}

/* --- both of them ----------------------------------------------------------------------------- */

static void equip(struct database *d, enum host host)
{
    static const char *const common[] = {"fsync=on",
                                         "synchronous_commit=on",
                                         "wal_log_hints=on",
                                         "wal_keep_size=1GB",
                                         "wal_sender_timeout=5s",
                                         "wal_receiver_timeout=5s",
                                         "wal_retrieve_retry_interval=500ms",
                                         "tcp_keepalives_idle=2",
                                         "tcp_keepalives_interval=1",
                                         "tcp_keepalives_count=3",
                                         "shared_buffers=64MB",
                                         "log_min_messages=warning"};
    size_t n = 0;
    d->settings[host] = test_printf("listen_addresses=%s", host_address(host));
    d->lines[host][n++] = d->settings[host];
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        d->lines[host][n++] = common[i];
    d->source[host] = test_printf("host=%s user=postgres dbname=postgres connect_timeout=2 "
                                  "tcp_user_timeout=4000",
                                  host_address(host));
    if (faults_available()) {
        d->faults[host] = faults_create(tmpdir_create(), NULL);
        faults_give(d->faults[host], getpwnam("postgres")->pw_uid);
    }
}

static struct pgserver *create(struct database *d, enum host host, const char *copy_of)
{
    equip(d, host);
    return pgserver_create_as(&(struct pgserver_options){
        .in = host_in(host),
        .settings = d->lines[host],
        .env = d->faults[host] ? faults_env(d->faults[host]) : NULL,
        .hba = "host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n",
        .copy_of = copy_of});
}

struct database *database_create(void)
{
    struct database *d = test_alloc(sizeof *d);
    d->primary = HOST_P;
    d->url = test_printf("postgresql://postgres@%s,%s/postgres", host_address(HOST_P),
                         host_address(HOST_S));
    d->servers[HOST_P] = create(d, HOST_P, NULL);
    d->servers[HOST_S] = create(d, HOST_S, d->source[HOST_P]);
    database_rejoin(d);
    return d;
}

void database_destroy(struct database *d)
{
    static const enum host both[] = {HOST_P, HOST_S};
    for (size_t i = 0; d && i < 2; i++) {
        if (!d->off[both[i]])
            database_power_off(d, both[i]);
        pgserver_destroy(d->servers[both[i]]);
        faults_destroy(d->faults[both[i]]);
        free(d->settings[both[i]]);
        free(d->source[both[i]]);
    }
    if (d)
        free(d->url);
    free(d);
}

/* --- what the operator does ------------------------------------------------------------------- */

void database_power_off(struct database *d, enum host host)
{
    host_kill(host);
    pgserver_kill(d->servers[host]);
    d->off[host] = true;
}

static void wait_for_standby(struct database *d, bool waits)
{
    tell(d, d->primary,
         waits ? "ALTER SYSTEM SET synchronous_standby_names = '*'"
               : "ALTER SYSTEM SET synchronous_standby_names = ''");
    tell(d, d->primary, "SELECT pg_reload_conf()");
}

void database_go_on_alone(struct database *d)
{
    wait_for_standby(d, false);
}

void database_promote(struct database *d)
{
    enum host next = database_standby(d);
    if (!d->off[d->primary])
        database_power_off(d, d->primary);
    tell(d, next, "SELECT pg_promote(true, 60)");
    d->primary = next;
    wait_for_standby(d, false);
}

static bool answers(struct database *d, const char *sql, const char *wanted)
{
    char *text = database_ask(d, sql);
    bool yes = strcmp(text, wanted) == 0;
    free(text);
    return yes;
}

static void wait_until(struct database *d, const char *sql, const char *wanted)
{
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    int64_t deadline = now_ms() + JOIN_MS;
    while (!answers(d, sql, wanted)) {
        if (deadline_left(deadline) == 0)
            test_fail("the databases do not come together: not '%s': %s", wanted, sql);
        nanosleep(&step, NULL);
    }
}

/* One that was the primary may have written what the new one never had. */
static void follow(struct database *d, enum host host)
{
    const char *source = d->source[d->primary];
    if (!pgserver_rewind(d->servers[host], source))
        pgserver_copy(d->servers[host], source);
    pgserver_start(d->servers[host]);
    d->off[host] = false;
}

void database_rejoin(struct database *d)
{
    enum host host = database_standby(d);
    if (d->off[host])
        follow(d, host);
    wait_until(d, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1");
    wait_for_standby(d, true);
    wait_until(d,
               "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
               " AND sync_state = 'sync'",
               "1");
}

bool database_clock(struct database *d, int64_t offset_ms)
{
    if (!d->faults[d->primary])
        return false;
    faults_clock(d->faults[d->primary], offset_ms);
    return true;
}
