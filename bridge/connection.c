#include "connection.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void set_state(struct connection *s, enum connection_state state, int64_t now_ms)
{
    s->state = state;
    s->since_ms = now_ms;
}

void connection_init(struct connection *s, struct link *link, enum link_id id,
                     const struct topics *topics, const struct bridge_config *config,
                     struct lessons *lessons)
{
    static const char *const ends[LINK_COUNT] = {
        [LINK_OUT] = "", [LINK_IN] = "-in", [LINK_PROBE] = "-probe"};

    *s = (struct connection){.link = link, .id = id, .config = config, .lessons = lessons};
    snprintf(s->client_id, sizeof(s->client_id), "studio-agent-%s%s", topics->agent, ends[id]);
}

void connection_close(struct connection *s, int64_t now_ms)
{
    s->link->ops->close(s->link);
    s->again = false;
    set_state(s, CONNECTION_IDLE, now_ms);
}

static unsigned keepalive(const struct connection *s, const struct broker *broker,
                          unsigned wanted_s)
{
    unsigned ours = wanted_s ? wanted_s : s->config->keepalive_s;
    unsigned most = s->lessons->keepalive_max[broker->number];

    return most && most < ours ? most : ours;
}

bool connection_connect(struct connection *s, const struct broker *broker,
                        struct link_target wanted, int64_t now_ms, char text[LINK_TEXT_MAX])
{
    const struct login *login = broker_login(broker, s->id == LINK_IN);
    char password[BROKER_PASSWORD_MAX];
    bool started;

    wanted.uri = broker->uri;
    wanted.last = s->lessons->last[broker->number];
    wanted.client_id = s->client_id;
    wanted.username = login->username;
    wanted.password = broker_password(broker, login, password);
    wanted.ca_file = s->config->ca_file;
    wanted.cert_file = s->config->cert_file;
    wanted.key_file = s->config->key_file;
    wanted.keepalive_s = keepalive(s, broker, wanted.keepalive_s);
    s->broker = broker;
    s->keepalive_s = wanted.keepalive_s;
    s->again = false;
    text[0] = '\0';
    s->generation++;
    set_state(s, CONNECTION_CONNECTING, now_ms);
    started = s->link->ops->connect(s->link, s->generation, &wanted, text);
    explicit_bzero(password, sizeof(password));
    if (started)
        return true;
    connection_close(s, now_ms);
    return false;
}

/* Remembers what the broker wants, and leaves. */
static enum connection_news come_again(struct connection *s, unsigned keepalive_s, int64_t now_ms)
{
    s->lessons->keepalive_max[s->broker->number] = keepalive_s;
    log_write(s->id == LINK_OUT ? LOG_INFO : LOG_DEBUG, "bridge",
              "%s wants a sign of life every %u s: connecting again with that (mqtt.keepalive is "
              "%u)",
              s->broker->name, keepalive_s, s->keepalive_s);
    s->again = true;
    if (s->link->ops->disconnect(s->link, false))
        return CONNECTION_NOTHING;
    connection_close(s, now_ms);
    return CONNECTION_AGAIN;
}

/* The attempt ended so: another address of the broker's name may do better. */
static bool elsewhere(int reason)
{
    static const unsigned char reasons[] = {0, 3, 0x88, 0x89}; /* no answer, not available, busy */

    return reason <= UINT8_MAX && memchr(reasons, reason, sizeof(reasons));
}

enum connection_news connection_event(struct connection *s, const struct link_event *event,
                                      int64_t now_ms)
{
    bool connected = s->state == CONNECTION_UP || s->state == CONNECTION_LEAVING;

    if (event->link != s->id || event->generation != s->generation || s->state == CONNECTION_IDLE)
        return CONNECTION_NOTHING;
    switch (event->kind) {
    case LINK_UP:
        if (connected || s->again)
            break;
        lessons_address_answered(s->lessons, s->broker->number, event->address);
        memcpy(s->address, event->address, sizeof(s->address));
        if (event->limits.keepalive_s > 0 && event->limits.keepalive_s < s->keepalive_s)
            return come_again(s, event->limits.keepalive_s, now_ms);
        set_state(s, CONNECTION_UP, now_ms);
        return CONNECTION_CAME_UP;
    case LINK_FAILED:
        if (connected)
            break;
        if (elsewhere(event->reason))
            lessons_address_failed(s->lessons, s->broker->number, event->address);
        connection_close(s, now_ms);
        return CONNECTION_FAILED;
    case LINK_LOST:
    case LINK_CLOSED:
        if (!connected && !s->again)
            break;
        connection_close(s, now_ms);
        return connected ? CONNECTION_ENDED : CONNECTION_AGAIN;
    case LINK_DONE:
        return connected ? CONNECTION_DONE : CONNECTION_NOTHING;
    case LINK_HEARD:
        return connected ? CONNECTION_HEARD : CONNECTION_NOTHING;
    case LINK_ECHO:
        return connected ? CONNECTION_ECHOED : CONNECTION_NOTHING;
    }
    return CONNECTION_NOTHING;
}

int64_t connection_deadline(const struct connection *s)
{
    return s->state == CONNECTION_CONNECTING ? s->since_ms + CONNECTION_CONNECT_MS : INT64_MAX;
}

bool connection_overdue(struct connection *s, int64_t now_ms)
{
    if (now_ms < connection_deadline(s))
        return false;
    connection_close(s, now_ms);
    return true;
}

bool connection_leave(struct connection *s, bool will, int64_t now_ms)
{
    if (s->link->ops->disconnect(s->link, will)) {
        set_state(s, CONNECTION_LEAVING, now_ms);
        return true;
    }
    connection_close(s, now_ms);
    return false;
}
