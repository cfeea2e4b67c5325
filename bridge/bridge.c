/* bridge.c - the public functions and the thread: wires intake, relay and MQTT links together. */
#include "bridge.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "announce.h"
#include "base/clock.h"
#include "base/log.h"
#include "brokers.h"
#include "commands.h"
#include "events.h"
#include "guard.h"
#include "link_paho.h"
#include "relay.h"

enum { STOP_MS = 2500, STOP_HELD_MS = 200, INFO_MAX = 65536 };

struct bridge {
    /* Set by bridge_create, constant afterwards: */
    struct bridge_config config; /* its strings are ours */
    const struct clock *clock;
    struct log log; /* of the thread that created it */
    struct brokers brokers;
    struct topics topics;
    char *info;
    struct link *links[LINK_COUNT];

    struct guard guard;
    struct events events;
    struct feed feed; /* what other threads hand over: these four */
    struct mirror *mirror;
    struct answers answers;
    struct replays replays;
    struct commands commands;
    struct relay relay; /* bridge thread */

    pthread_t thread;
    bool started, joined;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t ended_cond;
    bool stop, quiesce;
    bool quiet; /* no command can come any more */
    bool ended;
    bool orphan; /* destroyed while the thread hangs in the library: it frees the bridge */
    struct bridge_stats stats;
};

/* --- construction ---------------------------------------------------------------------------- */

static uint32_t random_bits(void *ctx)
{
    uint32_t bits;

    (void)ctx;
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
        bits = (uint32_t)clock_mono(clock_system());
    return bits;
}

/* The strings the bridge keeps; credentials and brokers are taken apart by brokers_init. */
static bool copy_config(struct bridge *b, const struct bridge_config *config)
{
    const char **copies[] = {&b->config.agent_id, &b->config.topic_root, &b->config.epoch,
                             &b->config.ca_file};

    b->config = *config;
    b->config.brokers = b->config.username = b->config.password = NULL;
    b->config.password_file = b->config.info = NULL;
    for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
        const char *text = *copies[i];

        *copies[i] = text ? strdup(text) : NULL;
        if (text && !*copies[i]) {
            while (++i < sizeof(copies) / sizeof(*copies))
                *copies[i] = NULL;
            return false;
        }
    }
    return true;
}

static enum studio_err check_config(const struct bridge_config *config, struct topics *topics,
                                    struct studio_error *error)
{
    if (!topics_root_valid(config->topic_root))
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": mqtt.topic_root %.100s: no wildcards, no leading $ or /, no "
                                "trailing /, at most %d bytes",
                                config->topic_root, TOPIC_ROOT_MAX);
    if (!topics_init(topics, config->topic_root, config->agent_id))
        return studio_error_set(
            error, STUDIO_ERR_USAGE,
            ": mqtt.agent_id %.100s: up to 64 of A-Z a-z 0-9 _ . @ -, beginning "
            "with a letter or digit",
            config->agent_id);
    if (config->mqtt_version != 4 && config->mqtt_version != 5)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": mqtt.version is 5 or 4 (3.1.1), not %d",
                                config->mqtt_version);
    return STUDIO_OK;
}

static char *print_info(struct bridge *b, const struct bridge_config *config)
{
    struct buf out;

    buf_init(&out, INFO_MAX);
    announce_info(&out, config->lists, config->agent_id, config->epoch, clock_wall(b->clock),
                  config->info);
    return buf_take(&out);
}

static bool create_links(struct bridge *b)
{
    struct link_paho_options options = {
        .agent_id = b->config.agent_id, .epoch = b->config.epoch, .events = &b->events};

    for (enum link_id id = 0; id < LINK_COUNT; id++) {
        options.id = id;
        options.on_command = id == LINK_IN ? commands_arrived : NULL;
        options.ctx = &b->commands;
        b->links[id] = link_paho_create(&options);
        if (!b->links[id])
            return false;
    }
    return true;
}

static void destroy_links(struct bridge *b)
{
    for (size_t i = 0; i < LINK_COUNT; i++) {
        link_paho_destroy(b->links[i]);
        b->links[i] = NULL;
    }
}

