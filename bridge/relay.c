#include "relay.h"

#include <stdio.h>
#include <string.h>

static int64_t now_ms(const struct relay *r)
{
    return clock_mono(r->o.clock);
}

static void set_state(struct relay *r, enum relay_state state)
{
    /* allowed[from] has a bit for each state it may change to: the drawing in relay.h */
    static const unsigned allowed[] = {
        [RELAY_SERVING] = 1u << RELAY_DRAINING | 1u << RELAY_LEAVING | 1u << RELAY_ENDED,
        [RELAY_DRAINING] =
            1u << RELAY_FAREWELL | 1u << RELAY_LEAVING | 1u << RELAY_SERVING | 1u << RELAY_ENDED,
        [RELAY_FAREWELL] = 1u << RELAY_LEAVING | 1u << RELAY_SERVING | 1u << RELAY_ENDED,
        [RELAY_LEAVING] = 1u << RELAY_SERVING | 1u << RELAY_ENDED,
        [RELAY_ENDED] = 0,
    };

    if (!(allowed[r->state] & 1u << state)) {
        log_error("bridge", "impossible change of state %d to %d", r->state, state);
        return;
    }
    r->state = state;
    r->since_ms = now_ms(r);
}

/* Nothing is said in the name of an agent that may be another's. */
static bool is_mute(const struct relay *r)
{
    return r->o.source->owned && !r->o.source->owned(r->o.source->ctx);
}

static const char *state_of_commands(void *ctx)
{
    return listener_state(ctx);
}

enum studio_err relay_init(struct relay *r, const struct relay_options *options)
{
    const struct bridge_config *config = options->config;
    struct sender_options sender = {.window = {.link = options->links[LINK_OUT],
                                               .clock = options->clock,
                                               .topics = options->topics,
                                               .epoch = config->epoch},
                                    .control = options->control,
                                    .source = options->source,
                                    .in = options->in,
                                    .acked = config->acked,
                                    .parked = config->parked,
                                    .spread_ms = (int64_t)config->republish_spread_s * 1000,
                                    .random = options->random,
                                    .random_ctx = options->random_ctx};
    struct listener_options listener = {.link = options->links[LINK_IN],
                                        .topics = options->topics,
                                        .config = config,
                                        .lessons = &r->lessons,
                                        .random = options->random,
                                        .random_ctx = options->random_ctx};

    memset(r, 0, sizeof(*r));
    sender.control.commands = state_of_commands;
    sender.control.commands_ctx = &r->listener;
    r->o = *options;
    r->conn_used = true;
    r->since_ms = now_ms(r);
    connection_init(&r->connection, options->links[LINK_OUT], LINK_OUT, options->topics, config,
                    &r->lessons);
    dial_init(&r->dial, options->brokers, config->mqtt_version, options->random,
              options->random_ctx);
    if (config->memo)
        dial_recall(&r->dial, config->memo);
    listener_init(&r->listener, &listener);
    probe_init(&r->probe, options->links[LINK_PROBE], options->topics, config, &r->lessons,
               options->brokers, r->dial.mqtt_version);
    return sender_init(&r->sender, &sender);
}

void relay_finish(struct relay *r)
{
    sender_finish(&r->sender);
}

/* Goes on with leaving: answers and what is in flight first, then this state as the last word. */
static void leave_saying(struct relay *r, const char *state)
{
    sender_leave(&r->sender, state);
    set_state(r, RELAY_DRAINING);
}

/* --- connecting ------------------------------------------------------------------------------ */

static void connect_failed(struct relay *r, int reason, bool closed, const char *text)
{
    if (r->connection.state != CONNECTION_IDLE)
        connection_close(&r->connection, now_ms(r));
    if (r->stopping)
        set_state(r, RELAY_ENDED);
    else
        dial_failed(&r->dial, now_ms(r), reason, closed, text);
}

