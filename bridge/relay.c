#include "relay.h"

#include <stdio.h>
#include <string.h>

enum { NEVER_MS = 3600 * 1000 };

static int64_t now_ms(const struct relay *r)
{
    return clock_mono(r->o.clock);
}

static struct link *out_link(const struct relay *r)
{
    return r->o.links[LINK_OUT];
}

static bool connected(const struct relay *r)
{
    return r->state >= RELAY_ONLINE && r->state <= RELAY_LEAVING;
}

static void set_state(struct relay *r, enum relay_state state)
{
    /* allowed[from] has a bit for each state it may change to: the drawing in relay.h */
    static const unsigned allowed[] = {
        [RELAY_WAITING] = 1u << RELAY_CONNECTING | 1u << RELAY_ENDED,
        [RELAY_CONNECTING] = 1u << RELAY_WAITING | 1u << RELAY_ONLINE | 1u << RELAY_ENDED,
        [RELAY_ONLINE] = 1u << RELAY_WAITING | 1u << RELAY_DRAINING | 1u << RELAY_ENDED,
        [RELAY_DRAINING] = 1u << RELAY_FAREWELL | 1u << RELAY_WAITING | 1u << RELAY_ENDED,
        [RELAY_FAREWELL] = 1u << RELAY_LEAVING | 1u << RELAY_WAITING | 1u << RELAY_ENDED,
        [RELAY_LEAVING] = 1u << RELAY_WAITING | 1u << RELAY_ENDED,
        [RELAY_ENDED] = 0,
    };

    if (!(allowed[r->state] & 1u << state)) {
        log_error("bridge", "impossible change of state %d to %d", r->state, state);
        return;
    }
    r->state = state;
    r->since_ms = now_ms(r);
}

enum studio_err relay_init(struct relay *r, const struct relay_options *options)
{
    const struct bridge_config *config = options->config;
    struct sender_options sender = {.topics = options->topics,
                                    .source = options->source,
                                    .clock = options->clock,
                                    .link = options->links[LINK_OUT],
                                    .epoch = config->epoch,
                                    .info = options->info,
                                    .intake = options->intake,
                                    .ignored = options->ignored,
                                    .ignored_ctx = options->ignored_ctx,
                                    .acked = config->acked,
                                    .committed = config->committed,
                                    .parked = config->parked};
    struct listener_options listener = {.link = options->links[LINK_IN],
                                        .topics = options->topics,
                                        .config = config,
                                        .random = options->random,
                                        .random_ctx = options->random_ctx};

    memset(r, 0, sizeof(*r));
    r->o = *options;
    r->conn_used = true;
    r->since_ms = now_ms(r);
    dial_init(&r->dial, options->brokers, config->mqtt_version, options->random,
              options->random_ctx);
    listener_init(&r->listener, &listener);
    probe_init(&r->probe, options->links[LINK_PROBE], options->topics, options->brokers,
               config->ca_file, r->dial.mqtt_version);
    return sender_init(&r->sender, &sender);
}

void relay_finish(struct relay *r)
{
    sender_finish(&r->sender);
}

/* --- connecting ------------------------------------------------------------------------------ */

static void connect_failed(struct relay *r, int reason, bool closed, const char *text)
{
    out_link(r)->ops->close(out_link(r));
    dial_failed(&r->dial, now_ms(r), reason, closed, text);
    set_state(r, RELAY_WAITING);
}

