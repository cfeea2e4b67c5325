#include "control.h"

void control_init(struct control *c, const struct control_options *options, struct window *window,
                  struct outbox *outbox)
{
    *c = (struct control){.o = *options, .window = window, .outbox = outbox};
    buf_init(&c->birth, TOPIC_MAX);
}

void control_finish(struct control *c)
{
    buf_finish(&c->birth);
}

static void set_due(struct control *c, enum control_word word, int64_t at_ms)
{
    c->due |= 1u << word;
    c->due_ms[word] = at_ms;
}

/* How long a word lasts, and when it is said again; 0: it stays. */
static const struct {
    unsigned expiry_s;
    int64_t again_ms;
    bool needs_expiry; /* a broker that cannot forget it (MQTT 3.1.1) needs no repetition */
} spans[CONTROL_WORDS] = {
    [CONTROL_BIRTH] = {ANNOUNCE_EXPIRY_S, ANNOUNCE_REFRESH_MS, true},
    [CONTROL_INFO] = {ANNOUNCE_EXPIRY_S, ANNOUNCE_REFRESH_MS, true},
    [CONTROL_HEALTH] = {CONTROL_HEALTH_EXPIRY_S, CONTROL_HEALTH_MS, false},
};

static bool comes_again(const struct control *c, enum control_word word)
{
    return spans[word].again_ms > 0 &&
           (!spans[word].needs_expiry || c->window->limits.mqtt_version == 5);
}

/* --- the connection -------------------------------------------------------------------------- */

void control_up(struct control *c, const struct announce_presence *presence)
{
    c->presence = *presence;
    c->last_word = NULL;
    c->farewell_said = c->farewell_done = false;
    c->due = 0;
    c->check = CHECK_NOT_YET;
    buf_clear(&c->birth);
    announce_availability(&c->birth, "online", presence);
    for (enum control_word word = CONTROL_BIRTH; word <= CONTROL_HEALTH; word++)
        set_due(c, word, 0);
    if (c->unwatched[CONTROL_WATCH] >=
        CONTROL_WATCH_TRIES) { /* sooner that than no mirror at all */
        log_warn(
            "bridge",
            "%s ends the connection on the subscription to the own availability: without it this "
            "time, what others say there will not be noticed",
            c->window->broker);
        c->unwatched[CONTROL_WATCH] = 0;
        c->due &= ~(1u << CONTROL_WATCH);
    }
    if (c->window->limits.mqtt_version == 5 && !c->o.shared_root &&
        c->unwatched[CONTROL_WATCH_TABLES] < CONTROL_WATCH_TRIES)
        set_due(c, CONTROL_WATCH_TABLES, 0);
}

void control_again(struct control *c)
{
    for (enum control_word word = CONTROL_BIRTH; word <= CONTROL_HEALTH; word++)
        if (word != CONTROL_WATCH && !c->last_word)
            set_due(c, word, 0);
}

void control_down(struct control *c)
{
    c->due = 0;
}

void control_heard(struct control *c, bool same)
{
    int64_t at = c->birth_ms + CONTROL_BIRTH_MS;

    if (same || c->last_word || (c->due & 1u << CONTROL_BIRTH && c->due_ms[CONTROL_BIRTH] <= at))
        return;
    log_limited(&c->birth_log, LOG_INFO, "bridge",
                "the availability topic on %s says something else while connected: saying online "
                "again",
                c->window->broker);
    set_due(c, CONTROL_BIRTH, at);
}

void control_look(struct control *c)
{
    if (c->last_word || !carry_due(&c->window->carry))
        return;
    if (c->check == CHECK_NOT_YET && c->unwatched[CONTROL_WATCH_CHECK] < CONTROL_WATCH_TRIES) {
        c->check = CHECK_ASKED;
        set_due(c, CONTROL_WATCH_CHECK, 0);
    } else if (c->check == CHECK_READY) {
        set_due(c, CONTROL_CHECK, 0);
    }
}

static void check_told(struct control *c, enum carry_verdict verdict, int64_t now_ms)
{
    if (carry_told(&c->window->carry, verdict) && !c->last_word)
        set_due(c, CONTROL_HEALTH, now_ms);
}

void control_echoed(struct control *c, bool same, int64_t now_ms)
{
    check_told(c, same ? CARRY_SAME : CARRY_CHANGED, now_ms);
}

