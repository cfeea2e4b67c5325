#include "sender.h"

#include <string.h>

enum { STEP_SENDS = 1000, IDLE_MS = 10000 };

enum studio_err sender_init(struct sender *s, const struct sender_options *options)
{
    memset(s, 0, sizeof(*s));
    s->clock = options->window.clock;
    s->in = options->in;
    s->random = options->random;
    s->random_ctx = options->random_ctx;
    share_init(&s->share);
    window_init(&s->window, &options->window);
    retained_init(&s->retained, options->source, &s->window, options->in.mirror,
                  options->spread_ms);
    control_init(&s->control, &options->control, &s->window, &s->outbox);
    return outbox_init(&s->outbox, options->source, &s->window, options->in.feed, options->acked,
                       options->parked);
}

static int64_t now_ms(const struct sender *s)
{
    return clock_mono(s->clock);
}

static void finish_slot(struct sender *s, const struct slot *slot, int reason)
{
    switch (slot->traffic) {
    case TRAFFIC_CONTROL:
        control_done(&s->control, (enum control_word)slot->key, reason, now_ms(s));
        break;
    case TRAFFIC_EVENTS:
        outbox_done(&s->outbox, slot->owner, reason, now_ms(s));
        break;
    case TRAFFIC_RETAINED:
        retained_done(&s->retained, slot->owner, slot->key, reason, now_ms(s));
        break;
    case TRAFFIC_ANSWERS:
        answers_done(s->in.answers, &s->window, slot->owner, reason);
        break;
    case TRAFFIC_REPLAYS:
        replays_done(s->in.replays);
        break;
    case TRAFFIC_COUNT:
        break;
    }
}

/* The newest first: answers keep their order. True: some of it will not be sent again, the broker hangs
 * up on it. */
static bool give_back(struct sender *s, bool hung_up)
{
    bool parked = false, alone = s->window.in_flight == 1;
    struct slot slot;

    if (hung_up && s->window.in_flight == 0)
        poison_forgive(&s->window.poison);
    while (window_give_back(&s->window, &slot)) {
        bool poison = hung_up && window_suspect(&s->window, &slot, alone);

        finish_slot(s, &slot, poison ? WINDOW_POISON : WINDOW_LOST);
        parked = parked || poison;
    }
    return parked;
}

void sender_finish(struct sender *s)
{
    give_back(s, false);
    outbox_finish(&s->outbox);
    retained_finish(&s->retained);
    control_finish(&s->control);
    window_finish(&s->window);
}

/* --- the connection -------------------------------------------------------------------------- */

static void show_all(struct sender *s)
{
    retained_up(&s->retained, now_ms(s), s->random ? s->random(s->random_ctx) : 0);
}

void sender_up(struct sender *s, const struct link_limits *limits, const char *broker,
               const struct announce_presence *presence)
{
    s->up = true;
    s->leaving = false;
    window_up(&s->window, limits, broker);
    s->wiped_ms = s->again_ms = INT64_MAX;
    s->last_again_ms = 0;
    control_up(&s->control, presence);
    outbox_up(&s->outbox);
    show_all(s);
}

bool sender_down(struct sender *s, bool hung_up)
{
    bool parked;

    if (!s->up)
        return false;
    s->up = false;
    parked = give_back(s, hung_up && !s->leaving);
    control_down(&s->control);
    outbox_down(&s->outbox);
    replays_down(s->in.replays);
    return parked;
}

void sender_done(struct sender *s, unsigned number, int reason)
{
    struct slot slot;

    /* Not delivered: the library says so of some before it says that the connection has ended. */
    if (reason < 0)
        return;
    if (window_done(&s->window, number, reason, &slot))
        finish_slot(s, &slot, reason);
}

/* Who wipes goes through the topics one by one: what came again too early would be wiped as well. */
static void note_wiped(struct sender *s)
{
    int64_t now = now_ms(s);

    if (s->wiped_ms == INT64_MAX)
        s->wiped_ms = now;
    s->again_ms = now + SENDER_WIPED_MS;
    if (s->again_ms > s->wiped_ms + SENDER_WIPING_MS)
        s->again_ms = s->wiped_ms + SENDER_WIPING_MS;
    if (s->again_ms < s->last_again_ms + SENDER_AGAIN_MS)
        s->again_ms = s->last_again_ms + SENDER_AGAIN_MS;
}

void sender_heard(struct sender *s, bool same, bool wiped)
{
    if (!s->up || s->leaving)
        return;
    control_heard(&s->control, same);
    if (wiped)
        note_wiped(s);
}

void sender_echoed(struct sender *s, bool same)
{
    if (s->up && !s->leaving)
        control_echoed(&s->control, same, now_ms(s));
}

void sender_again(struct sender *s)
{
    if (!s->up || s->leaving)
        return;
    s->wiped_ms = s->again_ms = INT64_MAX;
    s->last_again_ms = now_ms(s);
    control_again(&s->control);
    show_all(s);
}

static void again_if_wiped(struct sender *s, int64_t now)
{
    if (now < s->again_ms || s->leaving)
        return;
    log_warn("bridge", "retained messages on %s were wiped: all of them are published again",
             s->window.broker);
    sender_again(s);
}

