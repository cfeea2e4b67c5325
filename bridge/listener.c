#include "listener.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { NEVER_MS = 3600 * 1000, SUBSCRIBE_SLOT = 0, TAKEN_OVER = 0x8e };

void listener_init(struct listener *s, const struct listener_options *options)
{
    memset(s, 0, sizeof(*s));
    s->o = *options;
    delay_init(&s->delay, options->random, options->random_ctx);
}

static void drop(struct listener *s, int64_t now_ms, int64_t wait)
{
    s->o.link->ops->close(s->o.link);
    s->state = LISTENER_IDLE;
    s->due_ms = now_ms + wait;
}

static void close_for_good(struct listener *s)
{
    s->o.link->ops->close(s->o.link);
    s->state = LISTENER_CLOSED;
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

static void ended(struct listener *s, const struct link_event *event, int64_t now_ms)
{
    int64_t wait;

    if (s->state == LISTENER_OPEN)
        delay_ended(&s->delay, now_ms - s->since_ms);
    wait = delay_next(&s->delay);
    say(s, event->text, event->reason);
    s->taken_over = event->reason == TAKEN_OVER;
    drop(s, now_ms, s->taken_over ? LISTENER_SLOW_MS + wait : wait);
}

void listener_hurry(struct listener *s, int64_t now_ms)
{
    if (s->state == LISTENER_IDLE && !s->taken_over && s->due_ms > now_ms)
        s->due_ms = now_ms;
}

static void subscribe(struct listener *s, int64_t now_ms)
{
    char set[TOPIC_MAX], replay[TOPIC_MAX];

    s->subscribe_ms = now_ms + LISTENER_SUBSCRIBE_MS;
    if (topics_filter_set(s->o.topics, set) && topics_filter_replay(s->o.topics, replay))
        s->o.link->ops->subscribe(s->o.link, SUBSCRIBE_SLOT, (const char *const[]){set, replay}, 2,
                                  NULL);
}

void listener_event(struct listener *s, const struct link_event *event, int64_t now_ms)
{
    if (event->link != LINK_IN || event->generation != s->generation || s->state == LISTENER_IDLE ||
        s->state == LISTENER_CLOSED)
        return;
    switch (event->kind) {
    case LINK_UP:
        s->state = LISTENER_OPEN;
        s->since_ms = now_ms;
        s->subscribed = false;
        s->nudges = event->limits.session && event->limits.mqtt_version == 5 ? LISTENER_NUDGES : 0;
        s->clean = false;
        subscribe(s, now_ms);
        break;
    case LINK_FAILED:
    case LINK_LOST:
    case LINK_CLOSED:
        if (s->state == LISTENER_CLOSING)
            close_for_good(s);
        else
            ended(s, event, now_ms);
        break;
    case LINK_DONE:
        if (s->state != LISTENER_OPEN)
            break;
        if (event->reason == 0 && !s->subscribed)
            log_info("bridge", "taking commands from %s", s->broker->name);
        s->subscribed = event->reason == 0;
        if (s->subscribed) {
            s->said[0] = '\0';
            if (s->nudges > 0) {
                s->nudges--;
                subscribe(s, now_ms);
            }
        } else if (event->reason > 0) {
            say(s, "it refuses the subscription: check the broker's access list", event->reason);
            s->subscribe_ms = now_ms + LISTENER_SLOW_MS;
        }
        break;
    case LINK_HEARD:
        break;
    }
}

static void connect_now(struct listener *s, const struct broker *broker, int mqtt_version,
                        int64_t now_ms)
{
    char client_id[STUDIO_USER_ID_MAX + 24], text[LINK_TEXT_MAX] = "";
    struct link_target target = {.uri = broker->uri,
                                 .client_id = client_id,
                                 .username = broker->username,
                                 .password = broker->password,
                                 .ca_file = s->o.config->ca_file,
                                 .keepalive_s = s->o.config->keepalive_s,
                                 .mqtt_version = mqtt_version,
                                 .session_expiry_s = s->o.config->session_expiry_s};

    if (s->broker && s->broker != broker)
        s->clean = true; /* until it has come up there once */
    s->broker = broker;
    target.clean = s->clean;
    snprintf(client_id, sizeof(client_id), "studio-agent-%s-in", s->o.topics->agent);
    s->state = LISTENER_CONNECTING;
    s->due_ms = now_ms + LISTENER_CONNECT_MS;
    s->generation++;
    if (s->o.link->ops->connect(s->o.link, s->generation, &target, text))
        return;
    say(s, text, 0);
    drop(s, now_ms, delay_next(&s->delay));
}

int64_t listener_step(struct listener *s, const struct broker *broker, int mqtt_version,
                      int64_t now_ms)
{
    if (s->state >= LISTENER_CLOSING)
        return now_ms + NEVER_MS;
    if (broker && s->broker && broker != s->broker && s->state != LISTENER_IDLE)
        drop(s, now_ms, 0);
    if (s->state == LISTENER_CONNECTING && now_ms >= s->due_ms) {
        say(s, "no answer", 0);
        drop(s, now_ms, delay_next(&s->delay));
    }
    if (s->state == LISTENER_IDLE && broker && now_ms >= s->due_ms)
        connect_now(s, broker, mqtt_version, now_ms);
    if (s->state == LISTENER_OPEN && !s->subscribed && now_ms >= s->subscribe_ms)
        subscribe(s, now_ms);
    if (s->state == LISTENER_OPEN)
        return s->subscribed ? now_ms + NEVER_MS : s->subscribe_ms;
    if (s->state == LISTENER_CONNECTING || broker)
        return s->due_ms;
    return now_ms + NEVER_MS;
}

void listener_close(struct listener *s)
{
    if (s->state >= LISTENER_CLOSING)
        return;
    if (s->state == LISTENER_OPEN && s->o.link->ops->disconnect(s->o.link, false))
        s->state = LISTENER_CLOSING;
    else
        close_for_good(s);
}

bool listener_quiet(const struct listener *s)
{
    return s->state == LISTENER_CLOSED;
}
