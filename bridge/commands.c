#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

/* A command under way. The callback and the agent each hold it until they are done with it. */
struct pending {
    struct bridge_command command; /* first: the agent's pointer is ours */
    unsigned holders;
    bool answered;
    const char *reply_topic;
    const void *correlation;
    size_t correlation_len;
    char data[];
};

enum studio_err commands_init(struct commands *c, const struct topics *topics,
                              const struct bridge_source *source, struct answers *answers,
                              struct replays *replays, struct events *events)
{
    pthread_condattr_t attr;

    *c = (struct commands){.topics = topics,
                           .source = source,
                           .answers = answers,
                           .replays = replays,
                           .events = events,
                           .hold_ms = COMMANDS_HOLD_MS};
    if (pthread_mutex_init(&c->lock, NULL) != 0)
        return STUDIO_ERR_NO_MEMORY;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->answered, &attr);
    pthread_condattr_destroy(&attr);
    c->ready = true;
    return STUDIO_OK;
}

void commands_finish(struct commands *c)
{
    if (!c->ready)
        return;
    pthread_cond_destroy(&c->answered);
    pthread_mutex_destroy(&c->lock);
    c->ready = false;
}

bool commands_close(struct commands *c)
{
    bool held;

    pthread_mutex_lock(&c->lock);
    held = c->inside > 0;
    c->closed = true;
    pthread_cond_broadcast(&c->answered);
    pthread_mutex_unlock(&c->lock);
    return held;
}

uint64_t commands_ignored(struct commands *c)
{
    uint64_t ignored;

    pthread_mutex_lock(&c->lock);
    ignored = c->ignored;
    pthread_mutex_unlock(&c->lock);
    return ignored;
}

static void ignore(struct commands *c, const struct link_command *in, const char *why)
{
    pthread_mutex_lock(&c->lock);
    c->ignored++;
    log_limited(&c->log, LOG_WARN, "bridge", "ignored a message on %.*s: %s", (int)in->topic_len,
                in->topic, why);
    pthread_mutex_unlock(&c->lock);
}

/* --- answering ------------------------------------------------------------------------------- */

static void reply(struct commands *c, const char *topic, const void *correlation,
                  size_t correlation_len, const char *json, size_t len)
{
    struct reply *r = reply_create(NULL, topic, correlation, correlation_len, json, len);

    if (!r || !answers_put(c->answers, r)) {
        pthread_mutex_lock(&c->lock);
        log_limited(&c->log, LOG_WARN, "bridge",
                    "the answer for %s is dropped: too many wait for the broker", topic);
        pthread_mutex_unlock(&c->lock);
    }
    events_wake(c->events);
}

static void reply_error(struct commands *c, const char *topic, const struct link_command *in,
                        const char *text)
{
    char json[128];
    int n = snprintf(json, sizeof(json), "{\"error\":\"%s\"}", text);

    reply(c, topic, in->correlation, in->correlation_len, json, (size_t)n);
}

/* Where the answers to a message go. */
static bool answer_topic(struct commands *c, const struct link_command *in,
                         const struct topic_request *request, char out[TOPIC_MAX])
{
    char fallback[TOPIC_MAX], response[TOPIC_MAX] = "";
    bool usable = in->response && in->response_len < TOPIC_MAX &&
                  !memchr(in->response, '\0', in->response_len);

    if (request->kind == TOPIC_REPLAY
            ? !topics_agent(c->topics, TOPIC_REPLAYED, request->client, fallback)
            : !topics_table(c->topics, request->table, TOPIC_REPLY, request->client, fallback))
        return false;
    if (usable) {
        memcpy(response, in->response, in->response_len);
        response[in->response_len] = '\0';
    }
    snprintf(out, TOPIC_MAX, "%s",
             topics_response(c->topics, usable ? response : NULL, request->client, fallback));
    return true;
}

/* --- handing over ---------------------------------------------------------------------------- */

static const char *append(char **at, const void *bytes, size_t len)
{
    char *start = *at;

    if (len > 0)
        memcpy(start, bytes, len);
    start[len] = '\0';
    *at += len + 1;
    return start;
}

