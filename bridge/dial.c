#include "dial.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum dial_meaning { MEANS_OTHER, MEANS_VERSION, MEANS_CREDENTIALS, MEANS_TAKEN_OVER, MEANS_NO };

/* CONNACK and DISCONNECT reasons a person should read in words; the small ones are MQTT 3.1.1. */
static const struct {
    int reason;
    enum dial_meaning meaning;
    const char *text;
} reasons[] = {
    {1, MEANS_VERSION, "it does not speak this version of MQTT"},
    {2, MEANS_NO,
     "it refuses the client id, or a mqtt.keepalive above its limit (Mosquitto: max_keepalive)"},
    {3, MEANS_OTHER, "it is not available"},
    {4, MEANS_CREDENTIALS,
     "it refuses the user name or password: check mqtt.username and the "
     "password"},
    {5, MEANS_CREDENTIALS,
     "it refuses these credentials: check mqtt.username, the password and the "
     "broker's access list"},
    {0x81, MEANS_NO, "it calls our packet malformed"},
    {0x84, MEANS_VERSION, "it does not speak this version of MQTT"},
    {0x85, MEANS_NO, "it refuses the client id"},
    {0x86, MEANS_CREDENTIALS,
     "it refuses the user name or password: check mqtt.username and the "
     "password"},
    {0x87, MEANS_CREDENTIALS,
     "it refuses these credentials: check mqtt.username, the password and "
     "the broker's access list"},
    {0x88, MEANS_OTHER, "it is not available"},
    {0x89, MEANS_OTHER, "it is busy"},
    {0x8a, MEANS_NO, "it has banned this client"},
    {0x8b, MEANS_OTHER, "it is shutting down"},
    {0x8d, MEANS_OTHER, "it heard nothing from us in time"},
    {0x8e, MEANS_TAKEN_OVER,
     "the session was taken over: another client uses the same client id; "
     "give each agent its own mqtt.agent_id"},
    {0x95, MEANS_OTHER, "it calls a packet too large"},
    {0x97, MEANS_OTHER, "a quota is exceeded"},
    {0x98, MEANS_OTHER, "an administrator closed the connection"},
    {0x9b, MEANS_NO, "it does not support QoS 1: events cannot be acknowledged"},
    {0x9c, MEANS_OTHER, "it wants us to use another server"},
    {0x9d, MEANS_OTHER, "it has moved"},
    {0x9f, MEANS_OTHER, "we connect too often"},
};

static enum dial_meaning meaning_of(int reason, const char **text)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].reason == reason) {
            *text = reasons[i].text;
            return reasons[i].meaning;
        }
    return MEANS_OTHER;
}

const char *dial_reason(int reason)
{
    const char *text = NULL;

    (void)meaning_of(reason, &text);
    return text;
}

void dial_init(struct dial *d, const struct brokers *brokers, int mqtt_version,
               backoff_random_fn *random, void *random_ctx)
{
    memset(d, 0, sizeof(*d));
    d->brokers = brokers;
    d->down_ms = -1;
    d->random = random;
    d->random_ctx = random_ctx;
    d->configured = mqtt_version;
    for (size_t i = 0; i < BROKERS_MAX; i++)
        d->mqtt_version[i] = mqtt_version;
}

/* --- which version of MQTT ------------------------------------------------------------------- */

static bool listed(const char *memo, const char *name)
{
    size_t len = strlen(name);

    while (memo && !(strncmp(memo, name, len) == 0 && (memo[len] == ',' || memo[len] == '\0'))) {
        memo = strchr(memo, ',');
        memo += memo != NULL;
    }
    return memo != NULL;
}

void dial_recall(struct dial *d, const char *memo)
{
    for (size_t i = 0; i < d->brokers->count; i++) {
        d->old[i] = d->configured == 5 && listed(memo, d->brokers->list[i].name);
        if (d->old[i])
            d->mqtt_version[i] = 4;
    }
}

bool dial_memo(struct dial *d, char out[DIAL_MEMO_MAX])
{
    size_t len = 0;

    if (!d->memo_due)
        return false;
    d->memo_due = false;
    out[0] = '\0';
    for (size_t i = 0; i < d->brokers->count; i++)
        if (d->old[i])
            len += (size_t)snprintf(out + len, DIAL_MEMO_MAX - len, "%s%s", len ? "," : "",
                                    d->brokers->list[i].name);
    return true;
}

static void set_old(struct dial *d, bool old)
{
    d->memo_due = d->memo_due || d->old[d->current] != old;
    d->old[d->current] = old;
}

bool dial_old(const struct dial *d)
{
    return d->old[d->current];
}

void dial_speaks_5(struct dial *d)
{
    log_info("bridge", "%s speaks MQTT 5 now: it is used from the next connection on",
             dial_broker(d)->name);
    d->mqtt_version[d->current] = 5;
    set_old(d, false);
}

/* What was only a guess is forgotten with the attempt. */
static void forget_guess(struct dial *d)
{
    if (d->guessed[d->current])
        d->mqtt_version[d->current] = 5;
    d->guessed[d->current] = false;
    d->closed[d->current] = 0;
}

/* MQTT 5 failed. True if the next attempt is to be in 3.1.1, at once. */
static bool too_old_for_5(struct dial *d, enum dial_meaning meaning)
{
    if (meaning == MEANS_VERSION)
        log_info("bridge",
                 "%s does not speak MQTT 5: using 3.1.1 (set mqtt.version = 3.1.1 to skip this)",
                 dial_broker(d)->name);
    d->guessed[d->current] = d->closed[d->current] >= DIAL_CLOSED;
    if (meaning != MEANS_VERSION && !d->guessed[d->current])
        return false;
    d->mqtt_version[d->current] = 4;
    return true;
}

