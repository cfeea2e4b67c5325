/* bridge.c - the public functions and the thread: wires what comes in, relay and MQTT links together. */
#include "bridge.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "announce.h"
#include "base/clock.h"
#include "base/figures.h"
#include "base/log.h"
#include "brokers.h"
#include "commands.h"
#include "kept_config.h"
#include "link_process.h"
#include "relay.h"

enum { INFO_MAX = 65536 };

/* Only who finds it asleep writes to its eventfd. TOLD: there is something to look at before it sleeps. */
enum { AWAKE, TOLD, ASLEEP };

struct bridge {
    /* Set by bridge_create, constant afterwards: */
    struct bridge_config config; /* its strings are ours */
    const struct clock *clock;
    struct log log; /* of the thread that created it */
    struct brokers brokers;
    struct topics topics;
    char *info;
    struct bridge_source source;
    struct link *links[LINK_COUNT]; /* what they do is the bridge thread's */
    int wake;                       /* eventfd: the bridge thread has something to look at */
    atomic_int wakefulness;         /* of the bridge thread, as above */

    struct feed feed; /* what other threads hand over: these four */
    struct mirror *mirror;
    struct answers answers;
    struct replays replays;
    struct commands commands;
    struct relay relay; /* bridge thread, as is: */
    struct clock_turn turn;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards what follows */
    bool stop, quiesce, again;
    bool dropped, lost; /* as bridge_drop says */
    bool quiet;         /* no command can come any more */
    struct bridge_stats stats;
    struct buf uncarried; /* of `health` */
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

static enum studio_err check_config(const struct bridge_config *config, struct topics *topics,
                                    struct studio_error *error)
{
    if (!topics_root_valid(config->topic_root))
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": mqtt.topic_root %.100s: no wildcards, no leading $ or /, no "
                                "trailing /, at most %d bytes",
                                config->topic_root, TOPIC_ROOT_MAX);
    if (!topics_init(topics, config->topic_root, config->agent_id, config->topic_escape))
        return studio_error_set(
            error, STUDIO_ERR_USAGE,
            ": mqtt.agent_id %.100s: up to 64 of A-Z a-z 0-9 _ . @ -, beginning "
            "with a letter or digit",
            config->agent_id);
    if (!config->link_program)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": no program for the MQTT connections");
    if (config->mqtt_version != 4 && config->mqtt_version != 5)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": mqtt.version is 5 or 4 (3.1.1), not %d",
                                config->mqtt_version);
    return STUDIO_OK;
}

static char *print_info(struct bridge *b, const struct bridge_config *config)
{
    struct buf out;

    buf_init(&out, INFO_MAX);
    announce_info(&out, config->lists, config->agent_id, config->epoch,
                  (int64_t)figure_get(&b->source.figures->started), config->info);
    return buf_take(&out);
}

static void on_event(void *ctx, const struct link_event *event)
{
    struct bridge *b = ctx;

    commands_event(&b->commands, event);
    relay_event(&b->relay, event);
}

static void on_command(void *ctx, const struct link_command *command)
{
    struct bridge *b = ctx;

    commands_arrived(&b->commands, command);
}

static bool create_links(struct bridge *b)
{
    struct link_options options = {.program = b->config.link_program,
                                   .agent_id = b->config.agent_id,
                                   .epoch = b->config.epoch,
                                   .clock = &b->turn.clock,
                                   .on_event = on_event,
                                   .on_command = on_command,
                                   .ctx = b};

    for (enum link_id id = 0; id < LINK_COUNT; id++) {
        options.id = id;
        b->links[id] = link_process_create(&options);
        if (!b->links[id])
            return false;
    }
    return true;
}

