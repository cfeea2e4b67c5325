/* broker.c - configuration, start and end of a Mosquitto, or of another broker, for one test. */
#include "support/broker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/port.h"
#include "support/tmpdir.h"

enum { ARGS_MAX = 24 };

struct broker {
    struct port port;
    char uri[64];
    const char *dir, *conf;
    const char *const *env, *const *in;
    const char *host;
    struct broker_program program; /* argv NULL: Mosquitto */
    struct proc *proc;
};

enum { ANSWER_MS = 5000 /* for a CONNACK; then it is asked again */ };

/* Writes the password file with Mosquitto's own tool and returns its path. */
static const char *write_users(const char *dir, const struct broker_user *users)
{
    const char *path = tmpdir_write(dir, "users", 0600, "");
    for (; users->name; users++) {
        const char *argv[] = {"mosquitto_passwd", "-b", path, users->name, users->password, NULL};
        if (proc_run(argv, NULL, NULL, NULL) != 0)
            test_fail("mosquitto_passwd failed for %s", users->name);
    }
    return path;
}

static char *write_conf(const struct broker *b, const char *dir, const struct broker_options *o)
{
    char *users = o->users ? test_printf("password_file %s\nallow_anonymous false\n",
                                         write_users(dir, o->users))
                           : test_printf("allow_anonymous true\n");
    char *acl = o->acl ? test_printf("acl_file %s\n", tmpdir_write(dir, "acl", 0600, o->acl))
                       : test_printf("%s", "");
    char *persistence = o->persistence
                            ? test_printf("persistence true\npersistence_location %s/\n", dir)
                            : test_printf("persistence false\n");
    /* `user root`: started as root it would become another user, who cannot read `dir`. */
    char *conf =
        test_printf("user root\n"
                    "listener %u %s\n"
                    "set_tcp_nodelay true\n"
                    "max_inflight_messages 200\n"
                    "max_queued_messages 0\n"
                    "log_dest stderr\n"
                    "log_type all\n"
                    "%s%s%s%s\n",
                    b->port.number, b->host, users, acl, persistence, o->extra ? o->extra : "");
    free(users);
    free(acl);
    free(persistence);
    return conf;
}

static void configure(struct broker *b, const struct broker_options *o)
{
    b->dir = tmpdir_create();
    b->env = o->env;
    b->in = o->in;
    char *conf = write_conf(b, b->dir, o);
    b->conf = tmpdir_write(b->dir, "mosquitto.conf", 0600, conf);
    free(conf);
}

struct broker *broker_create(const struct broker_options *options)
{
    static const struct broker_options defaults;
    const struct broker_options *o = options ? options : &defaults;
    struct broker *b = test_alloc(sizeof *b);
    b->host = o->address ? o->address : "127.0.0.1";
    if (o->program) {
        b->program = *o->program;
        b->port = (struct port){.number = o->program->port, .fd = -1, .fd6 = -1};
    } else {
        port_reserve(&b->port);
    }
    snprintf(b->uri, sizeof b->uri, "mqtt://%s:%u", b->host, b->port.number);
    if (!o->program)
        configure(b, o);
    if (!o->not_started)
        broker_start(b);
    return b;
}

void broker_destroy(struct broker *b)
{
    if (!b)
        return;
    proc_destroy(b->proc);
    port_release(&b->port);
    free(b);
}

const char *broker_host(const struct broker *b)
{
    return b->host;
}

uint16_t broker_port(const struct broker *b)
{
    return b->port.number;
}

const char *broker_uri(const struct broker *b)
{
    return b->uri;
}

struct proc *broker_proc(struct broker *b)
{
    return b->proc;
}

/* --- another broker --------------------------------------------------------------------------- */

/* It lets a client of MQTT 3.1.1 in, which goes away at once. */
static bool lets_in(uint16_t port)
{
    static const unsigned char connect_packet[] = {0x10, 20,  0,   4,   'M', 'Q', 'T', 'T',
                                                   4,    2,   0,   60,  0,   8,   's', 't',
                                                   'u',  'd', 'i', 'o', '-', 'x'};
    static const unsigned char disconnect_packet[] = {0xe0, 0};
    unsigned char answer[4];
    struct pollfd end = {.fd = port_connect(port), .events = POLLIN};
    bool yes = end.fd >= 0 &&
               send(end.fd, connect_packet, sizeof connect_packet, MSG_NOSIGNAL) ==
                   (ssize_t)sizeof connect_packet &&
               poll(&end, 1, ANSWER_MS) == 1 &&
               recv(end.fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer &&
               answer[0] == 0x20 && answer[3] == 0 &&
               send(end.fd, disconnect_packet, sizeof disconnect_packet, MSG_NOSIGNAL) > 0;
    if (end.fd >= 0)
        close(end.fd);
    return yes;
}

static void wait_program(struct broker *b)
{
    int64_t deadline = now_ms() + b->program.ready_ms;
    while (!lets_in(b->port.number)) {
        static const struct timespec step = {.tv_nsec = 100000000};
        if (!proc_running(b->proc) || deadline_left(deadline) == 0) {
            char *out = proc_output(b->proc, PROC_STDOUT), *err = proc_output(b->proc, PROC_STDERR);
            test_fail("%s does not serve on port %u:\n%s%s", b->program.argv[0], b->port.number,
                      out, err);
        }
        nanosleep(&step, NULL);
    }
}

/* --- either ----------------------------------------------------------------------------------- */

void broker_spawn(struct broker *b)
{
    /* Debian keeps it in /usr/sbin, which is not in every user's PATH. */
    const char *program =
        access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto";
    const char *argv[ARGS_MAX];
    size_t n = 0;
    while (b->in && b->in[n] && n < ARGS_MAX - 4) {
        argv[n] = b->in[n];
        n++;
    }
    argv[n++] = program;
    argv[n++] = "-c";
    argv[n++] = b->conf;
    argv[n] = NULL;
    b->proc =
        b->program.argv ? proc_spawn(b->program.argv, b->program.env) : proc_spawn(argv, b->env);
}

void broker_wait(struct broker *b)
{
    if (b->program.argv) {
        wait_program(b);
        return;
    }
    free(proc_wait_line(b->proc, PROC_STDERR, " running", WAIT_MS));
    /* It hangs up on who does: then its loop runs. A SIGTERM before that would be forgotten. */
    struct pollfd end = {.fd = port_connect_to(b->host, b->port.number), .events = POLLIN};
    if (end.fd < 0 || shutdown(end.fd, SHUT_WR) != 0 || poll(&end, 1, WAIT_MS) != 1)
        test_fail("Mosquitto says it runs, but does not serve on port %u", b->port.number);
    close(end.fd);
}

void broker_start(struct broker *b)
{
    broker_spawn(b);
    broker_wait(b);
}

void broker_users(struct broker *b, const struct broker_user *users)
{
    (void)write_users(b->dir, users);
    if (b->proc)
        kill(proc_pid(b->proc), SIGHUP);
}

void broker_stop(struct broker *b)
{
    int code = proc_stop(b->proc, WAIT_MS);
    if (code != 0)
        test_fail("Mosquitto ended with %d", code);
    proc_destroy(b->proc);
    b->proc = NULL;
}

void broker_kill(struct broker *b)
{
    proc_kill(b->proc);
    proc_destroy(b->proc);
    b->proc = NULL;
}