static void connect_now(struct relay *r)
{
    const struct broker *broker = dial_broker(&r->dial);
    char topic[TOPIC_MAX], client_id[STUDIO_USER_ID_MAX + 16], text[LINK_TEXT_MAX] = "";
    struct buf will;
    struct link_target target = {.uri = broker->uri,
                                 .client_id = client_id,
                                 .username = broker->username,
                                 .password = broker->password,
                                 .ca_file = r->o.config->ca_file,
                                 .keepalive_s = r->o.config->keepalive_s,
                                 .mqtt_version = dial_version(&r->dial),
                                 .clean = true,
                                 .will_topic = topic};

    set_state(r, RELAY_CONNECTING);
    if (r->conn_used) /* else the last attempt never reached a broker */
        r->conn++;
    r->conn_used = true;
    r->presence = (struct announce_presence){.epoch = r->o.config->epoch,
                                             .boot = r->o.config->boot,
                                             .conn = r->conn,
                                             .since_ms = clock_wall(r->o.clock)};
    snprintf(client_id, sizeof(client_id), "studio-agent-%s", r->o.topics->agent);
    buf_init(&will, TOPIC_MAX);
    announce_availability(&will, "lost", &r->presence);
    target.will = will.data;
    r->generation++;
    if (!buf_ok(&will) || !topics_agent(r->o.topics, TOPIC_AVAILABILITY, NULL, topic))
        connect_failed(r, 0, false, "out of memory");
    else if (!out_link(r)->ops->connect(out_link(r), r->generation, &target, text))
        connect_failed(r, 0, false, text);
    buf_finish(&will);
}

static void came_up(struct relay *r, const struct link_event *event)
{
    if (r->state != RELAY_CONNECTING)
        return;
    if (event->limits.max_qos < 1) {
        connect_failed(r, 0x9b, false, "");
        return;
    }
    r->connections++;
    r->parked_before = r->sender.parked;
    dial_up(&r->dial, now_ms(r), event->limits.mqtt_version, sender_backlog(&r->sender));
    set_state(r, RELAY_ONLINE);
    sender_up(&r->sender, &event->limits, dial_broker(&r->dial)->name, &r->presence);
    listener_hurry(&r->listener, now_ms(r));
}

static void went_down(struct relay *r, int reason, const char *text)
{
    bool leaving = r->state != RELAY_ONLINE;
    size_t current = r->dial.current;

    sender_down(&r->sender);
    out_link(r)->ops->close(out_link(r));
    if (r->stopping) {
        set_state(r, RELAY_ENDED);
        return;
    }
    if (leaving) /* also when it broke off on the way out */
        dial_move(&r->dial, now_ms(r), r->move_to);
    else
        dial_lost(&r->dial, now_ms(r), reason, text);
    if (!leaving && r->sender.parked > r->parked_before)
        dial_resume(&r->dial, now_ms(r), current);
    set_state(r, RELAY_WAITING);
}

void relay_event(struct relay *r, const struct link_event *event)
{
    listener_event(&r->listener, event, now_ms(r));
    probe_event(&r->probe, event, now_ms(r));
    if (event->link != LINK_OUT || event->generation != r->generation)
        return;
    switch (event->kind) {
    case LINK_UP:
        came_up(r, event);
        break;
    case LINK_FAILED:
        if (r->state == RELAY_CONNECTING) {
            r->conn_used = event->reached;
            connect_failed(r, event->reason, event->closed, event->text);
        }
        break;
    case LINK_LOST:
    case LINK_CLOSED:
        if (connected(r))
            went_down(r, event->reason, event->text);
        break;
    case LINK_DONE:
        if (connected(r))
            sender_done(&r->sender, event->slot, event->reason);
        break;
    case LINK_HEARD:
        sender_heard(&r->sender, event->same);
        break;
    }
}

/* --- leaving --------------------------------------------------------------------------------- */

void relay_quiesce(struct relay *r)
{
    listener_close(&r->listener);
}

bool relay_quiet(const struct relay *r)
{
    return listener_quiet(&r->listener);
}

/* A preferred broker is back. */
static void move_to(struct relay *r, size_t broker)
{
    r->move_to = broker;
    sender_leave(&r->sender, "moved");
    set_state(r, RELAY_DRAINING);
}

