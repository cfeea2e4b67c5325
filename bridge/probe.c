#include "probe.h"

#include <stdio.h>

#include "base/log.h"

enum { NEVER_MS = 3600 * 1000 };

void probe_init(struct probe *p, struct link *link, const struct topics *topics,
                const struct brokers *brokers, const char *ca_file, const int *mqtt_version)
{
    *p = (struct probe){.link = link,
                        .topics = topics,
                        .brokers = brokers,
                        .ca_file = ca_file,
                        .mqtt_version = mqtt_version};
}

static void rest(struct probe *p, int64_t now_ms)
{
    p->link->ops->close(p->link);
    p->state = PROBE_RESTING;
    p->target++; /* the next preferred one has its turn; the most preferred again after them */
    p->due_ms = now_ms + PROBE_REST_MS;
}

void probe_event(struct probe *p, const struct link_event *event, int64_t now_ms)
{
    if (event->link != LINK_PROBE || event->generation != p->generation ||
        (p->state != PROBE_CONNECTING && p->state != PROBE_HOLDING))
        return;
    switch (event->kind) {
    case LINK_UP:
        p->state = PROBE_HOLDING;
        p->due_ms = now_ms + PROBE_HOLD_MS;
        break;
    case LINK_FAILED:
    case LINK_LOST:
    case LINK_CLOSED:
        rest(p, now_ms);
        break;
    case LINK_DONE:
    case LINK_HEARD:
        break;
    }
}

static void connect_now(struct probe *p, size_t current, int64_t now_ms)
{
    char client_id[STUDIO_USER_ID_MAX + 24], text[LINK_TEXT_MAX];
    const struct broker *broker;
    struct link_target target;

    if (p->target >= current)
        p->target = 0;
    broker = &p->brokers->list[p->target];
    target = (struct link_target){.uri = broker->uri,
                                  .client_id = client_id,
                                  .username = broker->username,
                                  .password = broker->password,
                                  .ca_file = p->ca_file,
                                  .keepalive_s = PROBE_KEEPALIVE_S,
                                  .mqtt_version = p->mqtt_version[p->target],
                                  .clean = true};
    snprintf(client_id, sizeof(client_id), "studio-agent-%s-probe", p->topics->agent);
    p->state = PROBE_CONNECTING;
    p->due_ms = now_ms + PROBE_CONNECT_MS;
    p->generation++;
    if (!p->link->ops->connect(p->link, p->generation, &target, text))
        rest(p, now_ms);
}

int64_t probe_step(struct probe *p, size_t current, bool online, int64_t now_ms, size_t *back)
{
    *back = current;
    if (!online || current == 0) {
        if (p->state == PROBE_CONNECTING || p->state == PROBE_HOLDING)
            p->link->ops->close(p->link);
        p->state = PROBE_OFF;
        return now_ms + NEVER_MS;
    }
    if (p->state == PROBE_OFF) {
        p->state = PROBE_RESTING;
        p->target = 0;
        p->due_ms = now_ms + PROBE_REST_MS;
    }
    if (now_ms < p->due_ms)
        return p->due_ms;
    if (p->state == PROBE_HOLDING) {
        log_info("bridge", "%s has answered for %d s: going back to it",
                 p->brokers->list[p->target].name, PROBE_HOLD_MS / 1000);
        *back = p->target;
        rest(p, now_ms);
    } else if (p->state == PROBE_CONNECTING) {
        rest(p, now_ms);
    } else {
        connect_now(p, current, now_ms);
    }
    return p->due_ms;
}
