/* pgserver.c - a cluster made by initdb, its server, and psql to look into it. */
#include "support/pgserver.h"

#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

enum { START_MS = 60000 };

struct pgserver {
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
    static const char *line[24];
    size_t n = 0;
    if (geteuid() == 0) {
        const char *const who[] = {"setpriv",        "--reuid=postgres", "--regid=postgres",
                                   "--clear-groups", "--pdeathsig",      "KILL"};
        for (size_t i = 0; i < sizeof who / sizeof *who; i++)
            line[n++] = who[i];
    }
    line[n++] = tmpdir_path(server->bin, argv[0]);
    for (size_t i = 1; argv[i]; i++)
        line[n++] = argv[i];
    line[n] = NULL;
    return line;
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

struct pgserver *pgserver_create(void)
{
    struct pgserver *server = test_alloc(sizeof *server);
    const struct passwd *user = server_user();
    if (!find_bin(server->bin, sizeof server->bin))
        test_fail("PostgreSQL is not installed");
    server->dir = tmpdir_create();
    server->data = tmpdir_path(server->dir, "data");
    if (user && chown(server->dir, user->pw_uid, user->pw_gid) != 0)
        test_fail("chown of %s", server->dir);
    run(server, ARGS("initdb", "-D", server->data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                     "--locale=C", "--no-sync", "--no-instructions"));
    pgserver_start(server);
    return server;
}

void pgserver_start(struct pgserver *server)
{
    /* What it would do for a power cut of the machine only takes time here. */
    const char *const argv[] = {"postgres",
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
    server->proc = proc_spawn(as_server(server, argv), NULL);
    free(proc_wait_line(server->proc, PROC_STDERR, "ready to accept connections", START_MS));
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

char *pgserver_ask(struct pgserver *server, const char *name, const char *sql)
{
    char *out = NULL, *err = NULL;
    char *path = test_printf("PGOPTIONS=-csearch_path=%s -csynchronous_commit=local", name);
    const char *const env[] = {path, NULL};
    const char *psql = tmpdir_path(server->bin, "psql");
    if (proc_run(ARGS(psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", server->dir, "-U", "postgres",
                      "-d", "postgres", "-c", sql),
                 env, &out, &err) != 0)
        test_fail("%s: %s", sql, err);
    out[strcspn(out, "\n")] = '\0';
    free(err);
    free(path);
    return out;
}

const char *pgserver_url(struct pgserver *server, const char *name)
{
    static char url[512]; /* the caller's until the next call */
    char *sql = test_printf("CREATE SCHEMA IF NOT EXISTS %s", name);
    free(pgserver_ask(server, "public", sql));
    free(sql);
    snprintf(url, sizeof url,
             "postgresql:///postgres?host=%s&user=postgres&options=-csearch_path%%3D%s",
             server->dir, name);
    return url;
}
