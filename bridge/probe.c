#include "probe.h"

#include "base/log.h"

void probe_init(struct probe *p, struct link *link, const struct topics *topics,
                const struct bridge_config *config, struct lessons *lessons,
                const struct brokers *brokers, const int *mqtt_version)
{
    *p = (struct probe){.brokers = brokers, .mqtt_version = mqtt_version};
    connection_init(&p->connection, link, LINK_PROBE, topics, config, lessons);
}

/* The next preferred one has its turn, the most preferred again after all of them. */
static void rest(struct probe *p, int64_t now_ms)
{
    p->target++;
    p->due_ms = now_ms + PROBE_REST_MS;
}

void probe_event(struct probe *p, const struct link_event *event, int64_t now_ms)
{
    switch (connection_event(&p->connection, event, now_ms)) {
    case CONNECTION_CAME_UP:
        p->due_ms = now_ms + PROBE_HOLD_MS;
        if (event->limits.receive_max > 0 && !p->asking)
            break;
        p->speaks_5 = p->asking;
        connection_close(&p->connection, now_ms);
        /* fall through */
    case CONNECTION_FAILED:
    case CONNECTION_ENDED:
        rest(p, now_ms);
        break;
    case CONNECTION_AGAIN:
        p->due_ms = now_ms;
        break;
    case CONNECTION_DONE:
    case CONNECTION_HEARD:
    case CONNECTION_ECHOED:
    case CONNECTION_NOTHING:
        break;
    }
}

void probe_shun(struct probe *p, size_t broker, int64_t lasted_ms, int64_t now_ms)
{
    int64_t *wait = &p->shun_ms[broker];

    if (*wait == 0 || lasted_ms > *wait)
        *wait = PROBE_SHUN_MS;
    else
        *wait = 2 * *wait < PROBE_SHUN_MAX_MS ? 2 * *wait : PROBE_SHUN_MAX_MS;
    p->shunned_ms[broker] = now_ms + *wait;
}

bool probe_speaks_5(struct probe *p)
{
    bool news = p->speaks_5;

    p->speaks_5 = false;
    return news;
}

/* The preferred ones one by one, then the one in use if it is to be asked. False: nobody for now. */
static bool next_target(struct probe *p, size_t current, bool ask, int64_t now_ms)
{
    bool asked = ask && now_ms >= p->ask_ms;

    if (p->target > current || (p->target == current && !asked))
        p->target = 0;
    p->asking = p->target == current;
    return !p->asking || asked;
}

static void connect_now(struct probe *p, size_t current, bool ask, int64_t now_ms)
{
    struct link_target target = {.keepalive_s = PROBE_KEEPALIVE_S, .clean = true};
    char text[LINK_TEXT_MAX];

    if (!next_target(p, current, ask, now_ms)) {
        p->due_ms = p->ask_ms;
        return;
    }
    target.mqtt_version = p->asking ? 5 : p->mqtt_version[p->target];
    if (p->asking)
        p->ask_ms = now_ms + PROBE_ASK_MS;
    if (!p->asking && now_ms < p->shunned_ms[p->target])
        rest(p, now_ms);
    else if (!connection_connect(&p->connection, &p->brokers->list[p->target], target, now_ms,
                                 text))
        rest(p, now_ms);
}

static void turn(struct probe *p, bool on, int64_t now_ms)
{
    if (p->connection.state != CONNECTION_IDLE)
        connection_close(&p->connection, now_ms);
    p->on = on;
    p->target = 0;
    p->due_ms = p->ask_ms = now_ms + PROBE_REST_MS;
    p->speaks_5 = false;
}

int64_t probe_step(struct probe *p, size_t current, bool online, bool ask, int64_t now_ms,
                   size_t *back)
{
    bool wanted = online && (current > 0 || ask);

    *back = current;
    if (wanted != p->on)
        turn(p, wanted, now_ms);
    if (!p->on)
        return INT64_MAX;
    if (connection_overdue(&p->connection, now_ms))
        rest(p, now_ms);
    if (p->connection.state == CONNECTION_IDLE && now_ms >= p->due_ms)
        connect_now(p, current, ask, now_ms);
    if (p->connection.state == CONNECTION_UP && now_ms >= p->due_ms) {
        log_info("bridge", "%s has answered for %d s: going back to it",
                 p->brokers->list[p->target].name, PROBE_HOLD_MS / 1000);
        *back = p->target;
        connection_close(&p->connection, now_ms);
        rest(p, now_ms);
    }
    return p->connection.state == CONNECTION_CONNECTING ? connection_deadline(&p->connection)
                                                        : p->due_ms;
}
