/* pgserver.c - a cluster made by initdb, its server, and psql to look into it. */
#include "support/pgserver.h"

#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

enum { START_MS = 60000, ARGS_MAX = 80 };

struct pgserver {
    struct pgserver_options o;
    const char *dir, *data;
    char bin[160];
    struct proc *proc;
};

/* The newest version's programs; Debian has them beside each other. */
static bool find_bin(char *out, size_t size)
{
    glob_t found;
    bool there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;
    if (there)
        snprintf(out, size, "%.*s", (int)(strlen(found.gl_pathv[found.gl_pathc - 1]) - 7),
                 found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return there;
}

static const struct passwd *server_user(void)
{
    return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

bool pgserver_there(void)
{
    char bin[160];
    return find_bin(bin, sizeof bin) && (geteuid() != 0 || server_user());
}

/* argv[0] in `bin`, as the user it wants; dies with this program. */
static const char **as_server(const struct pgserver *server, const char *const argv[])
{
    static const char *line[ARGS_MAX];
    size_t n = 0;
    for (const char *const *in = server->o.in; in && *in; in++)
        line[n++] = *in;
    if (geteuid() == 0) {
        const char *const who[] = {"setpriv",        "--reuid=postgres", "--regid=postgres",
                                   "--clear-groups", "--pdeathsig",      "KILL"};
        for (size_t i = 0; i < sizeof who / sizeof *who; i++)
            line[n++] = who[i];
    }
    line[n++] = tmpdir_path(server->bin, argv[0]);
    for (size_t i = 1; argv[i]; i++) {
        if (n + 1 >= ARGS_MAX)
            test_fail("too many arguments for %s", argv[0]);
        line[n++] = argv[i];
    }
    line[n] = NULL;
    return line;
}

static unsigned port_of(const struct pgserver *server)
{
    return server->o.port ? server->o.port : 5432;
}

/* It would look through all zones for the one of this machine. */
static const char *const utc[] = {"TZ=UTC", NULL};

static void run(const struct pgserver *server, const char *const argv[])
{
    char *err = NULL;
    if (proc_run(as_server(server, argv), utc, NULL, &err) != 0)
        test_fail("%s failed: %s", argv[0], err);
    free(err);
}

static void add_hba(const struct pgserver *server)
{
    FILE *file = fopen(tmpdir_path(server->data, "pg_hba.conf"), "a");
    if (!file || fputs(server->o.hba, file) < 0 || fclose(file) != 0)
        test_fail("pg_hba.conf cannot be written");
}

void pgserver_copy(struct pgserver *server, const char *source)
{
    tmpdir_remove(server->data);
    run(server, ARGS("pg_basebackup", "-D", server->data, "-d", source, "-R", "-c", "fast", "-X",
                     "stream", "--no-sync"));
}

bool pgserver_rewind(struct pgserver *server, const char *source)
{
    char *from = test_printf("--source-server=%s", source);
    bool done =
        proc_run(as_server(server, ARGS("pg_rewind", "-D", server->data, from, "-R", "--no-sync")),
                 utc, NULL, NULL) == 0;
    free(from);
    return done;
}

struct pgserver *pgserver_create(void)
{
    static const struct pgserver_options defaults;
    return pgserver_create_as(&defaults);
}

struct pgserver *pgserver_create_as(const struct pgserver_options *options)
{
    struct pgserver *server = test_alloc(sizeof *server);
    server->o = *options;
    const struct passwd *user = server_user();
    if (!find_bin(server->bin, sizeof server->bin))
        test_fail("PostgreSQL is not installed");
    server->dir = tmpdir_create();
    server->data = tmpdir_path(server->dir, "data");
    if (user && chown(server->dir, user->pw_uid, user->pw_gid) != 0)
        test_fail("chown of %s", server->dir);
    if (server->o.copy_of)
        pgserver_copy(server, server->o.copy_of);
    else
        run(server, ARGS("initdb", "-D", server->data, "-U", "postgres", "-A", "trust", "-E",
                         "UTF8", "--locale=C", "--no-sync", "--no-instructions"));
    if (server->o.hba)
        add_hba(server);
    pgserver_start(server);
    return server;
}

void pgserver_spawn(struct pgserver *server)
{
    /* What it would do for a power cut of the machine only takes time here. */
    const char *argv[ARGS_MAX] = {"postgres",
                                  "-D",
                                  server->data,
                                  "-k",
                                  server->dir,
                                  "-c",
                                  "listen_addresses=",
                                  "-c",
                                  "fsync=off",
                                  "-c",
                                  "shared_buffers=16MB",
                                  "-c",
                                  "log_min_messages=log",
                                  NULL};
    char *port = test_printf("port=%u", port_of(server));
    size_t n = 0;
    while (argv[n])
        n++;
    argv[n++] = "-c";
    argv[n++] = port;
    for (const char *const *one = server->o.settings; one && *one && n + 3 < ARGS_MAX; one++) {
        argv[n++] = "-c";
        argv[n++] = *one;
    }
    server->proc = proc_spawn(as_server(server, argv), server->o.env);
    /* One of its processes that waits for a standby when the first of them dies goes on as if it had a terminal. */
    proc_close_stdin(server->proc);
    free(port);
}

void pgserver_start(struct pgserver *server)
{
    pgserver_spawn(server);
    free(proc_wait_line(server->proc, PROC_STDERR, "ready to accept", START_MS));
}

void pgserver_stop(struct pgserver *server)
{
    proc_signal(server->proc, SIGINT);
    (void)proc_wait(server->proc, START_MS);
    proc_destroy(server->proc);
    server->proc = NULL;
}

/* Its processes notice that the first of them is gone; the next start waits for that. */
void pgserver_kill(struct pgserver *server)
{
    proc_kill(server->proc);
    proc_destroy(server->proc);
    server->proc = NULL;
}

struct proc *pgserver_proc(struct pgserver *server)
{
    return server->proc;
}

void pgserver_destroy(struct pgserver *server)
{
    if (!server)
        return;
    if (server->proc)
        pgserver_stop(server);
    free(server);
}

bool pgserver_wanted(void)
{
    const char *engine = getenv("STUDIO_STORE");
    return engine && strcmp(engine, "postgres") == 0;
}

static struct pgserver *shared;

static void end_shared(void)
{
    pgserver_destroy(shared);
}

struct pgserver *pgserver_shared(void)
{
    if (!shared) {
        shared = pgserver_create();
        (void)atexit(end_shared);
    }
    return shared;
}

const char *pgserver_schema(const char *dir)
{
    static char schema[16];      /* the caller's until the next call */
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = dir; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    snprintf(schema, sizeof schema, "s%08x", hash);
    return schema;
}

const char *pgserver_host(const struct pgserver *server)
{
    return server->dir;
}

char *pgserver_ask(struct pgserver *server, const char *name, const char *sql)
{
    char *out = NULL, *err = NULL;
    char *path = test_printf("PGOPTIONS=-csearch_path=%s -csynchronous_commit=local", name);
    const char *const env[] = {path, NULL};
    const char *psql = tmpdir_path(server->bin, "psql");
    char *port = test_printf("%u", port_of(server));
    if (proc_run(ARGS(psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", server->dir, "-p", port, "-U",
                      "postgres", "-d", "postgres", "-c", sql),
                 env, &out, &err) != 0)
        test_fail("%s: %s", sql, err);
    free(port);
    out[strcspn(out, "\n")] = '\0';
    free(err);
    free(path);
    return out;
}

int64_t pgserver_count(struct pgserver *server, const char *name, const char *sql)
{
    char *text = pgserver_ask(server, name, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

const char *pgserver_url(struct pgserver *server, const char *name)
{
    static char url[512]; /* the caller's until the next call */
    char *sql = test_printf("CREATE SCHEMA IF NOT EXISTS %s", name);
    free(pgserver_ask(server, "public", sql));
    free(sql);
    snprintf(url, sizeof url,
             "postgresql:///postgres?host=%s&port=%u&user=postgres&options=-csearch_path%%3D%s",
             server->dir, port_of(server), name);
    return url;
}

void pgserver_promote(struct pgserver *server)
{
    free(pgserver_ask(server, "public", "SELECT pg_promote()"));
}

/* Until the number this SQL answers is not 0. */
static void wait_for(struct pgserver *server, const char *what, const char *sql)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    const int64_t deadline = now_ms() + START_MS;
    for (;;) {
        char *count = pgserver_ask(server, "public", sql);
        const bool there = strcmp(count, "0") != 0;
        free(count);
        if (there)
            return;
        if (deadline_left(deadline) <= 0)
            test_fail("no standby %s", what);
        nanosleep(&pause, NULL);
    }
}

void pgserver_wait_synchronous(struct pgserver *server)
{
    wait_for(server, "became synchronous",
             "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')");
}

void pgserver_wait_replayed(struct pgserver *server)
{
    char *now = pgserver_ask(server, "public", "SELECT pg_current_wal_lsn()");
    char *sql = test_printf(
        "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= '%s'::pg_lsn", now);
    wait_for(server, "came so far", sql);
    free(sql);
    free(now);
}