static void destroy_links(struct bridge *b)
{
    for (size_t i = 0; i < LINK_COUNT; i++) {
        link_process_destroy(b->links[i]);
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
    if (b->wake >= 0)
        close(b->wake);
    brokers_finish(&b->brokers);
    buf_finish(&b->uncarried);
    free(b->info);
    kept_config_drop(&b->config);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static enum studio_err create_inlets(struct bridge *b)
{
    const struct bridge_source *source = &b->source;
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
    return ((const struct commands *)ctx)->ignored;
}

static enum studio_err create_relay(struct bridge *b)
{
    struct relay_options options = {.config = &b->config,
                                    .brokers = &b->brokers,
                                    .topics = &b->topics,
                                    .source = &b->source,
                                    .clock = &b->turn.clock,
                                    .in = {.feed = &b->feed,
                                           .mirror = b->mirror,
                                           .answers = &b->answers,
                                           .replays = &b->replays},
                                    .control = {.source = &b->source,
                                                .info = b->info,
                                                .ignored = count_ignored,
                                                .ignored_ctx = &b->commands,
                                                .shared_root = b->config.shared_root},
                                    .random = random_bits};

    memcpy(options.links, b->links, sizeof(options.links));
    return relay_init(&b->relay, &options);
}

/* Counters begin with the start; in the store there may be fewer parked events at the next one. */
static void show_figures(struct bridge *b)
{
    struct figures *figures = b->source.figures;
    const struct bridge_stats *stats = &b->stats;

    figure_set(&figures->broker, stats->connected ? stats->number + 1 : 0);
    figure_set(&figures->broker_connections, stats->connections);
    figure_set(&figures->acked_seq, stats->acked);
    figure_set(&figures->parked[PARKED_EVENTS], stats->parked.events - b->config.parked);
    figure_set(&figures->parked[PARKED_RETAINED], stats->parked.retained);
    figure_set(&figures->parked[PARKED_ANSWERS], stats->parked.answers);
    figure_set(&figures->parked[PARKED_REPLAYS], stats->parked.replays);
    figure_set(&figures->parked[PARKED_AGENT], stats->parked.agent);
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
    pthread_mutex_init(&b->lock, NULL);
    buf_init(&b->uncarried, SIZE_MAX);
    b->clock = clock;
    clock_turn_init(&b->turn, clock);
    b->source = *source;
    b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->log = *log_used();
    if (b->wake < 0 || !kept_config(&b->config, config) || create_inlets(b) != STUDIO_OK)
        goto no_memory;
    if (b->config.cert_file && !b->config.key_file &&
        !(b->config.key_file = strdup(b->config.cert_file)))
        goto no_memory;
    err = check_config(config, &b->topics, error);
    if (err == STUDIO_OK)
        err = brokers_init(&b->brokers, config, error);
    if (err != STUDIO_OK)
        goto fail;
    b->info = print_info(b, config);
    if (!b->info || !create_links(b) ||
        commands_init(&b->commands, &b->topics, &b->source, &b->answers, &b->replays,
                      b->links[LINK_IN]) != STUDIO_OK)
        goto no_memory;
    if (create_relay(b) != STUDIO_OK)
        goto no_memory;
    b->config.memo = NULL;
    b->stats.acked = config->acked;
    b->stats.parked.events = config->parked;
    show_figures(b);
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
    bool stop, quiesce, again, dropped, lost;

    pthread_mutex_lock(&b->lock);
    stop = b->stop;
    dropped = b->dropped;
    lost = b->lost;
    quiesce = b->quiesce;
    again = b->again;
    b->again = false;
    pthread_mutex_unlock(&b->lock);
    if (again)
        relay_again(&b->relay);
    if (quiesce)
        relay_quiesce(&b->relay);
    if (dropped)
        relay_drop(&b->relay, lost);
    else if (stop)
        relay_stop(&b->relay);
}

static void publish_stats(struct bridge *b, bool commands_handed_over)
{
    figure_set(&b->source.figures->waiting_since, (uint64_t)relay_waiting_since(&b->relay));
    pthread_mutex_lock(&b->lock);
    relay_get_stats(&b->relay, &b->stats);
    buf_clear(&b->uncarried);
    relay_print_uncarried(&b->relay, &b->uncarried);
    show_figures(b);
    b->quiet = relay_quiet(&b->relay) && commands_handed_over;
    pthread_mutex_unlock(&b->lock);
}

static void wake(struct bridge *b)
{
    if (atomic_exchange(&b->wakefulness, TOLD) == ASLEEP)
        (void)eventfd_write(b->wake, 1);
}

/* Sleeps until a link or another thread has something, or `timeout` ms have passed. */
static void wait(struct bridge *b, int64_t timeout, bool ready[LINK_COUNT])
{
    struct pollfd fds[LINK_COUNT + 1] = {{.fd = b->wake, .events = POLLIN}};
    int awake = AWAKE;
    eventfd_t count;

    for (size_t i = 0; i < LINK_COUNT; i++) {
        bool writing;

        fds[1 + i].fd = link_process_fd(b->links[i], &writing);
        fds[1 + i].events = (short)(POLLIN | (writing ? POLLOUT : 0));
    }
    if (timeout < 0 || !atomic_compare_exchange_strong(&b->wakefulness, &awake, ASLEEP))
        timeout = 0;
    (void)poll(fds, LINK_COUNT + 1, timeout < INT_MAX ? (int)timeout : INT_MAX);
    for (size_t i = 0; i < LINK_COUNT; i++)
        ready[i] = fds[1 + i].fd >= 0 && fds[1 + i].revents;
    if (fds[0].revents)
        (void)eventfd_read(b->wake, &count);
    (void)atomic_exchange(&b->wakefulness,
                          AWAKE); /* what was handed over before is looked at now */
}

/* What the links have to say, to relay and commands. Returns when to call again at the latest. */
static int64_t step_links(struct bridge *b, const bool ready[LINK_COUNT])
{
    int64_t deadline = INT64_MAX;

    for (size_t i = 0; i < LINK_COUNT; i++)
        deadline = clock_earlier(deadline, link_process_step(b->links[i], ready[i]));
    return deadline;
}

static void *run(void *arg)
{
    struct bridge *b = arg;
    bool ready[LINK_COUNT] = {false};

    log_use(&b->log);
    while (!relay_ended(&b->relay)) {
        int64_t links, deadline;
        bool handed_over;

        clock_turn_begin(&b->turn);
        links = step_links(b, ready);
        handed_over = commands_step(&b->commands);
        follow_wishes(b);
        deadline = clock_earlier(links, relay_step(&b->relay));
        publish_stats(b, handed_over);
        for (size_t i = 0; i < LINK_COUNT; i++)
            link_process_flush(b->links[i]);
        if (!relay_ended(&b->relay))
            wait(b, deadline - clock_mono(b->clock), ready);
    }
    destroy_links(b); /* on the thread that started them: they die with it */
    return NULL;
}

enum studio_err bridge_start(struct bridge *b)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all); /* signals are the net thread's */
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
    wake(b);
}