static void connect_now(struct relay *r)
{
    char topic[TOPIC_MAX], text[LINK_TEXT_MAX];
    struct buf will;
    struct link_target target = {
        .mqtt_version = dial_version(&r->dial), .clean = true, .will_topic = topic};

    if (r->conn_used) /* else the last attempt never reached a broker */
        r->conn++;
    r->conn_used = false;
    r->presence = (struct announce_presence){.epoch = r->o.config->epoch,
                                             .boot = r->o.config->boot,
                                             .conn = r->conn,
                                             .since_ms = clock_wall(r->o.clock)};
    buf_init(&will, TOPIC_MAX);
    announce_availability(&will, "lost", &r->presence);
    target.will = will.data;
    if (!buf_ok(&will) || !topics_agent(r->o.topics, TOPIC_AVAILABILITY, NULL, topic))
        snprintf(text, sizeof(text), "out of memory");
    else
        r->conn_used =
            connection_connect(&r->connection, dial_broker(&r->dial), target, now_ms(r), text);
    if (!r->conn_used)
        connect_failed(r, 0, false, text);
    buf_finish(&will);
}

/* What was found out of the brokers, for the next start. */
static void remember(struct relay *r)
{
    char memo[DIAL_MEMO_MAX];

    if (dial_memo(&r->dial, memo))
        r->o.source->memo(r->o.source->ctx, memo);
}

static void came_up(struct relay *r, const struct link_limits *limits)
{
    if (limits->receive_max == 0) {
        connect_failed(r, 0, false, "its Receive Maximum is 0, which MQTT forbids");
        return;
    }
    if (limits->max_qos < 1) {
        connect_failed(r, 0x9b, false, "");
        return;
    }
    r->connections++;
    r->moved = false;
    dial_up(&r->dial, now_ms(r), limits->mqtt_version, sender_backlog(&r->sender));
    remember(r);
    sender_up(&r->sender, limits, dial_broker(&r->dial)->name, &r->presence);
    if (r->stopping) /* it came here to say so */
        leave_saying(r, "stopped");
    else
        listener_hurry(&r->listener, now_ms(r));
}

/* The connection is gone. A stop goes on only to a broker where `stopped` still has to be said. */
static void went_down(struct relay *r, int reason, bool hung_up, const char *text)
{
    size_t current = r->dial.current;
    bool parked = sender_down(&r->sender, hung_up);

    if (r->stopping && !r->moved) {
        set_state(r, RELAY_ENDED);
    } else if (r->state != RELAY_SERVING) { /* also when it broke off on the way out */
        dial_move(&r->dial, now_ms(r), r->move_to);
        set_state(r, RELAY_SERVING);
    } else {
        if (parked)
            dial_excuse(&r->dial);
        dial_lost(&r->dial, now_ms(r), reason, text);
        if (parked)
            dial_resume(&r->dial, now_ms(r), current);
    }
}

/* We end the connection ourselves. */
static void drop(struct relay *r, const char *text)
{
    connection_close(&r->connection, now_ms(r));
    went_down(r, 0, false, text);
}

/* Has one of the two lasting connections ended the other? */
static enum rivalry watch_rivals(struct relay *r, enum connection_news news,
                                 const struct link_event *event)
{
    enum { TAKEN_OVER = 0x8e };
    const struct connection *other =
        event->link == LINK_OUT ? &r->listener.connection : &r->connection;
    bool taken_over = event->reason == TAKEN_OVER;
    enum rivalry rivalry;

    if (news == CONNECTION_CAME_UP)
        rivals_up(&r->rivals, event->link, now_ms(r));
    if (news == CONNECTION_FAILED)
        rivals_failed(&r->rivals, event->link);
    if (news != CONNECTION_ENDED || r->state != RELAY_SERVING)
        return RIVALS_NO;
    rivalry =
        rivals_ended(&r->rivals, event->link, taken_over || (event->reason == 0 && event->closed),
                     taken_over, other->state == CONNECTION_CONNECTING, now_ms(r));
    if (rivalry == RIVALS_YES)
        listener_give_in(&r->listener, now_ms(r));
    return rivalry;
}

/* It is not over a message when the other one did it; and once that has given in, it is back at once. */
static void ended(struct relay *r, const struct link_event *event, enum rivalry rivalry)
{
    size_t current = r->dial.current;

    went_down(r, event->reason, rivalry == RIVALS_NO && dial_hung_up(event->reason, event->closed),
              event->text);
    if (rivalry == RIVALS_YES)
        dial_resume(&r->dial, now_ms(r), current);
}

