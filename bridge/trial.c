#include "trial.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brokers.h"
#include "dial.h"
#include "link_process.h"
#include "topics.h"

enum { CONNECT_MS = 20000, ANSWER_MS = 5000, SLOT = 0 };

struct trial {
    struct link *link;
    const struct bridge_config *config;
    char client_id[STUDIO_USER_ID_MAX + 32];
    char topic[TOPIC_MAX];
    uint64_t generation;
    struct trial_result result;
    bool ended; /* there is no connection, or none any more */
    bool done;  /* what was sent last has its answer: */
    int reason;
};

static void on_event(void *ctx, const struct link_event *event)
{
    struct trial *t = ctx;

    if (event->generation != t->generation)
        return;
    switch (event->kind) {
    case LINK_UP:
        t->result.connected = true;
        t->result.limits = event->limits;
        break;
    case LINK_FAILED:
    case LINK_LOST:
        t->ended = true;
        t->reason = event->reason;
        snprintf(t->result.text, sizeof(t->result.text), "%s",
                 dial_reason(event->reason) ? dial_reason(event->reason) : event->text);
        break;
    case LINK_DONE:
        t->done = true;
        t->reason = event->reason;
        break;
    case LINK_HEARD:
        t->result.heard = true;
        break;
    case LINK_ECHO:
    case LINK_CLOSED:
        break;
    }
}

/* Until *flag is set. False: the connection has ended, or time is up. */
static bool wait_for(struct trial *t, const bool *flag, int64_t ms)
{
    const struct clock *clock = clock_system();
    const int64_t until = clock_mono(clock) + ms;
    int64_t now, next = 0;

    while (!*flag && !t->ended && (now = clock_mono(clock)) < until) {
        bool writing;
        link_process_flush(t->link);
        struct pollfd fd = {.fd = link_process_fd(t->link, &writing)};
        fd.events = (short)(POLLIN | (writing ? POLLOUT : 0));
        int64_t wait = clock_earlier(next, until) - now;
        int ready = poll(&fd, 1, wait > 0 ? (int)wait : 0);
        next = link_process_step(t->link, ready > 0 && (fd.revents & ~POLLOUT));
    }
    return *flag;
}

static void connect_once(struct trial *t, const struct broker *broker, int version)
{
    const struct bridge_config *config = t->config;
    const struct login *login = broker_login(broker, false);
    char password[BROKER_PASSWORD_MAX];
    const struct link_target target = {
        .uri = broker->uri,
        .client_id = t->client_id,
        .username = login->username,
        .password = broker_password(broker, login, password),
        .ca_file = config->ca_file,
        .cert_file = config->cert_file,
        .key_file = config->key_file,
        .keepalive_s = config->keepalive_s,
        .mqtt_version = version,
        .clean = true,
    };

    t->ended = false;
    t->generation++;
    t->ended = !t->link->ops->connect(t->link, t->generation, &target, t->result.text);
    explicit_bzero(password, sizeof(password));
    if (!wait_for(t, &t->result.connected, CONNECT_MS) && !t->result.text[0])
        snprintf(t->result.text, sizeof(t->result.text), "nobody answers");
}

/* An older broker may refuse 5, or just hang up on it. */
static void connect_in_any_version(struct trial *t, const struct broker *broker)
{
    enum { REFUSED_VERSION = 0x84, REFUSED_VERSION_3 = 1 };
    const int64_t began = clock_mono(clock_system());

    connect_once(t, broker, t->config->mqtt_version);
    if (!t->result.connected && t->config->mqtt_version == 5 &&
        (t->reason == REFUSED_VERSION || t->reason == REFUSED_VERSION_3))
        connect_once(t, broker, 4);
    t->result.took_ms = clock_mono(clock_system()) - began;
}

/* What was sent is answered; false: refused, or there is no answer. */
static bool answered(struct trial *t, bool sent)
{
    if (sent && wait_for(t, &t->done, ANSWER_MS) && t->reason == 0)
        return true;
    t->result.reason = t->done ? t->reason : 0;
    return false;
}

/* A message that is not what the topic is said to hold is reported as heard. */
static void send_to_itself(struct trial *t)
{
    static const char payload[] = "a message of studio-agent doctor to itself";
    const char *filter = t->topic;
    const struct link_message message = {
        .topic = t->topic, .payload = payload, .len = sizeof(payload) - 1, .plain = true};

    t->done = false;
    t->result.subscribed =
        answered(t, t->link->ops->subscribe(t->link, SLOT, &filter, 1, LINK_WATCH_OWN, "-"));
    if (!t->result.subscribed)
        return;
    t->done = false;
    t->result.published = answered(t, t->link->ops->publish(t->link, SLOT, &message));
    if (t->result.published)
        (void)wait_for(t, &t->result.heard, ANSWER_MS);
}

static void try_broker(struct trial *t, const struct broker *broker)
{
    static const bool never = false;

    t->result = (struct trial_result){.broker = broker->name};
    snprintf(t->result.topic, sizeof(t->result.topic), "%.255s", t->topic);
    connect_in_any_version(t, broker);
    if (t->result.connected)
        send_to_itself(t);
    if (t->result.connected && !t->ended && t->link->ops->disconnect(t->link, false))
        (void)wait_for(t, &never, 100);
    t->link->ops->close(t->link);
}

enum studio_err trial_run(const struct bridge_config *config, trial_fn *tell, void *ctx,
                          struct studio_error *error)
{
    struct trial t = {.config = config};
    struct brokers brokers;
    struct topics topics;
    const struct link_options options = {.id = LINK_PROBE,
                                         .program = config->link_program,
                                         .agent_id = config->agent_id,
                                         .epoch = "",
                                         .clock = clock_system(),
                                         .on_event = on_event,
                                         .ctx = &t};
    enum studio_err err = brokers_init(&brokers, config, error);

    if (err == STUDIO_OK &&
        (!topics_init(&topics, config->topic_root, config->agent_id, config->topic_escape) ||
         !topics_agent(&topics, TOPIC_CHECK, "doctor", t.topic)))
        err = studio_error_set(error, STUDIO_ERR_USAGE, ": mqtt.topic_root or mqtt.agent_id");
    snprintf(t.client_id, sizeof(t.client_id), "studio-agent-%s-doctor", config->agent_id);
    if (err == STUDIO_OK && !(t.link = link_process_create(&options)))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    for (size_t i = 0; err == STUDIO_OK && i < brokers.count; i++) {
        try_broker(&t, &brokers.list[i]);
        tell(ctx, &t.result);
    }
    if (t.link)
        link_process_destroy(t.link);
    brokers_finish(&brokers);
    return err;
}
