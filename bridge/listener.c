#include "listener.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { SUBSCRIBE_SLOT = 0, TAKEN_OVER = 0x8e };

void listener_init(struct listener *s, const struct listener_options *options)
{
    *s = (struct listener){.o = *options};
    connection_init(&s->connection, options->link, LINK_IN, options->topics, options->config,
                    options->lessons);
}

/* Each reason once in a row. */
static void say(struct listener *s, const char *text, int reason)
{
    char line[LINK_TEXT_MAX];

    snprintf(line, sizeof(line), "%d %.100s", reason, text);
    if (strcmp(line, s->said) == 0)
        return;
    snprintf(s->said, sizeof(s->said), "%s", line);
    if (reason == TAKEN_OVER)
        log_error("bridge",
                  "no commands from %s: the session was taken over: another client uses the client "
                  "id studio-agent-%s-in; give each agent its own mqtt.agent_id",
                  s->broker->name, s->o.topics->agent);
    else if (reason)
        log_warn("bridge", "no commands from %s for now: %s (reason 0x%02x)", s->broker->name, text,
                 (unsigned)reason);
    else
        log_warn("bridge", "no commands from %s for now: %s", s->broker->name, text);
}

/* Not before a wait that grows, longer if another client has taken the session over. */
static void try_later(struct listener *s, const char *text, int reason, int64_t now_ms)
{
    int64_t wait = backoff_next(&s->backoff, s->o.random(s->o.random_ctx));

    say(s, text, reason);
    s->taken_over = reason == TAKEN_OVER;
    s->due_ms = now_ms + (s->taken_over ? LISTENER_SLOW_MS : 0) + wait;
}

void listener_hurry(struct listener *s, int64_t now_ms)
{
    if (s->connection.state == CONNECTION_IDLE && !s->taken_over && s->due_ms > now_ms)
        s->due_ms = now_ms;
}

static void subscribe(struct listener *s, int64_t now_ms)
{
    char set[TOPIC_MAX], replay[TOPIC_MAX];

    s->subscribe_ms = now_ms + LISTENER_SUBSCRIBE_MS;
    if (topics_filter_set(s->o.topics, set) && topics_filter_replay(s->o.topics, replay))
        s->o.link->ops->subscribe(s->o.link, SUBSCRIBE_SLOT, (const char *const[]){set, replay}, 2,
                                  LINK_WATCH_COMMANDS, NULL);
}

static void came_up(struct listener *s, const struct link_limits *limits, int64_t now_ms)
{
    s->up_ms = now_ms;
    s->subscribed = false;
    s->nudges = limits->session && limits->mqtt_version == 5 ? LISTENER_NUDGES : 0;
    s->clean = false;
    subscribe(s, now_ms);
}

static void subscription_done(struct listener *s, int reason, int64_t now_ms)
{
    if (reason == 0 && !s->subscribed)
        log_info("bridge", "taking commands from %s", s->broker->name);
    s->subscribed = reason == 0;
    if (s->subscribed) {
        s->said[0] = '\0';
        if (s->nudges > 0) {
            s->nudges--;
            subscribe(s, now_ms);
        }
    } else if (reason > 0) {
        say(s, "it refuses the subscription: check the broker's access list", reason);
        s->subscribe_ms = now_ms + LISTENER_SLOW_MS;
    }
}

/* On MQTT 3.1.1 this connection would keep no session: it has thrown away what there was, and is made again. */
static enum connection_news discarded(struct listener *s, int64_t now_ms)
{
    s->clean = false;
    s->discarding = connection_leave(&s->connection, false, now_ms);
    s->due_ms = now_ms;
    return s->discarding ? CONNECTION_NOTHING : CONNECTION_AGAIN;
}

enum connection_news listener_event(struct listener *s, const struct link_event *event,
                                    int64_t now_ms)
{
    enum connection_news news = connection_event(&s->connection, event, now_ms);

    if (news == CONNECTION_CAME_UP && s->clean && event->limits.mqtt_version != 5)
        return discarded(s, now_ms);
    if (news == CONNECTION_ENDED && s->discarding)
        news = CONNECTION_AGAIN;
    switch (news) {
    case CONNECTION_CAME_UP:
        came_up(s, &event->limits, now_ms);
        break;
    case CONNECTION_ENDED:
        backoff_ended(&s->backoff, now_ms - s->up_ms);
        /* fall through */
    case CONNECTION_FAILED:
        if (!s->closing)
            try_later(s, event->text, event->reason, now_ms);
        break;
    case CONNECTION_AGAIN:
        s->due_ms = now_ms;
        break;
    case CONNECTION_DONE:
        if (!s->closing)
            subscription_done(s, event->reason, now_ms);
        break;
    case CONNECTION_HEARD:
    case CONNECTION_ECHOED:
    case CONNECTION_NOTHING:
        break;
    }
    return news;
}

void listener_give_in(struct listener *s, int64_t now_ms)
{
    if (!s->broker)
        return;
    s->off[s->broker->number] = true;
    connection_close(&s->connection, now_ms);
    log_error("bridge",
              "no commands from %s any more: our connections end each other, as it takes the user "
              "name for the client id (Mosquitto: use_username_as_clientid); give commands a login "
              "of their own (mqtt.command_username) and restart; the mirror goes on",
              s->broker->name);
}

const char *listener_state(const struct listener *s)
{
    if (s->connection.state == CONNECTION_UP && s->subscribed)
        return "on";
    return s->broker && s->off[s->broker->number] ? "off" : "waiting";
}

static void connect_now(struct listener *s, const struct broker *broker, int mqtt_version,
                        int64_t now_ms)
{
    struct link_target target = {.mqtt_version = mqtt_version,
                                 .session_expiry_s = s->o.config->session_expiry_s};
    char text[LINK_TEXT_MAX];

    if (s->broker && s->broker != broker)
        s->clean = true; /* until it has come up there once */
    s->broker = broker;
    s->discarding = false;
    target.clean = s->clean;
    if (!connection_connect(&s->connection, broker, target, now_ms, text))
        try_later(s, text, 0, now_ms);
}

int64_t listener_step(struct listener *s, const struct broker *broker, int mqtt_version,
                      int64_t now_ms)
{
    const struct connection *connection = &s->connection;

    if (s->closing)
        return INT64_MAX;
    if (broker && s->broker && broker != s->broker && connection->state != CONNECTION_IDLE) {
        connection_close(&s->connection, now_ms);
        s->due_ms = now_ms;
    }
    if (broker && s->off[broker->number])
        return INT64_MAX;
    if (connection_overdue(&s->connection, now_ms))
        try_later(s, "no answer", 0, now_ms);
    if (connection->state == CONNECTION_IDLE && broker && now_ms >= s->due_ms)
        connect_now(s, broker, mqtt_version, now_ms);
    if (connection->state == CONNECTION_UP && !s->subscribed && now_ms >= s->subscribe_ms)
        subscribe(s, now_ms);
    if (connection->state == CONNECTION_UP)
        return s->subscribed ? INT64_MAX : s->subscribe_ms;
    if (connection->state == CONNECTION_IDLE)
        return broker ? s->due_ms : INT64_MAX;
    return connection_deadline(connection);
}

void listener_close(struct listener *s, int64_t now_ms)
{
    if (s->closing)
        return;
    s->closing = true;
    if (s->connection.state != CONNECTION_UP)
        connection_close(&s->connection, now_ms);
    else
        connection_leave(&s->connection, false, now_ms);
}

bool listener_quiet(const struct listener *s)
{
    return s->closing && s->connection.state == CONNECTION_IDLE;
}
