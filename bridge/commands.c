#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/names.h"

/* A command under way. */
struct pending {
    struct bridge_command command; /* first: the agent's pointer is ours */
    struct pending *next;
    uint64_t generation, token; /* the link's */
    const char *reply_topic, *fallback;
    const void *correlation;
    size_t correlation_len;
    char data[];
};

enum studio_err commands_init(struct commands *c, const struct topics *topics,
                              const struct bridge_source *source, struct answers *answers,
                              struct replays *replays, struct link *link)
{
    *c = (struct commands){
        .topics = topics, .source = source, .answers = answers, .replays = replays, .link = link};
    c->ready = pthread_mutex_init(&c->lock, NULL) == 0;
    return c->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

static void add(struct pending_list *list, struct pending *p)
{
    p->next = NULL;
    *(list->tail ? &list->tail->next : &list->head) = p;
    list->tail = p;
}

static struct pending *take(struct pending_list *list)
{
    struct pending *p = list->head;

    if (p)
        list->head = p->next;
    if (!list->head)
        list->tail = NULL;
    return p;
}

static void drop(struct pending_list *list)
{
    struct pending *p;

    while ((p = take(list)))
        free(p);
}

void commands_finish(struct commands *c)
{
    if (!c->ready)
        return;
    drop(&c->waiting);
    drop(&c->answered);
    pthread_mutex_destroy(&c->lock);
    c->ready = false;
}

static void ignore(struct commands *c, const struct link_command *in, const char *why)
{
    c->ignored++;
    log_limited(&c->log, LOG_WARN, "bridge", "ignored a message on %.*s: %s", (int)in->topic_len,
                in->topic, why);
}

/* --- answering ------------------------------------------------------------------------------- */

/* Where the answers to a message go, and where if that cannot be. */
struct answer_to {
    char topic[TOPIC_MAX], fallback[TOPIC_MAX];
};

static void reply(struct commands *c, const char *topic, const char *fallback,
                  const void *correlation, size_t correlation_len, const char *json, size_t len)
{
    struct reply *r = reply_create(NULL, topic, fallback, correlation, correlation_len, json, len);

    if (!r || !answers_put(c->answers, r))
        log_warn("bridge", "the answer for %s is dropped: too many wait for the broker", topic);
}

static bool answer_topic(struct commands *c, const struct link_command *in,
                         const struct topic_request *request, struct answer_to *out)
{
    char response[TOPIC_MAX] = "";
    bool usable = in->response && in->response_len < TOPIC_MAX &&
                  !memchr(in->response, '\0', in->response_len);

    if (request->kind == TOPIC_REPLAY
            ? !topics_agent(c->topics, TOPIC_REPLAYED, request->client, out->fallback)
            : !topics_table(c->topics, request->table, TOPIC_REPLY, request->client, out->fallback))
        return false;
    if (usable) {
        memcpy(response, in->response, in->response_len);
        response[in->response_len] = '\0';
    }
    snprintf(out->topic, TOPIC_MAX, "%s",
             topics_response(c->topics, usable ? response : NULL, request->client, out->fallback));
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
                                      const struct topic_request *request,
                                      const struct answer_to *to)
{
    size_t size = strlen(request->table) + strlen(request->client) + strlen(request->field) +
                  strlen(to->topic) + strlen(to->fallback) + in->payload_len + in->correlation_len +
                  7;
    struct pending *p = malloc(sizeof(*p) + size);
    char *at;

    if (!p)
        return NULL;
    at = p->data;
    *p = (struct pending){
        .generation = in->generation, .token = in->token, .correlation_len = in->correlation_len};
    p->command.table_id = append(&at, request->table, strlen(request->table));
    p->command.client = append(&at, request->client, strlen(request->client));
    if (request->kind == TOPIC_SET_FIELD)
        p->command.field = append(&at, request->field, strlen(request->field));
    p->command.payload = append(&at, in->payload, in->payload_len);
    p->command.payload_len = in->payload_len;
    p->command.retained = in->retained;
    p->command.replay = request->kind == TOPIC_REPLAY;
    p->reply_topic = append(&at, to->topic, strlen(to->topic));
    p->fallback = append(&at, to->fallback, strlen(to->fallback));
    if (in->correlation)
        p->correlation = append(&at, in->correlation, in->correlation_len);
    return p;
}

void commands_answer(struct commands *c, struct bridge_command *command, const char *json,
                     size_t len)
{
    struct pending *p = (struct pending *)command;

    if (json) /* before the verdict: a crash between the two repeats the command */
        reply(c, p->reply_topic, p->fallback, p->correlation, p->correlation_len, json, len);
    pthread_mutex_lock(&c->lock);
    add(&c->answered, p);
    pthread_mutex_unlock(&c->lock);
}

void commands_replay(struct commands *c, struct bridge_command *command,
                     const struct studio_replay *replay)
{
    static const char too_many[] = "{\"error\":\"Try again later\"}";
    const struct pending *p = (struct pending *)command;
    struct reply *to = reply_create(command->client, p->reply_topic, p->fallback, p->correlation,
                                    p->correlation_len, "", 0);

    if (to && replays_put(c->replays, to, replay)) {
        commands_answer(c, command, NULL, 0);
        return;
    }
    free(to);
    commands_answer(c, command, too_many, sizeof(too_many) - 1);
}

void commands_event(struct commands *c, const struct link_event *event)
{
    if (event->link != LINK_IN || (event->kind != LINK_LOST && event->kind != LINK_UP))
        return;
    c->held = event->kind == LINK_LOST;
    if (event->kind == LINK_UP && event->limits.session)
        drop(&c->waiting);
}

bool commands_step(struct commands *c)
{
    struct pending_list answered;
    struct pending *p;

    pthread_mutex_lock(&c->lock);
    answered = c->answered;
    c->answered = (struct pending_list){NULL, NULL};
    pthread_mutex_unlock(&c->lock);
    while ((p = take(&answered))) {
        c->link->ops->verdict(c->link, p->generation, p->token);
        free(p);
    }
    while (!c->held && (p = c->waiting.head)) {
        struct pending_list rest = {p->next, p->next ? c->waiting.tail : NULL};

        if (!c->source->command(c->source->ctx, &p->command))
            return false;  /* an answer to those before it will make room, and wake us */
        c->waiting = rest; /* it is the agent's now, and may be answered already */
    }
    return true;
}

/* True: it goes to the agent, whose answer brings the verdict. */
static bool carry_out(struct commands *c, const struct link_command *in,
                      const struct topic_request *request, const struct answer_to *to)
{
    struct pending *p = pending_create(in, request, to);

    if (p)
        add(&c->waiting, p);
    else
        reply(c, to->topic, to->fallback, in->correlation, in->correlation_len, JSON_NO_MEMORY,
              sizeof(JSON_NO_MEMORY) - 1);
    return p != NULL;
}

void commands_arrived(struct commands *c, const struct link_command *in)
{
    struct topic_request request;
    struct answer_to to;
    bool theirs = false;

    topics_parse(c->topics, in->topic, in->topic_len, &request);
    if (request.kind == TOPIC_NOT_OURS)
        ignore(c, in, "not a command");
    else if (!name_is_client(request.client, strlen(request.client)))
        ignore(c, in, "the client's name is not valid");
    else if (!answer_topic(c, in, &request, &to))
        ignore(c, in, "the topic is too long to be answered");
    else if (in->retained && in->payload_len == 0)
        ; /* someone clears the topic */
    else if (in->expiry_s == 0)
        ignore(c, in, "it has expired");
    else
        theirs = carry_out(c, in, &request, &to);
    if (!theirs)
        c->link->ops->verdict(c->link, in->generation, in->token);
}