void relay_stop(struct relay *r)
{
    if (r->stopping)
        return;
    r->stopping = true;
    relay_quiesce(r);
    if (r->state == RELAY_ONLINE) {
        sender_leave(&r->sender, "stopped");
        set_state(r, RELAY_DRAINING);
    } else if (r->state == RELAY_DRAINING || r->state == RELAY_FAREWELL) {
        sender_leave(&r->sender, "stopped"); /* not `moved`, as it would have been */
        if (r->state == RELAY_FAREWELL)
            sender_say_farewell(&r->sender);
    } else if (r->state == RELAY_WAITING) {
        set_state(r, RELAY_ENDED);
    } else if (r->state == RELAY_CONNECTING) {
        out_link(r)->ops->close(out_link(r));
        set_state(r, RELAY_ENDED);
    }
}

bool relay_ended(const struct relay *r)
{
    return r->state == RELAY_ENDED;
}

/* Without an acknowledged farewell the broker is asked to say `lost` for us. */
static void leave(struct relay *r)
{
    set_state(r, RELAY_LEAVING);
    if (!out_link(r)->ops->disconnect(out_link(r), !r->sender.farewell_done))
        went_down(r, 0, "");
}

static bool passed(const struct relay *r, int64_t ms)
{
    return now_ms(r) - r->since_ms >= ms;
}

/* Changes of state that need no event. True if there was one. */
static bool step_state(struct relay *r)
{
    enum relay_state before = r->state;

    switch (r->state) {
    case RELAY_WAITING:
        if (now_ms(r) >= r->dial.due_ms)
            connect_now(r);
        break;
    case RELAY_CONNECTING:
        if (passed(r, RELAY_CONNECT_MS))
            connect_failed(r, 0, false, "no answer");
        break;
    case RELAY_DRAINING:
        if (sender_drained(&r->sender) || passed(r, RELAY_DRAIN_MS)) {
            set_state(r, RELAY_FAREWELL);
            sender_say_farewell(&r->sender);
        }
        break;
    case RELAY_FAREWELL:
        if (r->sender.farewell_done || passed(r, RELAY_FAREWELL_MS))
            leave(r);
        break;
    case RELAY_LEAVING:
        if (passed(r, RELAY_LEAVE_MS))
            went_down(r, 0, "");
        break;
    case RELAY_ONLINE:
        if (now_ms(r) >= sender_overdue_ms(&r->sender))
            went_down(r, 0, "an acknowledgement did not come within 30 s");
        break;
    case RELAY_ENDED:
        break;
    }
    return r->state != before;
}

static int64_t state_deadline(const struct relay *r)
{
    switch (r->state) {
    case RELAY_WAITING:
        return r->dial.due_ms;
    case RELAY_CONNECTING:
        return r->since_ms + RELAY_CONNECT_MS;
    case RELAY_DRAINING:
        return r->since_ms + RELAY_DRAIN_MS;
    case RELAY_FAREWELL:
        return r->since_ms + RELAY_FAREWELL_MS;
    case RELAY_LEAVING:
        return r->since_ms + RELAY_LEAVE_MS;
    case RELAY_ONLINE:
        return sender_overdue_ms(&r->sender);
    case RELAY_ENDED:
        break;
    }
    return now_ms(r) + NEVER_MS;
}

/* The command session and the probe. */
static int64_t step_others(struct relay *r)
{
    bool online = r->state == RELAY_ONLINE;
    size_t current = r->dial.current, back;
    int64_t now = now_ms(r);
    int64_t probe = probe_step(&r->probe, current, online, now, &back);
    int64_t session;

    if (back != current)
        move_to(r, back);
    session = listener_step(&r->listener, online ? dial_broker(&r->dial) : NULL,
                            dial_version(&r->dial), now);
    return session < probe ? session : probe;
}

int64_t relay_step(struct relay *r)
{
    int64_t deadline, at;

    do
        deadline = sender_step(&r->sender);
    while (step_state(r) && r->state != RELAY_WAITING);
    at = state_deadline(r);
    if (at < deadline)
        deadline = at;
    at = step_others(r);
    return at < deadline ? at : deadline;
}
