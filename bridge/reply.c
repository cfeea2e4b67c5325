#include "reply.h"

#include <stdlib.h>
#include <string.h>

struct reply *reply_create(const char *client, const char *topic, const void *correlation,
                           size_t correlation_len, const char *payload, size_t len)
{
    size_t topic_len = strlen(topic) + 1, client_len = client ? strlen(client) + 1 : 0;
    struct reply *reply =
        malloc(sizeof(*reply) + topic_len + client_len + correlation_len + len + 1);
    char *at;

    if (!reply)
        return NULL;
    at = reply->data;
    *reply = (struct reply){.topic = at, .len = len, .correlation_len = correlation_len};
    memcpy(at, topic, topic_len);
    at += topic_len;
    reply->payload = at;
    memcpy(at, payload, len);
    at[len] = '\0';
    at += len + 1;
    if (client) {
        reply->client = at;
        memcpy(at, client, client_len);
        at += client_len;
    }
    if (correlation) {
        reply->correlation = at;
        memcpy(at, correlation, correlation_len);
    }
    return reply;
}

static size_t size_of(const struct reply *reply)
{
    return sizeof(*reply) + reply->len + reply->correlation_len;
}

bool reply_list_add(struct reply_list *list, struct reply *reply)
{
    if (list->count >= REPLIES_MAX || list->bytes + size_of(reply) > REPLIES_MAX_BYTES)
        return false;
    reply->next = NULL;
    *(list->tail ? &list->tail->next : &list->head) = reply;
    list->tail = reply;
    list->count++;
    list->bytes += size_of(reply);
    return true;
}

void reply_list_push_front(struct reply_list *list, struct reply *reply)
{
    reply->next = list->head;
    list->head = reply;
    if (!list->tail)
        list->tail = reply;
    list->count++;
    list->bytes += size_of(reply);
}

struct reply *reply_list_take(struct reply_list *list)
{
    struct reply *reply = list->head;

    if (!reply)
        return NULL;
    list->head = reply->next;
    if (!list->head)
        list->tail = NULL;
    list->count--;
    list->bytes -= size_of(reply);
    reply->next = NULL;
    return reply;
}

void reply_list_clear(struct reply_list *list)
{
    struct reply *reply;

    while ((reply = reply_list_take(list)))
        free(reply);
}
