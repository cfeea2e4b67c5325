/*
 * main.c - the program: arguments, signals, exit codes. Started in the name of an MQTT connection it
 * is nothing but that (bridge/link_main.h).
 *
 * Signals are blocked before any other thread exists and taken by one thread with sigwait:
 * SIGTERM and SIGINT stop the agent in order; another one while it stops, to the very end, ends it at
 * once, and so does the end of STOP_MS: what was answered is on disk. SIGHUP reads tokens and certificate again. SIGUSR1 is used only by main, to
 * end the signal thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "bridge/link_main.h"
#include "cmd/cli.h"
#include "cmd/commands.h"
#include "config/config.h"
#include "service.h"

enum {
    STOP_MS = 4800,  /* of the 5 s of the contract */
    LINES_MAX = 4096 /* of all addresses */
};

struct signals {
    sigset_t set;
    struct log log;
    pthread_t thread;
    pthread_mutex_t lock;       /* guards the agent */
    struct studio_agent *agent; /* NULL: it has stopped and is being torn down */
    atomic_bool done;           /* SIGUSR1 ends the thread */
};

static void block_signals(struct signals *signals)
{
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGHUP);
    sigaddset(&signals->set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The next signal; while the agent stops, the process does not outlive its time: a disk may be slow. */
static int next_signal(const struct signals *signals, int64_t stop_until_ms)
{
    if (stop_until_ms == 0)
        return sigwaitinfo(&signals->set, NULL);
    int64_t left = stop_until_ms - clock_mono(clock_system());
    const struct timespec timeout = {.tv_sec = left > 0 ? left / 1000 : 0,
                                     .tv_nsec = left > 0 ? (long)(left % 1000) * 1000000 : 0};
    int number = sigtimedwait(&signals->set, NULL, &timeout);
    if (number < 0 && errno == EAGAIN) {
        log_warn("agent", "the disk takes too long: ended without its last words there");
        _exit(STUDIO_EXIT_OK);
    }
    return number;
}

/* What came of it is in the log. */
static void reload(struct studio_agent *agent)
{
    struct studio_error error;
    size_t users;
    (void)!studio_agent_reload(agent, &users, &error);
}

static void *wait_for_signals(void *arg)
{
    struct signals *signals = arg;
    int64_t stop_until_ms = 0; /* 0: it is not stopping */
    log_use(&signals->log);
    while (!atomic_load(&signals->done)) {
        int number = next_signal(signals, stop_until_ms);
        if (number < 0 || number == SIGUSR1)
            continue;
        pthread_mutex_lock(&signals->lock);
        if (number == SIGHUP) {
            if (signals->agent && !stop_until_ms)
                reload(signals->agent);
        } else if (stop_until_ms || !signals->agent) {
            _exit(STUDIO_EXIT_FAILED);
        } else {
            stop_until_ms = clock_mono(clock_system()) + STOP_MS;
            log_info("agent", "stopping on %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
            studio_agent_stop(signals->agent);
        }
        pthread_mutex_unlock(&signals->lock);
    }
    return NULL;
}

/* One write, so that whoever waits for the lines never reads half of one. */
static void announce(const struct studio_agent *agent)
{
    char lines[LINES_MAX];
    const char *address;
    struct buf out;

    buf_init_fixed(&out, lines, sizeof lines);
    for (size_t i = 0; (address = studio_agent_address(agent, i)) != NULL; i++)
        buf_printf(&out, "listening on %s\n", address);
    if (!buf_ok(&out) || write(STDOUT_FILENO, lines, out.len) != (ssize_t)out.len)
        log_warn("agent", "cannot write to standard output: %s", strerror(errno));
}

static int serve(struct studio_agent_config *config)
{
    struct signals signals = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct studio_agent *agent;
    struct studio_error error;
    struct service service;
    block_signals(&signals);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* what it starts cannot have more than it has */
    log_init(&signals.log, (enum log_level)config->log_level, (enum log_format)config->log_format);
    log_use(&signals.log);

    service_init(&service);
    enum studio_err err = service_sockets(&service, config, &error);
    struct studio_agent_config own = *config; /* with what lives here */
    own.service = &service;
    own.handed = &service.handed;
    if (err == STUDIO_OK)
        err = studio_agent_create(&own, &agent, &error);
    if (err != STUDIO_OK) {
        cli_complain(error.text);
        return studio_agent_exit_code(err);
    }
    signals.agent = agent;
    int failed = pthread_create(&signals.thread, NULL, wait_for_signals, &signals);
    if (failed) {
        fprintf(stderr, "studio-agent: cannot start a thread: %s\n", strerror(failed));
        studio_agent_destroy(agent);
        return STUDIO_EXIT_FAILED;
    }
    announce(agent);
    int code = studio_agent_run(agent);
    pthread_mutex_lock(&signals.lock);
    signals.agent = NULL;
    pthread_mutex_unlock(&signals.lock);
    studio_agent_destroy(agent);
    atomic_store(&signals.done, true);
    pthread_kill(signals.thread, SIGUSR1);
    pthread_join(signals.thread, NULL);
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct studio_error error;
    struct studio_agent_config config;
    struct log log; /* as long as nobody has said how it is to be */
    const char *const *variables = (const char *const *)environ;
    int code = STUDIO_EXIT_USAGE;
    if (link_main_wanted(argc, argv))
        link_main(argv[0]);
    secret_empty_cores();
    log_init(&log, LOG_INFO, LOG_TEXT);
    log_use(&log);
    config_init(&config);
    enum studio_err err = cli_parse(&cli, argc, (const char *const *)argv, &error);
    if (err == STUDIO_OK) /* unless the configuration names another */
        err = studio_agent_config_set(&config, "mqtt.link_program", "/proc/self/exe", &error);
    bool other = err == STUDIO_OK && cli.command != CLI_RUN;
    if (err == STUDIO_OK && !other)
        err = cli_configure(&cli, variables, &config, &error);
    if (!other) /* a command reads them by itself, and soon ends */
        config_clear_environment(environ);
    if (err != STUDIO_OK)
        cli_complain(error.text);
    else
        code = other ? command_run(&cli, variables) : serve(&config);
    config_finish(&config);
    cli_finish(&cli);
    return code;
}