void relay_event(struct relay *r, const struct link_event *event)
{
    enum connection_news news = listener_event(&r->listener, event, now_ms(r));
    enum rivalry rivalry;

    if (event->link == LINK_IN)
        (void)watch_rivals(r, news, event);
    probe_event(&r->probe, event, now_ms(r));
    news = connection_event(&r->connection, event, now_ms(r));
    rivalry = watch_rivals(r, news, event);
    switch (news) {
    case CONNECTION_CAME_UP:
        came_up(r, &event->limits);
        break;
    case CONNECTION_FAILED:
        r->conn_used = event->reached;
        connect_failed(r, event->reason, event->closed, event->text);
        break;
    case CONNECTION_AGAIN:
        r->dial.due_ms = now_ms(r);
        break;
    case CONNECTION_ENDED:
        ended(r, event, rivalry);
        break;
    case CONNECTION_DONE:
        sender_done(&r->sender, event->slot, event->reason);
        break;
    case CONNECTION_HEARD:
        sender_heard(&r->sender, event->same, event->wiped);
        break;
    case CONNECTION_ECHOED:
        sender_echoed(&r->sender, event->same);
        break;
    case CONNECTION_NOTHING:
        break;
    }
}

/* --- leaving --------------------------------------------------------------------------------- */

void relay_again(struct relay *r)
{
    sender_again(&r->sender);
}

void relay_quiesce(struct relay *r)
{
    listener_close(&r->listener, now_ms(r));
}

bool relay_quiet(const struct relay *r)
{
    return listener_quiet(&r->listener);
}

static void end(struct relay *r)
{
    connection_close(&r->connection, now_ms(r));
    (void)sender_down(&r->sender, false);
    set_state(r, RELAY_ENDED);
}

void relay_drop(struct relay *r, bool lost)
{
    if (r->state == RELAY_ENDED || (r->stopping && r->state == RELAY_LEAVING))
        return;
    r->stopping = true;
    r->moved = false;
    r->stop_by_ms = now_ms(r) + RELAY_LEAVE_MS;
    relay_quiesce(r);
    if (r->connection.state != CONNECTION_UP) {
        end(r);
        return;
    }
    set_state(r, RELAY_LEAVING);
    if (!connection_leave(&r->connection, lost, now_ms(r)))
        went_down(r, 0, false, "");
}

/* After `moved` a stop goes on to the other broker, else nobody would ever hear of it. An attempt may have
 * reached its broker, which would say `lost` if it ended now. */
void relay_stop(struct relay *r)
{
    if (r->stopping)
        return;
    if (is_mute(r)) {
        relay_drop(r, true);
        return;
    }
    r->stopping = true;
    r->stop_by_ms = now_ms(r) + RELAY_STOP_MS;
    relay_quiesce(r);
    if (r->state == RELAY_DRAINING || r->state == RELAY_FAREWELL) {
        sender_leave(&r->sender, "stopped"); /* not `moved`, as it would have been */
        if (r->state == RELAY_FAREWELL)
            sender_say_farewell(&r->sender);
    } else if (r->state == RELAY_SERVING && r->connection.state == CONNECTION_UP) {
        leave_saying(r, "stopped");
    } else if (r->state == RELAY_SERVING && r->connection.state != CONNECTION_CONNECTING &&
               (!r->moved || r->dial.due_ms > r->stop_by_ms)) {
        end(r);
    }
}

bool relay_ended(const struct relay *r)
{
    return r->state == RELAY_ENDED;
}

/* Without an acknowledged farewell the broker is asked to say `lost` for us. */
static void leave(struct relay *r)
{
    r->moved = !r->stopping;
    set_state(r, RELAY_LEAVING);
    if (!connection_leave(&r->connection, !sender_farewell_done(&r->sender), now_ms(r)))
        went_down(r, 0, false, "");
}

static int64_t state_deadline(const struct relay *r)
{
    switch (r->state) {
    case RELAY_SERVING:
        if (r->connection.state == CONNECTION_IDLE)
            return r->dial.due_ms;
        return r->connection.state == CONNECTION_UP ? sender_overdue_ms(&r->sender)
                                                    : connection_deadline(&r->connection);
    case RELAY_DRAINING:
        return r->since_ms + RELAY_DRAIN_MS;
    case RELAY_FAREWELL:
        return r->since_ms + RELAY_FAREWELL_MS;
    case RELAY_LEAVING:
        return r->since_ms + RELAY_LEAVE_MS;
    case RELAY_ENDED:
        break;
    }
    return INT64_MAX;
}