static struct pending *pending_create(const struct link_command *in,
                                      const struct topic_request *request, const char *topic)
{
    size_t size = strlen(request->table) + strlen(request->client) + strlen(request->field) +
                  strlen(topic) + in->payload_len + in->correlation_len + 6;
    struct pending *p = malloc(sizeof(*p) + size);
    char *at;

    if (!p)
        return NULL;
    at = p->data;
    *p = (struct pending){.holders = 2, .correlation_len = in->correlation_len};
    p->command.table_id = append(&at, request->table, strlen(request->table));
    p->command.client = append(&at, request->client, strlen(request->client));
    if (request->kind == TOPIC_SET_FIELD)
        p->command.field = append(&at, request->field, strlen(request->field));
    p->command.payload = append(&at, in->payload, in->payload_len);
    p->command.payload_len = in->payload_len;
    p->command.retained = in->retained;
    p->reply_topic = append(&at, topic, strlen(topic));
    if (in->correlation)
        p->correlation = append(&at, in->correlation, in->correlation_len);
    return p;
}

/* With the lock held. */
static void let_go(struct pending *p)
{
    if (--p->holders == 0)
        free(p);
}

void commands_answer(struct commands *c, struct bridge_command *command, const char *json,
                     size_t len)
{
    struct pending *p = (struct pending *)command;

    if (json) /* before the acknowledgement: a crash between the two repeats the command */
        reply(c, p->reply_topic, p->correlation, p->correlation_len, json, len);
    pthread_mutex_lock(&c->lock);
    p->answered = !c->closed; /* else it comes too late: the broker is to keep the command */
    let_go(p);
    pthread_cond_broadcast(&c->answered);
    pthread_mutex_unlock(&c->lock);
}

static void hold_back(const struct commands *c)
{
    struct timespec pause = {.tv_sec = c->hold_ms / 1000,
                             .tv_nsec = (long)(c->hold_ms % 1000) * 1000000};

    log_info("bridge", "a command without an answer yet is left with the broker");
    nanosleep(&pause, NULL);
}

static bool is_closed(struct commands *c)
{
    bool closed;

    pthread_mutex_lock(&c->lock);
    closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

static void wait_for_answer(struct commands *c, struct pending *p)
{
    const struct timespec until = clock_after(COMMANDS_WAIT_MS);
    bool hold;
    int rc = 0;

    pthread_mutex_lock(&c->lock);
    c->inside++;
    while (!p->answered && !c->closed && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&c->answered, &c->lock, &until);
    c->inside--;
    hold = !p->answered && c->closed;
    if (!p->answered && !hold)
        log_limited(
            &c->log, LOG_WARN, "bridge",
            "a command for table %s took longer than %d s: acknowledged to the broker before "
            "it was carried out",
            p->command.table_id, COMMANDS_WAIT_MS / 1000);
    let_go(p);
    pthread_mutex_unlock(&c->lock);
    if (hold)
        hold_back(c);
}

static void carry_out(struct commands *c, const struct link_command *in,
                      const struct topic_request *request, const char *topic)
{
    struct pending *p = pending_create(in, request, topic);

    if (p && c->source->command(c->source->ctx, &p->command)) {
        wait_for_answer(c, p);
        return;
    }
    free(p);
    if (is_closed(c))
        hold_back(c);
    else /* no memory, or more are waiting than the agent can take */
        reply_error(c, topic, in, studio_err_text(STUDIO_ERR_STORAGE));
}

static void ask_replay(struct commands *c, const struct link_command *in, const char *client,
                       const char *topic)
{
    struct ask ask;
    const char *wrong = ask_read(in->payload, in->payload_len, &ask);
    struct reply *to = NULL;

    if (!wrong) {
        to = reply_create(client, topic, in->correlation, in->correlation_len, "", 0);
        wrong = studio_err_text(STUDIO_ERR_LIMIT);
    }
    if (to && replays_put(c->replays, to, &ask)) {
        events_wake(c->events);
        return;
    }
    free(to);
    reply_error(c, topic, in, wrong);
}

void commands_arrived(void *ctx, const struct link_command *in)
{
    struct commands *c = ctx;
    struct topic_request request;
    char topic[TOPIC_MAX];

    topics_parse(c->topics, in->topic, in->topic_len, &request);
    if (request.kind == TOPIC_NOT_OURS)
        ignore(c, in, "not a command");
    else if (!studio_name_valid(request.client, strlen(request.client)))
        ignore(c, in, "the client's name is not valid");
    else if (!answer_topic(c, in, &request, topic))
        ignore(c, in, "the topic is too long to be answered");
    else if (in->retained && in->payload_len == 0)
        return; /* someone clears the topic */
    else if (in->retained && request.kind == TOPIC_REPLAY)
        reply_error(c, topic, in, studio_err_text(STUDIO_ERR_RETAINED_COMMAND));
    else if (in->expiry_s == 0)
        ignore(c, in, "it has expired");
    else if (request.kind == TOPIC_REPLAY)
        ask_replay(c, in, request.client, topic);
    else
        carry_out(c, in, &request, topic);
}
