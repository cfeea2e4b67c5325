#include "reply.h"

#include <stdlib.h>
#include <string.h>

static char *append(char **at, const void *bytes, size_t len)
{
    char *start = *at;

    memcpy(start, bytes, len);
    *at += len;
    return start;
}

struct reply *reply_create(const char *client, const char *topic, const char *fallback,
                           const void *correlation, size_t correlation_len, const char *payload,
                           size_t len)
{
    size_t size = strlen(topic) + 1 + len + 1 + correlation_len;
    struct reply *reply;
    char *at;

    if (fallback && strcmp(fallback, topic) == 0)
        fallback = NULL;
    size += (client ? strlen(client) + 1 : 0) + (fallback ? strlen(fallback) + 1 : 0);
    reply = malloc(sizeof(*reply) + size);
    if (!reply)
        return NULL;
    at = reply->data;
    *reply = (struct reply){.len = len, .correlation_len = correlation_len};
    reply->topic = append(&at, topic, strlen(topic) + 1);
    reply->payload = append(&at, payload, len);
    *at++ = '\0';
    if (client)
        reply->client = append(&at, client, strlen(client) + 1);
    if (fallback)
        reply->fallback = append(&at, fallback, strlen(fallback) + 1);
    if (correlation)
        reply->correlation = append(&at, correlation, correlation_len);
    return reply;
}

bool reply_fall_back(struct reply *reply)
{
    if (!reply->fallback)
        return false;
    reply->topic = reply->fallback;
    reply->fallback = NULL;
    return true;
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