/* It answers the probe, so it would be gone back to, again and again. Another address may be better. */
static void give_up(struct relay *r)
{
    lessons_address_failed(&r->lessons, r->dial.current, r->connection.address);
    probe_shun(&r->probe, r->dial.current, now_ms(r) - r->dial.up_ms, now_ms(r));
    drop(r, "an acknowledgement did not come within 30 s");
}

/* What the state has to wait for has not come in time, or is due. */
static void step_serving(struct relay *r)
{
    if (r->connection.state == CONNECTION_IDLE)
        connect_now(r);
    else if (connection_overdue(&r->connection, now_ms(r)))
        connect_failed(r, 0, false, "no answer");
    else if (r->connection.state == CONNECTION_UP)
        give_up(r);
}

/* Changes of state that need no event. True if the sender has something to say now. */
static bool step_state(struct relay *r)
{
    bool due = now_ms(r) >= state_deadline(r);

    switch (r->state) {
    case RELAY_SERVING:
        if (due)
            step_serving(r);
        break;
    case RELAY_DRAINING:
        if (!due && !sender_drained(&r->sender))
            break;
        set_state(r, RELAY_FAREWELL);
        sender_say_farewell(&r->sender);
        return true;
    case RELAY_FAREWELL:
        if (due || sender_farewell_done(&r->sender))
            leave(r);
        break;
    case RELAY_LEAVING:
        if (due)
            drop(r, "");
        break;
    case RELAY_ENDED:
        break;
    }
    return false;
}

/* The command session and the probe. */
static int64_t step_others(struct relay *r)
{
    bool online = r->state == RELAY_SERVING && r->connection.state == CONNECTION_UP;
    size_t current = r->dial.current, back;
    int64_t now = now_ms(r);
    int64_t probe = probe_step(&r->probe, current, online, dial_old(&r->dial), now, &back);

    if (probe_speaks_5(&r->probe)) {
        dial_speaks_5(&r->dial);
        remember(r);
    }
    if (back != current) {
        r->move_to = back;
        leave_saying(r, "moved");
    }
    return clock_earlier(probe, listener_step(&r->listener, online ? dial_broker(&r->dial) : NULL,
                                              dial_version(&r->dial), now));
}

/* What had been begun ends; a connection that is up waits for better times. */
static int64_t step_mute(struct relay *r)
{
    const int64_t now = now_ms(r);

    if (r->state == RELAY_SERVING && r->connection.state == CONNECTION_CONNECTING)
        connect_failed(r, 0, false, "the agent may be another process's by now");
    else if (r->state == RELAY_DRAINING || r->state == RELAY_FAREWELL)
        leave(r);
    else if (r->state == RELAY_LEAVING && now >= state_deadline(r))
        drop(r, "");
    if (r->stopping && r->state != RELAY_ENDED && now >= r->stop_by_ms)
        end(r);
    return now + RELAY_MUTE_MS;
}

int64_t relay_step(struct relay *r)
{
    int64_t deadline;

    if (is_mute(r))
        return step_mute(r);
    do
        deadline = sender_step(&r->sender);
    while (step_state(r));
    if (r->stopping && r->state != RELAY_ENDED) {
        if (now_ms(r) >= r->stop_by_ms)
            end(r);
        deadline = clock_earlier(deadline, r->stop_by_ms);
    }
    deadline = clock_earlier(deadline, state_deadline(r));
    return clock_earlier(deadline, step_others(r));
}

void relay_get_stats(const struct relay *r, struct bridge_stats *out)
{
    const char *broker = dial_broker(&r->dial)->name;

    *out = (struct bridge_stats){
        .connected = r->connection.state >= CONNECTION_UP,
        .acked = sender_acked(&r->sender),
        .parked = sender_parked(&r->sender),
        .connections = r->connections,
        .number = r->dial.current,
        .ignored = r->o.control.ignored ? r->o.control.ignored(r->o.control.ignored_ctx) : 0,
        .commands = listener_state(&r->listener)};
    strncpy(out->broker, broker, sizeof(out->broker) - 1);
}

void relay_print_uncarried(const struct relay *r, struct buf *out)
{
    carry_print(&r->sender.window.carry, out);
}

int64_t relay_waiting_since(struct relay *r)
{
    return sender_waiting_since(&r->sender);
}