static void free_bridge(struct bridge *b)
{
    destroy_links(b);
    relay_finish(&b->relay);
    commands_finish(&b->commands);
    replays_finish(&b->replays);
    answers_finish(&b->answers);
    mirror_destroy(b->mirror);
    feed_finish(&b->feed);
    events_finish(&b->events);
    guard_finish(&b->guard);
    brokers_finish(&b->brokers);
    free(b->info);
    free((char *)(uintptr_t)b->config.agent_id);
    free((char *)(uintptr_t)b->config.topic_root);
    free((char *)(uintptr_t)b->config.epoch);
    free((char *)(uintptr_t)b->config.ca_file);
    pthread_cond_destroy(&b->ended_cond);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static void init_locks(struct bridge *b)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
}

static enum studio_err create_inlets(struct bridge *b)
{
    const struct bridge_source *source = &b->guard.source;
    enum studio_err err = feed_init(&b->feed, source, b->config.acked + 1, b->config.committed);

    if (err == STUDIO_OK)
        err = mirror_create(&b->mirror);
    if (err == STUDIO_OK)
        err = answers_init(&b->answers);
    if (err == STUDIO_OK)
        err = replays_init(&b->replays, source, b->config.epoch, &b->answers);
    return err;
}

static uint64_t count_ignored(void *ctx)
{
    return commands_ignored(ctx);
}

static enum studio_err create_relay(struct bridge *b)
{
    struct relay_options options = {.config = &b->config,
                                    .brokers = &b->brokers,
                                    .topics = &b->topics,
                                    .source = &b->guard.source,
                                    .clock = b->clock,
                                    .in = {.feed = &b->feed,
                                           .mirror = b->mirror,
                                           .answers = &b->answers,
                                           .replays = &b->replays},
                                    .control = {.source = &b->guard.source,
                                                .info = b->info,
                                                .ignored = count_ignored,
                                                .ignored_ctx = &b->commands},
                                    .random = random_bits};

    memcpy(options.links, b->links, sizeof(options.links));
    return relay_init(&b->relay, &options);
}

enum studio_err bridge_create(const struct bridge_config *config,
                              const struct bridge_source *source, const struct clock *clock,
                              struct bridge **out, struct studio_error *error)
{
    struct bridge *b = calloc(1, sizeof(*b));
    enum studio_err err = STUDIO_ERR_NO_MEMORY;

    *out = NULL;
    if (!b)
        return studio_error_set(error, err, NULL);
    init_locks(b);
    b->clock = clock;
    b->log = *log_used();
    if (guard_init(&b->guard, source) != STUDIO_OK || events_init(&b->events) != STUDIO_OK ||
        !copy_config(b, config) || create_inlets(b) != STUDIO_OK)
        goto no_memory;
    err = check_config(config, &b->topics, error);
    if (err == STUDIO_OK)
        err = brokers_init(&b->brokers, config, error);
    if (err != STUDIO_OK)
        goto fail;
    err = commands_init(&b->commands, &b->topics, &b->guard.source, &b->answers, &b->replays,
                        &b->events);
    if (err != STUDIO_OK)
        goto no_memory;
    b->info = print_info(b, config);
    if (!b->info || !create_links(b))
        goto no_memory;
    if (create_relay(b) != STUDIO_OK)
        goto no_memory;
    b->stats.acked = config->acked;
    b->stats.parked = config->parked;
    *out = b;
    return STUDIO_OK;
no_memory:
    err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
fail:
    free_bridge(b);
    return err;
}

/* --- the thread ------------------------------------------------------------------------------ */

static void follow_wishes(struct bridge *b)
{
    bool stop, quiesce;

    pthread_mutex_lock(&b->lock);
    stop = b->stop;
    quiesce = b->quiesce;
    pthread_mutex_unlock(&b->lock);
    if (quiesce)
        relay_quiesce(&b->relay);
    if (stop)
        relay_stop(&b->relay);
}

