#include "connection.h"

#include <stdio.h>
#include <string.h>

static void set_state(struct connection *s, enum connection_state state, int64_t now_ms)
{
    s->state = state;
    s->since_ms = now_ms;
}

void connection_init(struct connection *s, struct link *link, enum link_id id,
                     const struct topics *topics, const struct bridge_config *config)
{
    static const char *const ends[LINK_COUNT] = {
        [LINK_OUT] = "", [LINK_IN] = "-in", [LINK_PROBE] = "-probe"};

    *s = (struct connection){.link = link, .id = id, .config = config};
    snprintf(s->client_id, sizeof(s->client_id), "studio-agent-%s%s", topics->agent, ends[id]);
}

void connection_close(struct connection *s, int64_t now_ms)
{
    s->link->ops->close(s->link);
    set_state(s, CONNECTION_IDLE, now_ms);
}

bool connection_connect(struct connection *s, const struct broker *broker,
                        struct link_target wanted, int64_t now_ms, char text[LINK_TEXT_MAX])
{
    char password[BROKER_PASSWORD_MAX];
    bool started;

    wanted.uri = broker->uri;
    wanted.client_id = s->client_id;
    wanted.username = broker->username;
    wanted.password = broker_password(broker, password);
    wanted.ca_file = s->config->ca_file;
    if (wanted.keepalive_s == 0)
        wanted.keepalive_s = s->config->keepalive_s;
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

enum connection_news connection_event(struct connection *s, const struct link_event *event,
                                      int64_t now_ms)
{
    bool connected = s->state == CONNECTION_UP || s->state == CONNECTION_LEAVING;

    if (event->link != s->id || event->generation != s->generation || s->state == CONNECTION_IDLE)
        return CONNECTION_NOTHING;
    switch (event->kind) {
    case LINK_UP:
        if (connected)
            break;
        set_state(s, CONNECTION_UP, now_ms);
        return CONNECTION_CAME_UP;
    case LINK_FAILED:
        if (connected)
            break;
        connection_close(s, now_ms);
        return CONNECTION_FAILED;
    case LINK_LOST:
    case LINK_CLOSED:
        if (!connected)
            break;
        connection_close(s, now_ms);
        return CONNECTION_ENDED;
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