void control_leave(struct control *c, const char *state)
{
    c->last_word = state;
    c->farewell_said = c->farewell_done = false;
    c->due = 0;
}

void control_say_farewell(struct control *c, int64_t now_ms)
{
    c->farewell_said = true;
    set_due(c, CONTROL_FAREWELL, now_ms);
}

/* --- sending --------------------------------------------------------------------------------- */

/* The first that is due, CONTROL_WORDS if none is. */
static enum control_word next_word(const struct control *c, int64_t now_ms)
{
    enum control_word word = CONTROL_BIRTH;

    while (word < CONTROL_WORDS && !(c->due & 1u << word && c->due_ms[word] <= now_ms))
        word++;
    return word;
}

bool control_ready(const struct control *c, int64_t now_ms)
{
    return next_word(c, now_ms) != CONTROL_WORDS;
}

int64_t control_deadline(const struct control *c)
{
    int64_t deadline = INT64_MAX;

    for (enum control_word word = 0; word < CONTROL_WORDS; word++)
        if (c->due & 1u << word && c->due_ms[word] < deadline)
            deadline = c->due_ms[word];
    return deadline;
}

static void print_health(struct control *c, int64_t now_ms, struct buf *out)
{
    struct buf uncarried;
    struct announce_health health = {
        .agent = c->o.source->figures,
        .now_ms = clock_wall(c->window->o.clock),
        .ignored = c->o.ignored ? c->o.ignored(c->o.ignored_ctx) : 0,
        .commands = c->o.commands ? c->o.commands(c->o.commands_ctx) : "waiting",
        .broker = c->window->broker,
    };

    buf_init(&uncarried, SIZE_MAX);
    carry_look(&c->window->carry, now_ms);
    carry_print(&c->window->carry, &uncarried);
    health.uncarried = buf_ok(&uncarried) ? uncarried.data : "[]";
    window_parked(c->window, &health.parked);
    outbox_health(c->outbox, now_ms, &health);
    announce_health(out, &health);
    buf_finish(&uncarried);
}

static void print(struct control *c, enum control_word word, int64_t now_ms, struct buf *out)
{
    switch (word) {
    case CONTROL_BIRTH:
        buf_add(out, c->birth.data, c->birth.len);
        break;
    case CONTROL_INFO:
        buf_str(out, c->o.info);
        break;
    case CONTROL_HEALTH:
        print_health(c, now_ms, out);
        break;
    case CONTROL_FAREWELL:
        announce_availability(out, c->last_word, &c->presence);
        break;
    case CONTROL_WATCH:
    case CONTROL_WATCH_TABLES:
    case CONTROL_WATCH_CHECK:
    case CONTROL_CHECK:
    case CONTROL_WORDS:
        break;
    }
}

static enum window_sent watch(struct control *c, enum control_word word, const char *topic)
{
    char filters[TOPICS_RETAINED][TOPIC_MAX];
    const char *list[TOPICS_RETAINED] = {topic, filters[1], filters[2]};

    if (word == CONTROL_WATCH)
        return window_subscribe(c->window, TRAFFIC_CONTROL, word, list, 1, LINK_WATCH_OWN,
                                c->birth.data);
    list[0] = filters[0];
    if (word == CONTROL_WATCH_CHECK)
        return topics_filter_check(c->window->o.topics, filters[0])
                   ? window_subscribe(c->window, TRAFFIC_CONTROL, word, list, 1, LINK_WATCH_ECHO,
                                      NULL)
                   : WINDOW_TOO_LARGE;
    return topics_filters_retained(c->window->o.topics, filters)
               ? window_subscribe(c->window, TRAFFIC_CONTROL, word, list, TOPICS_RETAINED,
                                  LINK_WATCH_WIPED, NULL)
               : WINDOW_TOO_LARGE;
}

static const struct {
    enum agent_topic topic;
    bool watch; /* a subscription: there, or to what watch() says */
} words[CONTROL_WORDS] = {
    [CONTROL_BIRTH] = {TOPIC_AVAILABILITY, false},
    [CONTROL_WATCH] = {TOPIC_AVAILABILITY, true},
    [CONTROL_INFO] = {TOPIC_INFO, false},
    [CONTROL_HEALTH] = {TOPIC_HEALTH, false},
    [CONTROL_WATCH_TABLES] = {TOPIC_AVAILABILITY, true},
    [CONTROL_WATCH_CHECK] = {TOPIC_AVAILABILITY, true},
    [CONTROL_CHECK] = {TOPIC_CHECK, false},
    [CONTROL_FAREWELL] = {TOPIC_AVAILABILITY, false},
};