static void take_events(struct bridge *b)
{
    struct link_event event;

    while (events_take(&b->events, &event))
        relay_event(&b->relay, &event);
    if (events_overflowed(&b->events)) { /* should not be possible; start over with a new one */
        log_error("bridge", "the queue of the MQTT library's reports overflowed: reconnecting");
        event = (struct link_event){.link = LINK_OUT,
                                    .kind = LINK_LOST,
                                    .generation = b->relay.connection.generation,
                                    .text = "reports were lost"};
        relay_event(&b->relay, &event);
    }
}

static void publish_stats(struct bridge *b)
{
    pthread_mutex_lock(&b->lock);
    relay_get_stats(&b->relay, &b->stats);
    b->quiet = relay_quiet(&b->relay);
    pthread_mutex_unlock(&b->lock);
}

static void *run(void *arg)
{
    struct bridge *b = arg;
    bool orphan;

    log_use(&b->log);
    while (!relay_ended(&b->relay)) {
        int64_t deadline;

        take_events(b);
        follow_wishes(b);
        deadline = relay_step(&b->relay);
        publish_stats(b);
        if (!relay_ended(&b->relay))
            events_wait(&b->events, deadline - clock_mono(b->clock));
    }
    destroy_links(b);
    pthread_mutex_lock(&b->lock);
    b->ended = true;
    orphan = b->orphan;
    pthread_cond_broadcast(&b->ended_cond);
    pthread_mutex_unlock(&b->lock);
    if (orphan)
        free_bridge(b);
    return NULL;
}

enum studio_err bridge_start(struct bridge *b)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all); /* signals are the net thread's; the library's threads inherit this */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&b->thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    b->started = rc == 0;
    return rc == 0 ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void bridge_quiesce(struct bridge *b)
{
    pthread_mutex_lock(&b->lock);
    b->quiesce = true;
    pthread_mutex_unlock(&b->lock);
    events_wake(&b->events);
}

bool bridge_quiet(struct bridge *b)
{
    bool quiet;

    pthread_mutex_lock(&b->lock);
    quiet = b->quiet || b->ended || !b->started;
    pthread_mutex_unlock(&b->lock);
    return quiet;
}

void bridge_stop(struct bridge *b)
{
    struct timespec until;
    bool ended;
    int rc = 0;

    if (!b || !b->started || b->joined)
        return;
    /* What is not answered is not acknowledged (commands.h); then there is nothing to wait for. */
    until = clock_after(commands_close(&b->commands) ? STOP_HELD_MS : STOP_MS);
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_mutex_unlock(&b->lock);
    events_wake(&b->events);
    pthread_mutex_lock(&b->lock);
    while (!b->ended && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&b->ended_cond, &b->lock, &until);
    ended = b->ended;
    pthread_mutex_unlock(&b->lock);
    guard_close(&b->guard);
    if (ended) {
        pthread_join(b->thread, NULL);
    } else {
        log_warn("bridge",
                 "the MQTT library does not return (a name lookup, or a command left with the "
                 "broker): leaving without it");
        pthread_detach(b->thread);
    }
    b->joined = true;
}

void bridge_destroy(struct bridge *b)
{
    bool ours;

    if (!b)
        return;
    bridge_stop(b);
    pthread_mutex_lock(&b->lock);
    ours = !b->started || b->ended;
    b->orphan = !ours;
    pthread_mutex_unlock(&b->lock);
    if (ours)
        free_bridge(b);
}

/* --- from the net thread --------------------------------------------------------------------- */

bool bridge_committed(struct bridge *b, struct studio_event *const *events, size_t n,
                      struct studio_snapshot *const *snapshots, size_t m)
{
    bool taken = mirror_tables(b->mirror, snapshots, m) == STUDIO_OK;

    feed_add(&b->feed, events, n);
    events_wake(&b->events);
    return taken;
}

void bridge_presence(struct bridge *b, const char *table_id, const char *json)
{
    if (mirror_presence(b->mirror, table_id, json) != STUDIO_OK)
        log_error("bridge", "no memory for the presence of table %s", table_id);
    events_wake(&b->events);
}

void bridge_answer(struct bridge *b, struct bridge_command *command, const char *json, size_t len)
{
    commands_answer(&b->commands, command, json, len);
}

void bridge_get_stats(struct bridge *b, struct bridge_stats *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->stats;
    pthread_mutex_unlock(&b->lock);
}