void bridge_again(struct bridge *b)
{
    pthread_mutex_lock(&b->lock);
    b->again = true;
    pthread_mutex_unlock(&b->lock);
    wake(b);
}

bool bridge_quiet(struct bridge *b)
{
    bool quiet;

    pthread_mutex_lock(&b->lock);
    quiet = b->quiet || !b->started;
    pthread_mutex_unlock(&b->lock);
    return quiet;
}

void bridge_stop(struct bridge *b)
{
    if (!b || !b->started)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_mutex_unlock(&b->lock);
    wake(b);
    pthread_join(b->thread, NULL);
    b->started = false;
}

void bridge_drop(struct bridge *b, bool lost)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->dropped = true;
    b->lost = lost;
    pthread_mutex_unlock(&b->lock);
    wake(b);
}

void bridge_destroy(struct bridge *b)
{
    if (!b)
        return;
    bridge_stop(b);
    free_bridge(b);
}

/* --- from the net thread --------------------------------------------------------------------- */

bool bridge_committed(struct bridge *b, struct studio_event *const *events, size_t n,
                      struct studio_snapshot *const *snapshots, size_t m)
{
    bool taken = mirror_tables(b->mirror, snapshots, m) == STUDIO_OK;

    feed_add(&b->feed, events, n);
    wake(b);
    return taken;
}

void bridge_presence(struct bridge *b, const char *table_id, const char *json)
{
    if (mirror_presence(b->mirror, table_id, json) != STUDIO_OK)
        log_error("bridge", "no memory for the presence of table %s", table_id);
    wake(b);
}

void bridge_answer(struct bridge *b, struct bridge_command *command, const char *json, size_t len)
{
    commands_answer(&b->commands, command, json, len);
    wake(b);
}

void bridge_replay(struct bridge *b, struct bridge_command *command,
                   const struct studio_replay *replay)
{
    commands_replay(&b->commands, command, replay);
    wake(b);
}

void bridge_print_health(struct bridge *b, struct buf *out)
{
    pthread_mutex_lock(&b->lock);
    announce_stats(out, b->source.figures, &b->stats, &b->uncarried, b->clock);
    pthread_mutex_unlock(&b->lock);
}

void bridge_get_stats(struct bridge *b, struct bridge_stats *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->stats;
    pthread_mutex_unlock(&b->lock);
}