/* An attempt failed. True if the next one is to be in the other version, at once. */
static bool change_version(struct dial *d, enum dial_meaning meaning, bool closed)
{
    if (d->guessed[d->current]) {
        forget_guess(d);
        return false;
    }
    d->closed[d->current] = closed ? d->closed[d->current] + 1 : 0;
    if (d->mqtt_version[d->current] == 5)
        return too_old_for_5(d, meaning);
    if (!dial_old(d) || (meaning != MEANS_VERSION && d->closed[d->current] < DIAL_OLD_CLOSED))
        return false;
    d->mqtt_version[d->current] = 5;
    d->closed[d->current] = 0;
    if (meaning == MEANS_VERSION)
        set_old(d, false);
    return meaning == MEANS_VERSION;
}

/* --- attempts and connections ---------------------------------------------------------------- */

const struct broker *dial_broker(const struct dial *d)
{
    return &d->brokers->list[d->current];
}

int dial_version(const struct dial *d)
{
    return d->mqtt_version[d->current];
}

/* The next broker at once, or after a wait when all of them had their turn. */
static void move_on(struct dial *d, int64_t now_ms, enum dial_meaning meaning)
{
    int64_t wait = DIAL_NEXT_MS;

    if (++d->in_round % d->brokers->count == 0)
        wait = backoff_next(&d->backoff, d->random(d->random_ctx));
    if (meaning == MEANS_TAKEN_OVER || (meaning != MEANS_OTHER && d->brokers->count == 1))
        wait = DIAL_SLOW_MS + wait;
    if (meaning != MEANS_TAKEN_OVER)
        d->current = (d->current + 1) % d->brokers->count;
    d->due_ms = now_ms + wait;
}

void dial_failed(struct dial *d, int64_t now_ms, int reason, bool closed, const char *text)
{
    const char *name = dial_broker(d)->name;
    char *said = d->said[d->current];
    char line[sizeof(d->said[0])];
    enum dial_meaning meaning = meaning_of(reason, &text);

    d->attempts++;
    if (change_version(d, meaning, closed)) {
        d->due_ms = now_ms + DIAL_NEXT_MS;
        return;
    }
    snprintf(line, sizeof(line), "%d %s", reason, text);
    if (strcmp(line, said) != 0) { /* each reason once per broker, not at every attempt */
        snprintf(said, sizeof(d->said[0]), "%s", line);
        log_write(meaning == MEANS_OTHER ? LOG_WARN : LOG_ERROR, "bridge",
                  "cannot connect to %s: %s; trying on, events wait in the store", name, text);
    }
    move_on(d, now_ms, meaning);
}

void dial_up(struct dial *d, int64_t now_ms, int mqtt_version, uint64_t backlog)
{
    const char *version = mqtt_version == 5 ? "5" : "3.1.1";

    if (d->down_ms < 0)
        log_info("bridge", "connected to %s (MQTT %s), %" PRIu64 " events to send",
                 dial_broker(d)->name, version, backlog);
    else
        log_info("bridge",
                 "connected to %s (MQTT %s) again after %" PRId64
                 " s and %u failed attempts, %" PRIu64 " events to send",
                 dial_broker(d)->name, version, (now_ms - d->down_ms) / 1000, d->attempts, backlog);
    if (d->guessed[d->current])
        log_warn("bridge", "%s does not answer MQTT 5: using 3.1.1 from now on",
                 dial_broker(d)->name);
    d->guessed[d->current] = false;
    d->closed[d->current] = 0;
    set_old(d, d->configured == 5 && mqtt_version == 4);
    d->said[d->current][0] = '\0';
    d->short_lived = d->attempts == 0 ? d->short_lived : 0;
    d->attempts = 0;
    d->up_ms = now_ms;
}

void dial_lost(struct dial *d, int64_t now_ms, int reason, const char *text)
{
    enum dial_meaning meaning = meaning_of(reason, &text);

    log_write(meaning == MEANS_OTHER ? LOG_WARN : LOG_ERROR, "bridge",
              "lost connection to %s: %s; trying again", dial_broker(d)->name, text);
    d->down_ms = now_ms;
    d->short_lived = now_ms - d->up_ms < BACKOFF_STABLE_MS ? d->short_lived + 1 : 0;
    if (d->short_lived == DIAL_SHORT_LIVED) /* old brokers give no reason for a takeover */
        log_error("bridge",
                  "connections to %s come up and end after a moment: does another client use the "
                  "same client id? Give each agent its own mqtt.agent_id, and its own login where "
                  "the broker takes that for the client id",
                  dial_broker(d)->name);
    backoff_ended(&d->backoff, now_ms - d->up_ms);
    if (now_ms - d->up_ms >= BACKOFF_STABLE_MS)
        d->in_round = 0;
    move_on(d, now_ms, meaning);
}

bool dial_hung_up(int reason, bool closed)
{
    static const unsigned char others[] = {/* not over a message */
                                           0x88, 0x89, 0x8b, 0x8d, 0x8e, 0x96,
                                           0x97, 0x98, 0x9c, 0x9d, 0x9f, 0xa0};

    if (reason == 0)
        return closed;
    return !memchr(others, reason, sizeof(others));
}

void dial_excuse(struct dial *d)
{
    d->short_lived = 0;
}

void dial_resume(struct dial *d, int64_t now_ms, size_t to)
{
    d->current = to;
    d->in_round = 0;
    d->short_lived = 0;
    backoff_ended(&d->backoff, BACKOFF_STABLE_MS);
    d->due_ms = now_ms + DIAL_NEXT_MS;
}

void dial_move(struct dial *d, int64_t now_ms, size_t to)
{
    d->down_ms = now_ms;
    d->in_round = 0;
    d->current = to;
    d->due_ms = now_ms + DIAL_NEXT_MS;
}
