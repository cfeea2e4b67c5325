/*
 * reply.h - answers on their way to who asked by MQTT: one message each, and a bounded list of them.
 */
#ifndef BRIDGE_REPLY_H
#define BRIDGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Commands go on while the publishing connection is away, so there is room for many answers. */
enum { REPLIES_MAX = 65536, REPLIES_MAX_BYTES = 32 << 20 };

struct reply {
    struct reply *next;
    uint64_t number;    /* in the order of answers_put */
    const char *client; /* who asked: of replay requests only, else NULL */
    const char *topic;
    const char *fallback; /* where it goes if the broker hangs up on that topic; NULL: nowhere */
    const char *payload;
    size_t len;
    const void *correlation; /* NULL if none */
    size_t correlation_len;
    char data[];
};

/* Copies all; `client` and `fallback` may be NULL. NULL without memory; free() it. */
struct reply *reply_create(const char *client, const char *topic, const char *fallback,
                           const void *correlation, size_t correlation_len, const char *payload,
                           size_t len);
/* The broker hangs up on its topic: on to the fallback. False: there is none left. */
bool reply_fall_back(struct reply *reply);

struct reply_list {
    struct reply *head, *tail;
    size_t count, bytes;
};
/* Appends if the bounds allow; else false, the reply stays the caller's. */
bool reply_list_add(struct reply_list *list, struct reply *reply);
/* Back to the head, beyond the bounds if need be. */
void reply_list_push_front(struct reply_list *list, struct reply *reply);
struct reply *reply_list_take(struct reply_list *list);
void reply_list_clear(struct reply_list *list);

#endif