static bool topic_of(struct control *c, enum control_word word, int64_t now_ms, char out[TOPIC_MAX])
{
    char level[CARRY_LEVEL_MAX];

    if (word == CONTROL_CHECK)
        carry_ask(&c->window->carry, now_ms, level);
    return topics_agent(c->window->o.topics, words[word].topic,
                        word == CONTROL_CHECK ? level : NULL, out);
}

static enum window_sent send(struct control *c, enum control_word word, const char *topic,
                             int64_t now_ms)
{
    struct buf *text = window_text(c->window);
    struct link_message m = {
        .topic = topic, .retained = word != CONTROL_CHECK, .plain = word == CONTROL_CHECK};

    if (words[word].watch)
        return watch(c, word, topic);
    if (word == CONTROL_CHECK)
        buf_str(text, topic);
    else
        print(c, word, now_ms, text);
    if (!buf_ok(text)) { /* no memory */
        window_stall(c->window);
        return WINDOW_STALLED;
    }
    m.payload = text->data;
    m.len = text->len;
    m.expiry_s = spans[word].expiry_s;
    return window_publish(c->window, TRAFFIC_CONTROL, NULL, word, &m);
}

bool control_send(struct control *c, int64_t now_ms)
{
    enum control_word word = next_word(c, now_ms);
    char topic[TOPIC_MAX];

    if (word == CONTROL_WORDS || !topic_of(c, word, now_ms, topic))
        return false;
    c->due &= ~(1u << word);
    switch (send(c, word, topic, now_ms)) {
    case WINDOW_STALLED:
        set_due(c, word, now_ms + (word == CONTROL_WATCH ? CONTROL_RETRY_MS : 0));
        return false;
    case WINDOW_TOO_LARGE:
        window_log_too_large(c->window, topic);
        break;
    case WINDOW_PARKED: /* not to this broker */
        c->farewell_done = c->farewell_done || word == CONTROL_FAREWELL;
        if (word == CONTROL_CHECK)
            check_told(c, CARRY_HANGS_UP, now_ms);
        break;
    case WINDOW_SENT:
        break;
    }
    if (word == CONTROL_BIRTH)
        c->birth_ms = now_ms;
    if (comes_again(c, word))
        set_due(c, word, now_ms + spans[word].again_ms);
    return true;
}

/* A step of the check ended. */
static void check_done(struct control *c, enum control_word word, int reason, int64_t now_ms)
{
    if (word == CONTROL_WATCH_CHECK)
        c->check = reason == 0 ? CHECK_READY : CHECK_REFUSED;
    if (reason == WINDOW_POISON)
        check_told(c, CARRY_HANGS_UP, now_ms);
    else if (reason > 0)
        check_told(c, CARRY_REFUSED, now_ms);
}

void control_done(struct control *c, enum control_word word, int reason, int64_t now_ms)
{
    static const char *const names[CONTROL_WORDS] = {
        [CONTROL_BIRTH] = "availability",
        [CONTROL_WATCH] = "subscription to the own availability",
        [CONTROL_INFO] = "info",
        [CONTROL_HEALTH] = "health",
        [CONTROL_WATCH_TABLES] =
            "subscription to the own retained messages (if they are wiped it will not be noticed)",
        [CONTROL_FAREWELL] = "availability"};

    if (word == CONTROL_FAREWELL)
        c->farewell_done = true;
    if (words[word].watch) /* some brokers hang up where others refuse */
        c->unwatched[word] = reason < 0 ? c->unwatched[word] + 1 : 0;
    if (word == CONTROL_WATCH_CHECK || word == CONTROL_CHECK) {
        check_done(c, word, reason, now_ms);
        return;
    }
    if (reason <= 0)
        return;
    log_limited(&c->window->refused_log, LOG_WARN, "bridge",
                "%s refuses %s (reason 0x%02x): check the broker's access list", c->window->broker,
                names[word], (unsigned)reason);
    if (!window_for_good(reason) && word != CONTROL_HEALTH && !c->last_word)
        set_due(c, word, now_ms + CONTROL_RETRY_MS);
}