void sender_leave(struct sender *s, const char *state)
{
    s->leaving = true;
    window_leave(&s->window);
    control_leave(&s->control, state);
}

bool sender_drained(const struct sender *s)
{
    return s->window.in_flight == 0 && !answers_waiting(s->in.answers);
}

void sender_say_farewell(struct sender *s)
{
    control_say_farewell(&s->control, now_ms(s));
}

bool sender_farewell_done(const struct sender *s)
{
    return s->control.farewell_done;
}

int64_t sender_overdue_ms(const struct sender *s)
{
    int64_t sent = s->up ? window_sent_ms(&s->window) : -1;

    return sent < 0 ? INT64_MAX : sent + SENDER_OVERDUE_MS;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Has it something to send now? When leaving, what was asked and carried out is answered all the same. */
static bool wants(struct sender *s, enum traffic traffic, int64_t now)
{
    switch (traffic) {
    case TRAFFIC_CONTROL:
        return control_ready(&s->control, now);
    case TRAFFIC_EVENTS:
        return !s->leaving && outbox_ready(&s->outbox, now);
    case TRAFFIC_RETAINED:
        return !s->leaving && retained_ready(&s->retained, now);
    case TRAFFIC_ANSWERS:
        return !(s->leaving && s->control.farewell_said) && answers_waiting(s->in.answers);
    case TRAFFIC_REPLAYS:
        return !s->leaving && replays_ready(s->in.replays, now);
    case TRAFFIC_COUNT:
        break;
    }
    return false;
}

static bool send(struct sender *s, enum traffic traffic, int64_t now)
{
    switch (traffic) {
    case TRAFFIC_CONTROL:
        return control_send(&s->control, now);
    case TRAFFIC_EVENTS:
        return outbox_send(&s->outbox, now);
    case TRAFFIC_RETAINED:
        return retained_send(&s->retained, now);
    case TRAFFIC_ANSWERS:
        return answers_send(s->in.answers, &s->window);
    case TRAFFIC_REPLAYS:
        return replays_send(s->in.replays, &s->window, now);
    case TRAFFIC_COUNT:
        break;
    }
    return false;
}

/* One message of those who want. False: nothing (more) to send now. */
static bool send_next(struct sender *s, bool want[TRAFFIC_COUNT], int64_t now)
{
    bool may[TRAFFIC_COUNT];
    enum traffic turn;

    memcpy(may, want, sizeof(may));
    may[TRAFFIC_RETAINED] = want[TRAFFIC_RETAINED] && window_retained_may(&s->window, now);
    turn = window_turn(&s->window, &s->share, may);
    if (!send(s, turn, now))
        return false;
    want[turn] =
        wants(s, turn, now); /* the others' wants change by other threads only: they wake us */
    return true;
}

/* Sends all that may go now. True: but for what is left for another step. */
static bool send_all(struct sender *s, int64_t now)
{
    bool want[TRAFFIC_COUNT], more = true;

    for (enum traffic t = 0; t < TRAFFIC_COUNT; t++)
        want[t] = wants(s, t, now);
    for (unsigned sends = 0; more && sends < STEP_SENDS; sends++)
        more = window_has_room(&s->window) && send_next(s, want, now);
    return more;
}

static int64_t next_deadline(const struct sender *s, int64_t now)
{
    int64_t deadline = now + IDLE_MS;

    if (now < s->window.stalled_ms)
        return s->window.stalled_ms;
    if (!window_has_room(&s->window)) /* an acknowledgement will call */
        return deadline;
    deadline = clock_earlier(deadline, control_deadline(&s->control));
    if (s->leaving)
        return deadline;
    deadline = clock_earlier(deadline, s->again_ms);
    deadline = clock_earlier(deadline, outbox_deadline(&s->outbox, now));
    if (window_retained_may(&s->window, now))
        deadline = clock_earlier(deadline, retained_deadline(&s->retained, now));
    return clock_earlier(deadline, replays_deadline(s->in.replays, now));
}

int64_t sender_step(struct sender *s)
{
    int64_t now = now_ms(s);
    bool more = false;

    if (!s->up)
        return now + IDLE_MS;
    outbox_advance(&s->outbox);
    again_if_wiped(s, now);
    control_look(&s->control);
    replays_start(s->in.replays, feed_committed(s->in.feed));
    if (now >= s->window.stalled_ms) {
        more = send_all(s, now);
        if (s->control.farewell_said && !window_has_room(&s->window))
            control_send(&s->control, now); /* last words do not wait for a stuck window */
    }
    outbox_tell_acked(&s->outbox);
    return more ? now : next_deadline(s, now);
}

uint64_t sender_backlog(const struct sender *s)
{
    return outbox_backlog(&s->outbox);
}

uint64_t sender_acked(const struct sender *s)
{
    return s->outbox.acked;
}

int64_t sender_waiting_since(struct sender *s)
{
    return outbox_waiting_since(&s->outbox, now_ms(s));
}

struct bridge_parked sender_parked(const struct sender *s)
{
    struct bridge_parked parked = {.events = s->outbox.parked};

    window_parked(&s->window, &parked);
    return parked;
}
